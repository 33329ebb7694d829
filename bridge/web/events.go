package web

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
)

const (
	maxStreams   = 64
	pause        = 500 * time.Millisecond // between two looks at the board
	keepAlive    = 15 * time.Second       // shorter than the idle time-outs of common proxies
	writeTimeout = 10 * time.Second       // for a reader to take one event
	retryMillis  = 3000                   // after which a browser connects again
)

// events streams the page's changes as server-sent events
// (html.spec.whatwg.org/multipage/server-sent-events.html): event "fragment",
// data {"id", "html"}. The first ones bring the whole page.
func (s *server) events(w http.ResponseWriter, r *http.Request) {
	select {
	case s.streams <- struct{}{}:
		defer func() { <-s.streams }()
	default:
		w.Header().Set("Retry-After", "30")
		http.Error(w, "too many pages are open; close some", http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	if r.Method == http.MethodHead {
		return
	}
	out := &stream{w: w, rc: http.NewResponseController(w)}
	// A server's read time-out is meant for requests, not for a stream that
	// lasts; where it cannot be lifted the first write says so.
	out.rc.SetReadDeadline(time.Time{})
	if err := s.follow(r.Context(), out); err != nil {
		s.Log.Debug("a stream of events ended", "err", err)
	}
}

// follow sends what changes until ctx ends or a write fails. It looks at the
// board at most once a pause, and at least once every keepAlive.
func (s *server) follow(ctx context.Context, out *stream) error {
	if err := out.send(fmt.Sprintf("retry: %d\n\n", retryMillis)); err != nil {
		return err
	}
	sh := newSheet(&s.Options)
	sent := map[string]string{}
	for {
		changed := s.Board.Changed()
		if err := s.sendNews(sh, sent, out); err != nil {
			return err
		}
		if !wait(ctx, nil, pause) {
			return nil
		}
		if !wait(ctx, changed, keepAlive) {
			return nil
		}
	}
}

// sendNews sends the fragments that differ from those in sent, or a comment
// that keeps the connection alive.
func (s *server) sendNews(sh *sheet, sent map[string]string, out *stream) error {
	now := s.Now()
	fragments, err := sh.fragments(sh.read(now), now)
	if err != nil {
		return err
	}
	news := 0
	for _, f := range fragments {
		if sent[f.ID] == f.HTML {
			continue
		}
		sent[f.ID] = f.HTML
		data, err := f.line()
		if err != nil {
			return err
		}
		if err := out.write("event: fragment\ndata: " + data + "\n\n"); err != nil {
			return err
		}
		news++
	}
	if news == 0 {
		return out.send(":\n\n")
	}
	return out.flush()
}

// line renders the fragment as JSON on one line, as an event needs it. What
// is in it was escaped by its template, and stays readable.
func (f fragment) line() (string, error) {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(f); err != nil {
		return "", fmt.Errorf("rendering an event: %w", err)
	}
	return strings.TrimSuffix(b.String(), "\n"), nil
}

// wait waits for the channel, or for d at most. It reports false when ctx ended.
func wait(ctx context.Context, changed <-chan struct{}, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-changed:
	case <-t.C:
	}
	return true
}

// stream writes events. Every write has its own deadline, so that a reader that
// takes nothing is let go.
type stream struct {
	w  http.ResponseWriter
	rc *http.ResponseController
}

func (s *stream) write(text string) error {
	if err := s.rc.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return fmt.Errorf("setting a deadline for an event: %w", err)
	}
	if _, err := s.w.Write([]byte(text)); err != nil {
		return fmt.Errorf("writing an event: %w", err)
	}
	return nil
}

func (s *stream) flush() error {
	if err := s.rc.Flush(); err != nil {
		return fmt.Errorf("writing an event: %w", err)
	}
	return nil
}

func (s *stream) send(text string) error {
	if err := s.write(text); err != nil {
		return err
	}
	return s.flush()
}
