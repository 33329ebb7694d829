package gateway

import (
	"context"
	"errors"
	"net"
	"net/http"
	"path/filepath"
	"time"

	"roomgate/config"
	"roomgate/httpd"
)

// listenAgain is the pause before an address that is not available is tried again.
const listenAgain = 30 * time.Second

// listen serves HTTP until ctx ends. An address that is not available is
// retried without limit: the building's points do not depend on a page.
func (g *Gateway) listen(ctx context.Context, part string, open func() (net.Listener, error), h http.Handler) {
	defer g.board.Forget(part)
	log := g.d.Log.With("part", part)
	s := httpd.New(ctx, h, log)
	defer s.Close()
	logged := "" // the reason
	for {
		l, err := open()
		if err == nil {
			g.board.Report(part, true, "listening on "+l.Addr().String(), g.d.Clock.Now())
			logged = ""
			err = s.Serve(l)
		}
		if ctx.Err() != nil {
			return
		}
		if errors.Is(err, errSocketDeleted) {
			log.Warn("the socket for commands was deleted while the gateway runs; opening it again")
			continue
		}
		g.board.Report(part, false, err.Error(), g.d.Clock.Now())
		if reason := err.Error(); reason != logged {
			log.Error("cannot serve; trying again every half minute", "reason", reason)
			logged = reason
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(listenAgain):
		}
	}
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
