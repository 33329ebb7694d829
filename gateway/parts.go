package gateway

import (
	"fmt"
	"slices"
	"time"

	"roomgate/config"
	"roomgate/driver"
)

// parts are what is built from a configuration. They are immutable: a reload makes new
// ones, and reuses what has not changed.
type parts struct {
	cfg      *config.Config
	rooms    []driver.Room
	accounts []account
	sinks    []*sink
	page     *page
}

// account is an account with its provider.
type account struct {
	config.Account
	provider driver.Provider
	rooms    []driver.Room
	program  string // how commands are called, see config.Program
}

// build makes the parts of a configuration. Unchanged parts are reused. It opens
// nothing and runs nothing, so that a configuration that cannot work is refused while
// the old one still runs.
func (g *Gateway) build(cfg *config.Config, before *parts) (*parts, error) {
	p := &parts{cfg: cfg, rooms: Rooms(cfg)}
	for _, c := range cfg.Accounts {
		a, err := g.buildAccount(cfg, c, before)
		if err != nil {
			return nil, err
		}
		for _, r := range p.rooms {
			if r.Account == c.Name {
				a.rooms = append(a.rooms, r)
			}
		}
		p.accounts = append(p.accounts, a)
	}
	s, err := g.buildSink(cfg, before)
	if err != nil {
		return nil, err
	}
	p.sinks = []*sink{s}
	p.page = g.buildPage(cfg, p.rooms, before)
	return p, nil
}

// buildAccount builds an account, or reuses its provider.
func (g *Gateway) buildAccount(cfg *config.Config, c config.Account, before *parts) (account, error) {
	old := before.account(c.Name)
	if old != nil && old.Account.Provider == c.Provider && config.Same(old.Settings, c.Settings) {
		return account{Account: c, provider: old.provider, program: cfg.Program}, nil
	}
	provider, err := g.newProvider(cfg, c, old)
	return account{Account: c, provider: provider, program: cfg.Program}, err
}

// newProvider builds the provider of an account. It shares the sign-in of old, an
// account of the same name, where the settings of the sign-in are the same.
func (g *Gateway) newProvider(cfg *config.Config, c config.Account, old *account) (driver.Provider, error) {
	d := g.d
	d.Transport = timedTransport{d.transport(), func() time.Duration { return g.driver.Elapsed() }, func(t driver.ServerTime) { g.driver.ReportServerTime(t) }}
	return newProvider(d, cfg.Program, c, old, g.store.Sealed(tokensBucket, cfg.Store.Key), g.store.Bucket("sign-ins"))
}

func newProvider(d Dependencies, program string, c config.Account, old *account, secrets, state Storage) (driver.Provider, error) {
	kinds := d.kinds()
	i := slices.IndexFunc(kinds, func(k Kind) bool { return k.Name == c.Provider })
	if i < 0 {
		return nil, fmt.Errorf("account %s: there is no provider %q", c.Name, c.Provider)
	}
	client := newHTTPClient(d.transport())
	b := Building{Account: c, Program: program, Secrets: secrets, State: state, HTTP: client, UserAgent: d.userAgent(),
		Clock: d.Clock, Jitter: driver.RandomJitter, Log: d.Log.With("account", c.Name)}
	if old != nil && old.Account.Provider == c.Provider {
		b.OldSettings, b.Old = old.Settings, old.provider
	}
	provider, err := kinds[i].Build(b)
	if err != nil {
		return nil, fmt.Errorf("account %s: %w", c.Name, err)
	}
	return provider, nil
}

// account finds an account by its name; nil: there is none.
func (p *parts) account(name string) *account {
	for i := range p.accounts {
		if p.accounts[i].Name == name {
			return &p.accounts[i]
		}
	}
	return nil
}

// driverAccounts are the accounts as the driver takes them.
func (p *parts) driverAccounts() []driver.Account {
	out := make([]driver.Account, len(p.accounts))
	for i, a := range p.accounts {
		out[i] = driver.Account{Name: a.Name, Provider: a.provider, Poll: a.Poll, Sweep: schedule(a.Sweep)}
	}
	return out
}

// schedule is a schedule that may be none.
func schedule(s config.Schedule) driver.Schedule {
	if s == nil {
		return nil
	}
	return s
}

// session is the account's sign-in; nil: it needs none.
func (a *account) session() driver.Session { return driver.SessionOf(a.provider) }
