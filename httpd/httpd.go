// Package httpd serves HTTP within bounds. It limits how long a client may take to
// send a request and to receive each piece of an answer, how many connections are
// open, in total and from one caller, and how much an open connection holds.
package httpd

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"time"
)

// What a client may take, and hold.
const (
	headerTimeout = 10 * time.Second // from its first byte, to send the header of a request
	readTimeout   = 30 * time.Second // to send a whole request
	idleTimeout   = 2 * time.Minute  // between two requests of a connection
	largestHeader = 32 << 10         // bytes
	endTimeout    = time.Second      // for open requests to end after the context
)

// Server serves a handler until its context ends. It may listen on one listener
// after another; requests that are open then go on.
type Server struct {
	ctx         context.Context
	http        *http.Server
	connections *connections
	stop        func() bool   // keeps end from being called when the context ends
	ended       chan struct{} // closed when open requests have ended
}

// New returns a server of h. Requests have a context that ends with ctx. The log
// receives a warning when connections are refused, and an error for a handler that
// panics. Close the server after use.
func New(ctx context.Context, h http.Handler, log *slog.Logger) *Server {
	s := &Server{ctx: ctx, connections: newConnections(log), ended: make(chan struct{})}
	s.http = &http.Server{Handler: logged(progressive(h), log), ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout, IdleTimeout: idleTimeout,
		MaxHeaderBytes: largestHeader, BaseContext: func(net.Listener) context.Context { return ctx },
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)}
	s.stop = context.AfterFunc(ctx, s.end)
	return s
}

// Serve accepts connections from l until it fails, and returns the listener's
// error; after the context has ended it returns the context's error, as soon as
// open requests have ended, a second later at most.
func (s *Server) Serve(l net.Listener) error {
	if err := s.http.Serve(limited{l, s.connections}); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	<-s.ended
	return s.ctx.Err()
}

// Close ends the server and waits for its open requests, a second at most.
func (s *Server) Close() {
	if s.stop() {
		s.end()
	}
	<-s.ended
}

func (s *Server) end() {
	defer close(s.ended)
	ending, cancel := context.WithTimeout(context.WithoutCancel(s.ctx), endTimeout)
	defer cancel()
	if err := s.http.Shutdown(ending); err != nil {
		s.http.Close()
	}
}

// logged logs a handler that panics, and ends its request.
func logged(next http.Handler, log *slog.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			switch reason := recover(); reason {
			case nil:
			case http.ErrAbortHandler:
				panic(reason) // it is meant to end the request
			default:
				log.Error("a request failed because of a defect of the program; report it with this line", "method", r.Method, "path", r.URL.Path,
					"reason", reason, "stack", string(debug.Stack()))
				panic(http.ErrAbortHandler)
			}
		}()
		next.ServeHTTP(w, r)
	})
}

// Serve serves h on one listener until ctx ends.
func Serve(ctx context.Context, l net.Listener, h http.Handler, log *slog.Logger) error {
	s := New(ctx, h, log)
	defer s.Close()
	return s.Serve(l)
}
