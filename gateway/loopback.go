package gateway

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"time"

	"roomgate/httpd"
)

// LoopbackReceiver receives the authorization response from a browser on this
// machine (RFC 8252 §7.3).
type LoopbackReceiver struct {
	RedirectURI string        // to send with the authorization request; empty: the configured one
	Responses   <-chan string // one authorization response; nil: the browser is not sent here
}

// ReceiveAtLoopback listens where the redirect URI leads until ctx ends, if that
// is this machine. The port may differ from the registered one, so any free one
// will do.
func ReceiveAtLoopback(ctx context.Context, redirectURI string) LoopbackReceiver {
	u, err := url.Parse(redirectURI)
	if err != nil || u.Scheme != "http" || u.Hostname() != "localhost" && u.Hostname() != "127.0.0.1" {
		return LoopbackReceiver{}
	}
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", u.Port()))
	if err != nil {
		if l, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			return LoopbackReceiver{}
		}
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	u.Host = net.JoinHostPort(u.Hostname(), port)
	responses := make(chan string, 1)
	go httpd.Serve(ctx, l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if q := r.URL.Query(); !q.Has("code") && !q.Has("error") {
			http.NotFound(w, r)
			return
		}
		select {
		case responses <- r.URL.String():
		default: // the first one counts
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		fmt.Fprintln(w, "roomgate has received the sign-in. The terminal shows the result; this page can be closed.")
		time.AfterFunc(time.Second, func() { l.Close() })
	}), slog.New(slog.DiscardHandler))
	return LoopbackReceiver{RedirectURI: u.String(), Responses: responses}
}
