package web

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	g "maragu.dev/gomponents"
)

const (
	maxStreams  = 64
	pause       = 500 * time.Millisecond // between two looks at the board
	keepAlive   = 15 * time.Second       // shorter than the idle time-outs of common proxies
	retryMillis = 3000                   // after which a browser connects again
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
	out := &stream{w: w, rc: http.NewResponseController(w), sent: map[string]string{}}
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
	for {
		changed := s.Board.Changed()
		if err := s.sendNews(out); err != nil {
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

// sendNews sends what has changed, or a comment that keeps the connection alive.
func (s *server) sendNews(out *stream) error {
	now := s.Now()
	version, sum := s.rooms.refresh(now)
	items := s.items(now)
	news := false
	for _, part := range []struct {
		id      string
		element g.Node
	}{{"overview", overviewLine(sum)}, {"problems", problemItems(problems(items))}, {"items", allItems(items)}} {
		html := render(part.element)
		if html == out.sent[part.id] {
			continue
		}
		if err := out.write(fragment(part.id, html)); err != nil {
			return err
		}
		out.sent[part.id], news = html, true
	}
	for room := range s.Rooms {
		event := s.rooms.news(room, out.version, now)
		if event == "" {
			continue
		}
		if err := out.write(event); err != nil {
			return err
		}
		news = true
	}
	out.version = version
	if !news {
		return out.send(":\n\n")
	}
	return out.flush()
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

// stream writes events to one client.
type stream struct {
	w       http.ResponseWriter
	rc      *http.ResponseController
	version uint64            // of the rooms, as last sent
	sent    map[string]string // the other elements of the page, as last sent
}

func (s *stream) write(text string) error {
	if _, err := io.WriteString(s.w, text); err != nil {
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
