package gateway

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/coreos/go-systemd/v22/daemon"

	"roomgate/config"
)

// configurationPart is the part under which a configuration that cannot be used
// is reported.
const configurationPart = "configuration"

// readAgain reads the configuration again and applies it. Mistakes are logged and
// shown; the previous one stays.
func (g *Gateway) readAgain(ctx context.Context, load func() (*config.Config, error)) {
	notify(daemon.SdNotifyReloading)
	defer notify(daemon.SdNotifyReady)
	cfg, err := load()
	if err == nil {
		err = g.Reload(cfg)
	}
	switch {
	case ctx.Err() != nil:
	case err != nil:
		g.d.Log.Error("the configuration was not applied; the previous one stays in use", "reason", err)
		g.board.Report(configurationPart, false, "the file was changed but cannot be used: "+err.Error(), g.d.Clock.Now())
	default:
		g.d.Log.Info("the configuration was read again", "rooms", len(cfg.Rooms))
		g.board.Forget(configurationPart)
	}
}

// Reload replaces the parts whose configuration has changed; all others are kept.
// The error says why nothing was replaced, or that Run has ended
// meanwhile.
//
// A sign-in that is replaced is ended first: the response to a code or a refresh that
// was sent is stored before its successor reads the store.
func (g *Gateway) Reload(cfg *config.Config) error {
	g.reload.Lock()
	defer g.reload.Unlock()
	if g.running == nil {
		return errors.New("the gateway is not running")
	}
	before := g.parts()
	if err := reloadable(before.cfg, cfg); err != nil {
		return err
	}
	next, err := g.build(cfg, before)
	if err != nil {
		return err
	}
	g.logDoubts(cfg)
	g.published.add(topicsOf(cfg))
	g.stopSessions(next)
	g.current.Store(next)
	if err := g.driver.Reconfigure(g.running.ctx, siteOf(cfg), next.rooms, next.driverAccounts()); err != nil {
		return fmt.Errorf("replacing the rooms and accounts: %w", err)
	}
	g.replaceSinks(before, next)
	if before.cfg.Web.Listen != cfg.Web.Listen && g.running.page != nil {
		g.running.page.stop()
		g.running.page = nil
	}
	if before.page != next.page {
		before.page.end()
	}
	g.startParts(next)
	return nil
}

// reloadable refuses what a running gateway cannot change.
func reloadable(before, after *config.Config) error {
	switch {
	case after.Store.Path != before.Store.Path:
		return fmt.Errorf("store.path was changed from %s to %s: restart the gateway for that", before.Store.Path, after.Store.Path)
	case !sameKey(before.Store.Key, after.Store.Key):
		return fmt.Errorf("the key of store.key_file was changed: restart the gateway for that")
	}
	return nil
}

func sameKey(a, b *[32]byte) bool { return a == nil && b == nil || a != nil && b != nil && *a == *b }

// stopSessions ends the sessions that are not among the next ones, all at once:
// each may take half a minute to complete what it has sent.
func (g *Gateway) stopSessions(next *parts) {
	var ending []*task
	for s, t := range g.running.sessions {
		kept := slices.ContainsFunc(next.accounts, func(a account) bool { return a.session() == s })
		if !kept {
			t.cancel()
			ending = append(ending, t)
			delete(g.running.sessions, s)
		}
	}
	for _, t := range ending {
		<-t.ended
	}
}

// replaceSinks ends the sinks that are not among the next ones. The others clear
// the topics that are no longer published.
func (g *Gateway) replaceSinks(before, next *parts) {
	for s, t := range g.running.sinks {
		if slices.Contains(next.sinks, s) {
			g.clearTopics(s, before.cfg, next.cfg)
			continue
		}
		same := func(o *sink) bool { return o.settings.sameConnection(s.settings) }
		s.succeeded.Store(slices.ContainsFunc(next.sinks, same))
		t.stop()
		delete(g.running.sinks, s)
	}
}

// clearTopics clears the topics of a running sink that the next configuration
// does not publish.
func (g *Gateway) clearTopics(s *sink, before, after *config.Config) {
	topics := topicsOf(after)
	if slices.Equal(topicsOf(before), topics) {
		return
	}
	s.ReplaceClear(g.published.without(topics), func() { g.published.set(topics) })
}
