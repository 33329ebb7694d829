package gateway

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"roomgate/driver"
)

// stuckAfter is how long a loop may be without a heartbeat: each sends one at least
// once a minute.
const stuckAfter = 150 * time.Second

// notifyEvery is how often systemd is notified, unless the watchdog needs it more
// often.
const notifyEvery = 20 * time.Second

// watch notifies systemd that the gateway is ready, of changes of its status, and, while
// all loops have heartbeats, that it is alive. Unreachable servers do not count: a restart would
// not fix them.
func (g *Gateway) watch(ctx context.Context) {
	timeout, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		g.d.Log.Warn("the watchdog settings cannot be read", "reason", err)
	}
	period := notifyEvery
	if timeout > 0 {
		period = min(period, timeout/3)
	}
	last := ""
	for ready := false; ; {
		if _, turning := g.board.Health()["driver"]; turning && !ready {
			ready = true
			notify(daemon.SdNotifyReady)
		}
		stuck := g.board.Stuck(stuckAfter)
		if len(stuck) == 0 && timeout > 0 {
			notify(daemon.SdNotifyWatchdog)
		} else if len(stuck) > 0 {
			g.d.Log.Error("loops are stuck", "parts", stuck)
		}
		if s := g.summary(); s != last {
			notify("STATUS=" + s)
			last = s
		}
		wait := period
		if !ready {
			wait = 100 * time.Millisecond
		}
		select {
		case <-ctx.Done():
			notify(daemon.SdNotifyStopping)
			return
		case <-time.After(wait):
		}
	}
}

// notify sends a state to systemd; without systemd it does nothing.
func notify(state string) { _, _ = daemon.SdNotify(false, state) }

// summary is the gateway in one line, for systemctl status.
func (g *Gateway) summary() string {
	p := g.parts()
	words := []string{fmt.Sprintf("%d rooms", len(p.cfg.Rooms))}
	for _, a := range p.accounts {
		words = append(words, "account "+a.Name+": "+driver.StatusOf(a.provider).State.String())
	}
	health := g.board.Health()
	for _, part := range slices.Sorted(maps.Keys(health)) {
		if h := health[part]; !h.OK {
			words = append(words, part+": "+h.Words)
		}
	}
	return strings.Join(strings.Fields(strings.Join(words, "; ")), " ")
}
