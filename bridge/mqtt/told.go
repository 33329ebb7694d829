package mqtt

import (
	"context"
	"log/slog"
	"regexp"
	"time"
)

// told limits what a Sink logs: a trouble that goes on, or that comes back in other
// words, is logged once. It belongs to the goroutine of [Sink.Run].
type told struct {
	to    *slog.Logger
	when  map[string]time.Time // of the last line, by what was told
	lines []time.Time          // of the last hour
}

const (
	linesAnHour = 10
	tellAgainIn = 24 * time.Hour // what goes on is logged again
)

// details are what varies in texts about the same trouble: ports, addresses, counts,
// identifiers.
var details = regexp.MustCompile(`[0-9a-fA-F]*[0-9][0-9a-fA-F:.]*`)

// log logs a line about what, unless that was logged already or the hour has had its
// lines. It reports whether it did.
func (t *told) log(level slog.Level, what, line string, attrs ...any) bool {
	now := time.Now()
	for key, at := range t.when {
		if now.Sub(at) >= tellAgainIn {
			delete(t.when, key)
		}
	}
	for len(t.lines) > 0 && now.Sub(t.lines[0]) >= time.Hour {
		t.lines = t.lines[1:]
	}
	key := details.ReplaceAllString(what, "#")
	if _, known := t.when[key]; known || len(t.lines) >= linesAnHour {
		return false
	}
	if t.when == nil {
		t.when = map[string]time.Time{}
	}
	t.when[key] = now
	t.lines = append(t.lines, now)
	t.to.Log(context.Background(), level, line, attrs...)
	return true
}

// over makes what was told worth telling again, because it has ended for good.
func (t *told) over() { t.when = nil }
