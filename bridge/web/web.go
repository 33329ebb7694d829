// Package web shows the board in a browser: one page, the same as JSON, metrics
// for Prometheus and a health check. Options adds more: a function that reads
// a room at once, the accounts, for which there are sign-in pages, and a Connector
// for the connect API.
//
// The page is rendered on the server and complete without JavaScript. With it, a
// stream of server-sent events brings every part of the page that has changed,
// rendered by the same components. Text from calendars is untrusted: it passes
// through the Text and Attr of gomponents, which escape it, or through
// encoding/json, and nothing else.
//
// Pages are made of functions, one file for each (roomsmarkup.go, setupmarkup.go,
// accountmarkup.go), and not of templates: text/template calls methods by name,
// so that the linker has to keep every exported method of the whole program.
//
// The time of the points is Options.Now, which runs faster in a demonstration.
// Pauses, keep-alives and deadlines of connections use the machine's own clock.
package web

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	_ "embed" // style and script are part of the program
	"encoding/hex"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"roomgate/bridge"
	"roomgate/driver"
)

// Options configures a Handler. All fields are required unless said otherwise.
type Options struct {
	Site       driver.Site
	Rooms      []driver.Room // in the order in which they are shown
	Board      *bridge.Board
	Version    string // of the program
	Program    string // how its commands are called, in texts that advise one; empty: "roomgate"
	Banner     string // shown on top of the page; empty: none
	Now        func() time.Time
	Hosts      []string      // names, without port, under which the page may be asked for beside the loopback ones; may be empty
	StuckAfter time.Duration // a loop without a heartbeat for longer, in real time, is stuck
	Log        *slog.Logger

	// Read asks for a reading of the calendar of one of Rooms, and does not wait
	// for it. Its error is shown; where it has a method Action() string, that is
	// the next step for the user. nil: the page has no button for it.
	Read func(ctx context.Context, room string) error

	Accounts  func() []Account       // every account, in the order of the configuration; nil: no set-up pages and no connect API
	SetUpCode func(code string) bool // uses up the one-time code that allows a browser to sign in; nil: no browser may
	Connector Connector              // of the connect API; nil: it is off
	APIKey    string                 // of the connect API; empty: it is off
	State     *State                 // of an earlier Handler; nil: a new one
}

// Handler returns the handler of all pages, to be served by package httpd: it sets
// the deadlines by which a client that does not read is disconnected, and ends the
// requests' context, with which streams of events end.
func Handler(o Options) http.Handler {
	o.Program = cmp.Or(o.Program, "roomgate")
	if o.State == nil {
		o.State = NewState()
	}
	s := &server{Options: o, State: o.State}
	s.rooms = newRoomCache(&s.Options)
	mux := http.NewServeMux()
	if o.Accounts == nil {
		mux.HandleFunc("GET /{$}", s.page)
	} else {
		s.addSetUp(mux)
	}
	if o.Read != nil {
		s.addReads(mux)
	}
	s.addConnect(mux)
	mux.HandleFunc("GET /rooms/{id}", s.roomPage)
	mux.HandleFunc("GET /events", s.events)
	mux.HandleFunc("GET /api/v1/rooms", s.apiRooms)
	mux.HandleFunc("GET /api/v1/rooms/{id}", s.apiRoom)
	mux.HandleFunc("GET /api/v1/accounts", s.apiAccounts)
	mux.HandleFunc("GET /api/v1/gateway", s.apiGateway)
	mux.HandleFunc("GET /metrics", s.metrics())
	mux.HandleFunc("GET /healthz", s.healthz)
	mux.HandleFunc("GET /style.css", asset("style.css", styleCSS))
	mux.HandleFunc("GET /page.js", asset("page.js", pageJS))
	mux.HandleFunc("/", s.unknown)
	return s.guard(mux)
}

type server struct {
	Options
	*State
	rooms *roomCache
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

// unknown answers what no other pattern matches: a path that does not exist, or a
// method that a path does not allow.
func (s *server) unknown(w http.ResponseWriter, r *http.Request) {
	if s.Accounts != nil && isResponse(r) { // a redirect URI with a path that is none of ours
		setUp{s}.callback(w, r)
		return
	}
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

// message is a page with one message and a link.
type message struct {
	Title, Words  string
	Address, Link string // target and text of the link
	Site          string
}

func (s *server) message(w http.ResponseWriter, status int, words string) {
	s.html(w, status, messagePage(message{Title: http.StatusText(status), Words: words, Address: "/", Link: "To the rooms", Site: s.Site.Name}))
}
