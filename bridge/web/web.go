// Package web shows the board in a browser: one page, the same as JSON, metrics
// for Prometheus and a health check. It changes nothing; where it is given the way
// to, it has the gateway read a room at once. Where it is given the sign-ins of
// the accounts, it also has pages on which people sign in, and an API with which
// other programs do.
//
// The page is rendered here, whole, and is true without JavaScript. With it, a
// stream of server-sent events brings every part of the page that has changed,
// rendered by the same components. Text from calendars is written by strangers:
// it passes through the Text and Attr of gomponents, which escape it, or through
// encoding/json, and nothing else.
//
// A page is made of functions, one file a page (roomsmarkup.go, setupmarkup.go,
// accountmarkup.go), and not of templates: text/template calls methods by name,
// so that the linker has to keep every exported method of the whole program.
//
// The time of the facts is Options.Now, which a demonstration may speed up.
// What concerns the wire (pauses, keep-alives, deadlines) goes by the machine's
// own clock.
package web

import (
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed" // style and script are part of the program
	"encoding/hex"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"roomgate/bridge"
	"roomgate/driver"
)

// Options are the parts a Handler is built from. All are needed unless said
// otherwise.
type Options struct {
	Site       driver.Site
	Rooms      []driver.Room // in the order in which they are shown
	Board      *bridge.Board
	Version    string // of the program
	Banner     string // shown on top of the page; empty: none
	Now        func() time.Time
	Hosts      []string      // names, without port, under which the page may be asked for beside the loopback ones; may be empty
	StuckAfter time.Duration // a loop without a heartbeat for longer, in real time, is stuck
	Log        *slog.Logger

	// Read has the calendar of a room of Rooms read soon, without waiting for
	// it. Its error's words are shown; the error may have a method Action()
	// string, which is the next step for a person. nil: nobody asks for it here.
	Read func(ctx context.Context, room string) error

	SignIns   SignIns                // nil: no set-up page and no connect API
	SetUpCode func(code string) bool // uses up the one-time code that opens the set-up page for a browser; nil: nobody signs in there
	APIKey    string                 // of the connect API; empty: it is off
}

// Handler returns the handler of all pages. Streams of events end when their
// request's context does: give the http.Server a BaseContext that ends before
// Shutdown is called, since Shutdown waits for them.
func Handler(o Options) http.Handler {
	s := &server{Options: o, streams: make(chan struct{}, maxStreams), refused: newRefused()}
	mux := http.NewServeMux()
	if o.SignIns == nil {
		mux.HandleFunc("GET /{$}", s.page)
	} else {
		s.addSetUp(mux)
	}
	if o.SignIns != nil && o.APIKey != "" {
		s.addConnect(mux)
	}
	if o.Read != nil {
		s.addReads(mux)
	}
	mux.HandleFunc(connectPath, s.absent)
	mux.HandleFunc("GET /events", s.events)
	mux.HandleFunc("GET /api/v1/rooms", s.apiRooms)
	mux.HandleFunc("GET /api/v1/rooms/{id}", s.apiRoom)
	mux.HandleFunc("GET /api/v1/accounts", s.apiAccounts)
	mux.HandleFunc("GET /api/v1/gateway", s.apiGateway)
	mux.Handle("GET /metrics", s.metrics())
	mux.HandleFunc("GET /healthz", s.healthz)
	mux.HandleFunc("GET /style.css", asset("style.css", styleCSS))
	mux.HandleFunc("GET /page.js", asset("page.js", pageJS))
	mux.HandleFunc("/", s.unknown)
	return s.guard(mux)
}

type server struct {
	Options
	streams chan struct{}          // holds one token for each open stream
	refused *prometheus.CounterVec // counts refused requests by reason
}

//go:embed style.css
var styleCSS []byte

//go:embed page.js
var pageJS []byte

// asset serves an embedded file. Browsers ask each time whether it is still the
// same, so a new version of the program is never shown with an old style.
func asset(name string, content []byte) http.HandlerFunc {
	sum := sha256.Sum256(content)
	etag := `"` + hex.EncodeToString(sum[:8]) + `"`
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-cache")
		w.Header().Set("ETag", etag)
		http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(content))
	}
}

// unknown answers what no other pattern takes: a path that does not exist, or a
// method that is not for reading.
func (s *server) unknown(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		s.absent(w, r)
		return
	}
	w.Header().Set("Allow", "GET, HEAD")
	if isAPI(r) {
		s.apiError(w, http.StatusMethodNotAllowed, "this address can only be read", "use GET")
		return
	}
	s.message(w, http.StatusMethodNotAllowed, "this address can only be read")
}

// absent answers for a path that does not exist.
func (s *server) absent(w http.ResponseWriter, r *http.Request) {
	const words = "there is nothing at this address"
	if isAPI(r) {
		s.apiError(w, http.StatusNotFound, words, "start at /")
		return
	}
	s.message(w, http.StatusNotFound, words)
}

func isAPI(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/api/") }

// message is a page that says one thing.
type message struct {
	Title, Words  string
	Address, Link string // where to go on, and the words of the link
	Site          string
}

func (s *server) message(w http.ResponseWriter, status int, words string) {
	s.html(w, status, messagePage(message{Title: http.StatusText(status), Words: words, Address: "/", Link: "To the rooms", Site: s.Site.Name}))
}
