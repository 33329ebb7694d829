package web

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	g "maragu.dev/gomponents"
)

const (
	maxStreams   = 64
	pause        = 500 * time.Millisecond // between two looks at the board
	keepAlive    = 15 * time.Second       // shorter than the idle time-outs of common proxies
	writeTimeout = 10 * time.Second       // for a client to receive one event
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
	reader := newReader(&s.Options)
	sent := map[string]string{}
	for {
		changed := s.Board.Changed()
		if err := s.sendNews(reader, sent, out); err != nil {
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

// sendNews sends what has changed, or a comment that keeps the connection
// alive. sent holds the elements that are not of one room, as last sent.
func (s *server) sendNews(reader *reader, sent map[string]string, out *stream) error {
	now := s.Now()
	rooms := reader.rooms(now)
	items := reader.items(now)
	news := len(rooms) > 0
	for _, part := range []struct {
		id      string
		element g.Node
	}{{"overview", overviewLine(reader.overview(now))}, {"problems", problemItems(problems(items))}, {"items", allItems(items)}} {
		html := render(part.element)
		if html == sent[part.id] {
			continue
		}
		if err := out.fragment(part.id, html); err != nil {
			return err
		}
		sent[part.id], news = html, true
	}
	for _, room := range rooms {
		if err := out.fragment("room-"+room.ID, render(roomCard(room))); err != nil {
			return err
		}
	}
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

// stream writes events. Every write has its own deadline, so that a client that
// receives nothing is disconnected.
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

// fragment writes an event with one element of the page, which replaces the
// element with the same id. The JSON is on one line, as an event requires; the
// markup in it is escaped already, so the encoder does not escape it again.
func (s *stream) fragment(id, html string) error {
	var data strings.Builder
	e := json.NewEncoder(&data)
	e.SetEscapeHTML(false)
	if err := e.Encode(map[string]string{"id": id, "html": html}); err != nil {
		return fmt.Errorf("rendering an event: %w", err)
	}
	return s.write("event: fragment\ndata: " + data.String() + "\n") // Encode has ended the data line
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
