package main

import (
	"net"

	"roomgate/bridge/web"
	"roomgate/config"
)

// webAccounts are the accounts as the page and the connect API see them.
func (g *gateway) webAccounts() []web.Account {
	out := make([]web.Account, len(g.accounts))
	for i, a := range g.accounts {
		out[i] = web.Account{Name: a.Name, Kind: g.cfg.Accounts[i].Provider, Provider: a.Provider}
	}
	return out
}

// setUpPage is where a browser on the gateway's machine finds the set-up page.
func setUpPage(cfg *config.Config) string {
	_, port, err := net.SplitHostPort(cfg.Web.Listen)
	if err != nil {
		return ""
	}
	return "http://localhost:" + port + "/setup"
}
