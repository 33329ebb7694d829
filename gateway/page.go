package gateway

import (
	"context"
	"net"
	"net/http"

	"roomgate/bridge/web"
	"roomgate/config"
	"roomgate/driver"
)

// page is the handler of the pages of a configuration.
type page struct {
	http.Handler
	ended context.Context // done when another page has taken its place
	end   context.CancelFunc
}

// buildPage makes the pages of a configuration, or returns the previous ones if they
// would show the same.
func (g *Gateway) buildPage(cfg *config.Config, rooms []driver.Room, before *parts) *page {
	if before.page != nil && config.Same(cfg.Site, before.cfg.Site) && config.Same(cfg.Rooms, before.cfg.Rooms) && config.Same(cfg.Web, before.cfg.Web) {
		return before.page
	}
	p := &page{}
	p.ended, p.end = context.WithCancel(context.Background())
	p.Handler = web.Handler(web.Options{Site: siteOf(cfg), Rooms: rooms, Board: g.board, Program: cfg.Program, Version: g.d.Version, Banner: g.d.Banner,
		Now: g.d.Clock.Now, StuckAfter: stuckAfter, Log: g.d.Log.With("part", "web"), Read: g.readNow,
		Accounts: g.webAccounts, SetUpCode: g.setUp.Use, Connector: g.connector, APIKey: cfg.Web.APIKey.Reveal(), State: g.pageState})
	return p
}

// ServeHTTP serves the pages of the configuration in use. Requests that are open
// when another configuration shows something else, which are streams of events,
// end, and browsers ask again.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p := g.parts().page
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(p.ended, cancel)()
	p.ServeHTTP(w, r.WithContext(ctx))
}

// webAccounts are the accounts as the page and the connect API see them.
func (g *Gateway) webAccounts() []web.Account {
	accounts := g.parts().accounts
	out := make([]web.Account, len(accounts))
	for i, a := range accounts {
		out[i] = web.Account{Name: a.Name, Kind: a.Account.Provider, Provider: a.provider}
	}
	return out
}

// setUpPage is where a browser on the gateway's machine finds the set-up page,
// with a new code that opens it.
func (g *Gateway) setUpPage() SetUpPage {
	_, port, err := net.SplitHostPort(g.parts().cfg.Web.Listen)
	if err != nil {
		return SetUpPage{}
	}
	return SetUpPage{URL: "http://localhost:" + port + "/setup", Code: g.setUp.Issue()}
}
