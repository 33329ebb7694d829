package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"roomgate/config"
)

// listenAgain is the pause before an address that is not available is tried again.
const listenAgain = 30 * time.Second

// listen serves HTTP until ctx ends. An address that is not available is
// retried without limit: the building's points do not depend on a page.
func (g *Gateway) listen(ctx context.Context, part string, open func() (net.Listener, error), h http.Handler) {
	defer g.board.Forget(part)
	for {
		l, err := open()
		if err == nil {
			g.board.Report(part, true, "listening on "+l.Addr().String(), g.d.Clock.Now())
			err = Serve(ctx, l, h)
		}
		if ctx.Err() != nil {
			return
		}
		g.board.Report(part, false, err.Error(), g.d.Clock.Now())
		g.d.Log.Error("cannot serve; trying again in half a minute", "part", part, "reason", err)
		select {
		case <-ctx.Done():
			return
		case <-time.After(listenAgain):
		}
	}
}

// Serve serves HTTP until ctx ends, and returns ctx's error then; open requests
// get a second to end.
func Serve(ctx context.Context, l net.Listener, h http.Handler) error {
	s := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute,
		BaseContext: func(net.Listener) context.Context { return ctx }, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)}
	stop := context.AfterFunc(ctx, func() {
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		if err := s.Shutdown(ending); err != nil {
			s.Close()
		}
	})
	defer stop()
	if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return ctx.Err()
}

// socketPath is where the gateway of a configuration listens for commands.
func socketPath(cfg *config.Config) string {
	return filepath.Join(filepath.Dir(cfg.Store.Path), "control.sock")
}

// open opens a listener.
func (d Dependencies) open(network, address string) (net.Listener, error) {
	if d.Listen != nil {
		return d.Listen(network, address)
	}
	return net.Listen(network, address)
}

// openSocket opens the socket. Only the gateway's user and root can reach it: it
// lies in the database's folder and is closed to others itself.
func (d Dependencies) openSocket(path string) (net.Listener, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("removing the socket of an earlier run: %w", err)
	}
	l, err := d.open("unix", path)
	if err != nil {
		return nil, fmt.Errorf("opening the socket for commands: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		l.Close()
		return nil, fmt.Errorf("protecting the socket for commands: %w", err)
	}
	return l, nil
}
