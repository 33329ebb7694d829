package gateway

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestOutput(t *testing.T) {
	for in, want := range map[string]string{
		"Zoë’s 会議室 🏠\tfree\n":                 "Zoë’s 会議室 🏠\tfree\n",
		"of a spreadsheet\r\n":                "of a spreadsheet\r\n",
		"\x1b[2J\x1b]0;title\a":               `\u001b[2J\u001b]0;title\u0007`,
		"over\rwritten":                       `over\u000dwritten`,
		"\x00\b\v\f\x7f":                      `\u0000\u0008\u000b\u000c\u007f`,
		"\u0085\u009b31m":                     `\u0085\u009b31m`,
		"\u202ecod.exe\u2066\u200f\u061c":     `\u202ecod.exe\u2066\u200f\u061c`,
		"two\u2028lines\u2029":                `two\u2028lines\u2029`,
		"\xff\xc3damaged\x9b":                 "\ufffd\ufffddamaged\ufffd",
		"a family \U0001F468\u200D\U0001F469": "a family \U0001F468\u200D\U0001F469",
		"":                                    "",
	} {
		var whole, bytewise bytes.Buffer
		if n, err := NewOutput(&whole).Write([]byte(in)); n != len(in) || err != nil {
			t.Errorf("%q: wrote %d, %v", in, n, err)
		}
		o := NewOutput(&bytewise)
		for i := range len(in) {
			if n, err := o.Write([]byte{in[i]}); n != 1 || err != nil {
				t.Errorf("%q: wrote %d, %v", in, n, err)
			}
		}
		if whole.String() != want || bytewise.String() != want {
			t.Errorf("%q is written\n%q, and byte by byte\n%q, want\n%q", in, whole.String(), bytewise.String(), want)
		}
	}
}

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestOutputReportsErrors(t *testing.T) {
	if _, err := NewOutput(failingWriter{}).Write([]byte("words")); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("got %v", err)
	}
}

// The program's own control sequences are written as they are.
func TestControl(t *testing.T) {
	var b bytes.Buffer
	if err := Control(NewOutput(&b), "\x1b[K"); err != nil || b.String() != "\x1b[K" {
		t.Errorf("wrote %q, %v", b.String(), err)
	}
	if IsTerminal(NewOutput(&b)) || IsTerminal(&b) {
		t.Error("a buffer is said to be a terminal")
	}
}

// What a service said reaches the log of a terminal on one line and cleaned.
func TestLogOnATerminal(t *testing.T) {
	var b bytes.Buffer
	NewLog(NewOutput(&b), slog.LevelInfo).Warn("reading failed\x1b[2J", "reason", errors.New("denied\x1b[2J\u009b1m\u202e\nlevel=ERROR msg=forged"))
	if got := b.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, `reason="denied\x1b[2J\u009b1m\u202e\nlevel=ERROR msg=forged"`) {
		t.Errorf("logged %q", got)
	}
}

// Under systemd the log goes through the Output, too, and is still recognised as the
// journal's.
func TestOutputOnTheJournal(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "journal"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var st syscall.Stat_t
	if err := syscall.Fstat(int(f.Fd()), &st); err != nil {
		t.Fatal(err)
	}
	t.Setenv("JOURNAL_STREAM", fmt.Sprintf("%d:%d", st.Dev, st.Ino))
	NewLog(NewOutput(f), slog.LevelInfo).Warn("words")
	if got, err := os.ReadFile(f.Name()); err != nil || string(got) != "<4>words\n" {
		t.Errorf("the journal got %q, %v", got, err)
	}
}
