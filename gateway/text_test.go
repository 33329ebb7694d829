package gateway

import (
	"testing"

	"github.com/BurntSushi/toml"
)

func TestTOMLString(t *testing.T) {
	for in, want := range map[string]string{
		"Boardroom":               `"Boardroom"`,
		`C:\tmp\a "new" one`:      `"C:\\tmp\\a \"new\" one"`,
		"a\tb\nc\x00d\x7fe\u0085": `"a\u0009b\u000Ac\u0000d\u007Fe\u0085"`,
		"Zoë’s 会議室 🏠":             `"Zoë’s 会議室 🏠"`,
	} {
		if got := TOMLString(in); got != want {
			t.Errorf("%q is written %s, want %s", in, got, want)
		}
		var doc struct{ V string }
		if _, err := toml.Decode("v = "+TOMLString(in), &doc); err != nil || doc.V != in {
			t.Errorf("%q is read back as %q, %v", in, doc.V, err)
		}
	}
}

func TestOneLine(t *testing.T) {
	for in, want := range map[string]string{
		"Boardroom":            "Boardroom",
		" two\n lines\t":       "two lines",
		"a\x1b[2Jb\u0085c":     "a[2Jb c",
		"\u202eleft\u200d":     "left",
		"\xff\xc3damaged":      "damaged",
		"Zoë’s 会議室 🏠\u2028end": "Zoë’s 会議室 🏠 end",
	} {
		if got := OneLine(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
