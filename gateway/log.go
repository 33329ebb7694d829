package gateway

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"syscall"
)

// NewLog returns a log that is written to w. Under systemd the lines carry the
// priority that the journal understands, and no time, because the journal has its
// own (sd-daemon(3)).
func NewLog(w io.Writer, level slog.Level) *slog.Logger {
	o := &slog.HandlerOptions{Level: level}
	if !toJournal(w) {
		return slog.New(slog.NewTextHandler(w, o))
	}
	o.ReplaceAttr = func(groups []string, a slog.Attr) slog.Attr {
		if len(groups) == 0 && (a.Key == slog.TimeKey || a.Key == slog.LevelKey) {
			return slog.Attr{}
		}
		return a
	}
	j := &journal{w: w, mu: &sync.Mutex{}, line: &bytes.Buffer{}}
	j.text = slog.NewTextHandler(j.line, o)
	return slog.New(j)
}

// toJournal reports whether w is the stream systemd connected to the journal.
func toJournal(w io.Writer) bool {
	f := fileOf(w)
	if f == nil {
		return false
	}
	var st syscall.Stat_t
	if err := syscall.Fstat(int(f.Fd()), &st); err != nil {
		return false
	}
	return os.Getenv("JOURNAL_STREAM") == fmt.Sprintf("%d:%d", st.Dev, st.Ino)
}

// journal writes text lines with a priority in front.
type journal struct {
	w    io.Writer
	mu   *sync.Mutex
	line *bytes.Buffer
	text slog.Handler
}

// Enabled implements slog.Handler.
func (j *journal) Enabled(ctx context.Context, l slog.Level) bool { return j.text.Enabled(ctx, l) }

// Handle implements slog.Handler.
func (j *journal) Handle(ctx context.Context, r slog.Record) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.line.Reset()
	if err := j.text.Handle(ctx, r); err != nil {
		return err
	}
	_, err := io.WriteString(j.w, priority(r.Level)+strings.TrimPrefix(j.line.String(), "msg="))
	return err
}

// WithAttrs implements slog.Handler.
func (j *journal) WithAttrs(attrs []slog.Attr) slog.Handler {
	c := *j
	c.text = j.text.WithAttrs(attrs)
	return &c
}

// WithGroup implements slog.Handler.
func (j *journal) WithGroup(name string) slog.Handler {
	c := *j
	c.text = j.text.WithGroup(name)
	return &c
}

func priority(l slog.Level) string {
	switch {
	case l >= slog.LevelError:
		return "<3>"
	case l >= slog.LevelWarn:
		return "<4>"
	case l >= slog.LevelInfo:
		return "<6>"
	}
	return "<7>"
}
