package driver

import (
	"strings"
	"testing"
)

// The words are contracts: with the configuration, with subscribers, and of the
// state that is stored.
func TestEnums(t *testing.T) {
	expectEnum(t, ParseFailSafe, "hold unoccupied occupied schedule")
	expectEnum(t, ParseRelease, "end start")
	expectEnum(t, ParsePrivacy, "busy organizer subject full")
	expectEnum(t, ParseShowAs, "unknown free tentative busy oof workingElsewhere")
	expectEnum(t, qualityWords.parse, "unknown good stale fault test")
	expectEnum(t, modeWords.parse, "unknown occupied standby unoccupied bypass")
	expectEnum(t, sensorWords.parse, "none good silent")
	expectEnum(t, ParseSessionState, "never_signed_in ok refreshing retrying sign_in_needed")
}

func expectEnum[T interface {
	~uint8
	String() string
}](t *testing.T, parse func(string) (T, error), list string) {
	t.Helper()
	words := strings.Fields(list)
	for i, word := range words {
		for _, written := range []string{word, strings.ToUpper(word)} {
			if v, err := parse(written); err != nil || v != T(i) {
				t.Errorf("%s is %d, %v; want %d", written, v, err, i)
			}
		}
		if got := T(i).String(); got != word {
			t.Errorf("%T(%d) is %q, want %q", T(i), i, got, word)
		}
	}
	for _, v := range []T{T(len(words)), 255} {
		if got := v.String(); got != "" {
			t.Errorf("%T(%d) has the word %q", v, v, got)
		}
	}
	for _, wrong := range []string{"", "holds", words[0] + " "} {
		v, err := parse(wrong)
		if err == nil || v != 0 || !strings.Contains(err.Error(), strings.Join(words, ", ")) {
			t.Errorf("%T of %q is %d, %v", v, wrong, v, err)
		}
	}
}
