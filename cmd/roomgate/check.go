package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"roomgate/config"
	"roomgate/driver"
)

// finding is one result of the pre-flight check.
type finding struct {
	Subject string `json:"subject"` // what was looked at
	Level   string `json:"level"`   // good, warning or bad
	Words   string `json:"words"`
	Action  string `json:"action,omitempty"` // what to do about it
	Person  bool   `json:"-"`                // somebody has to act in Microsoft 365
}

const (
	good    = "good"
	warning = "warning"
	bad     = "bad"
)

func checkCommand(g *globals) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "check",
		Short: "Look at everything the gateway needs, and say what to mend",
		Long: "Check looks at the configuration, the clock, the database, every sign-in, every\n" +
			"room and the broker. With the gateway running it asks the gateway; otherwise it\n" +
			"tries for itself.",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			findings, err := g.check(cmd)
			if err != nil {
				return err
			}
			if asJSON {
				err = printJSON(cmd.OutOrStdout(), findings)
			} else {
				err = printFindings(cmd.OutOrStdout(), findings)
			}
			return errors.Join(err, verdict(findings))
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// check collects the findings, from what everything depends on to what depends
// on everything.
func (g *globals) check(cmd *cobra.Command) ([]finding, error) {
	cfg, w, err := g.load(cmd)
	var mistakes badConfig
	if errors.As(err, &mistakes) {
		return []finding{{Subject: "configuration", Level: bad, Words: mistakes.Error()}}, nil
	}
	if err != nil {
		return nil, err
	}
	findings := []finding{
		{Subject: "configuration", Level: good, Words: fmt.Sprintf("%s: accounts: %d, rooms: %d", g.config, len(cfg.Accounts), len(cfg.Rooms))},
		checkClock(w.clock.Now()),
	}
	d, err := reach(cfg, w)
	if err != nil {
		return append(findings, found("database", err)), nil
	}
	defer d.close()
	if d.running {
		return append(findings, d.askRunning(cmd.Context(), cfg)...), nil
	}
	return append(findings, d.tryAlone(cmd.Context(), cfg)...), nil
}

// found turns an error into a finding.
func found(subject string, err error) finding {
	f := finding{Subject: subject, Level: bad, Words: err.Error()}
	var a actionable
	if errors.As(err, &a) {
		f.Words, f.Action, f.Person = a.Error(), a.Action(), a.NeedsPerson()
	}
	return f
}

// newest is a time that has certainly passed: a clock before it is wrong.
var newest = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)

func checkClock(now time.Time) finding {
	if now.Before(newest) {
		return finding{Subject: "clock", Level: bad, Words: "the clock says " + now.UTC().Format(time.RFC3339) + ", which has long passed",
			Action: "set the time and switch on time synchronisation: timedatectl set-ntp true"}
	}
	return finding{Subject: "clock", Level: good, Words: now.UTC().Format(time.RFC3339)}
}

// askRunning has the running gateway tell how it does.
func (d *gatewayClient) askRunning(ctx context.Context, cfg *config.Config) []finding {
	findings := append([]finding{{Subject: "database", Level: good, Words: cfg.Store.Path + " is open in the running gateway"}}, d.checkAccounts(ctx)...)
	var all struct{ Rooms []roomView }
	if err := d.call(ctx, http.MethodGet, "/api/v1/rooms", nil, &all); err != nil {
		return append(findings, found("rooms", err))
	}
	for _, r := range all.Rooms {
		f := finding{Subject: "room " + r.ID, Level: good, Words: r.now(cfg.Site.Timezone)}
		if r.Quality != driver.QualityGood.String() {
			f.Level, f.Words = bad, r.Quality+": "+r.Fault
		}
		findings = append(findings, f)
	}
	var gw struct {
		Parts map[string]struct {
			OK    bool
			Words string
		}
	}
	if err := d.call(ctx, http.MethodGet, "/api/v1/gateway", nil, &gw); err != nil {
		return append(findings, found("gateway", err))
	}
	for _, name := range slices.Sorted(maps.Keys(gw.Parts)) {
		f := finding{Subject: "part " + name, Level: good, Words: gw.Parts[name].Words}
		if !gw.Parts[name].OK {
			f.Level = bad
		}
		findings = append(findings, f)
	}
	return findings
}

// tryAlone does once what the gateway would do all the time.
func (d *gatewayClient) tryAlone(ctx context.Context, cfg *config.Config) []finding {
	findings := append([]finding{{Subject: "database", Level: good, Words: cfg.Store.Path}}, d.checkAccounts(ctx)...)
	for _, a := range d.gateway.accounts {
		if s := a.SignIn.Status(); s.State == "never_signed_in" || s.State == "sign_in_needed" {
			continue // the account's own finding says so
		}
		findings = append(findings, readOnce(ctx, a, roomsOf(cfg), cfg.Site.Timezone, d.gateway.w.clock.Now())...)
	}
	if err := d.gateway.sink.Probe(ctx); err != nil {
		return append(findings, found("broker", err))
	}
	return append(findings, finding{Subject: "broker", Level: good, Words: cfg.MQTT.Broker + " lets the gateway in"})
}

// checkAccounts looks at the sign-ins.
func (d *gatewayClient) checkAccounts(ctx context.Context) []finding {
	var views []accountView
	if err := d.call(ctx, http.MethodGet, "/control/accounts", nil, &views); err != nil {
		return []finding{found("accounts", err)}
	}
	var findings []finding
	for _, v := range views {
		f := finding{Subject: "account " + v.Name, Level: good, Words: v.State, Action: v.Action}
		if v.User != "" {
			f.Words += ", signed in as " + v.User
		}
		if v.Reason != "" {
			f.Words += ": " + v.Reason
		}
		switch v.State {
		case "ok", "refreshing":
		case "retrying":
			f.Level = warning
		default:
			f.Level, f.Person = bad, true
		}
		findings = append(findings, f)
	}
	return findings
}

// readOnce reads each room of an account once.
func readOnce(ctx context.Context, a driver.Account, rooms []driver.Room, zone *time.Location, now time.Time) []finding {
	rooms = slices.DeleteFunc(rooms, func(r driver.Room) bool { return r.Account != a.Name })
	from, to := driver.Window(now, zone, 0)
	var findings []finding
	a.Calendar.Fetch(ctx, rooms, from, to, func(r driver.Reading) {
		f := finding{Subject: "room " + r.Room, Level: good, Words: fmt.Sprintf("%d bookings from %s to %s", len(r.Bookings), from.In(zone).Format(time.DateOnly), to.In(zone).Format(time.DateOnly))}
		switch {
		case r.Err != nil:
			f = found(f.Subject, r.Err)
		case len(r.Refused) > 0:
			f.Level, f.Words = warning, fmt.Sprintf("%s; rows that could not be understood: %v", f.Words, r.Refused)
		}
		findings = append(findings, f)
	})
	slices.SortFunc(findings, func(a, b finding) int {
		if a.Subject < b.Subject {
			return -1
		}
		return 1
	})
	return findings
}

func printFindings(w io.Writer, findings []finding) error {
	for _, f := range findings {
		if _, err := fmt.Fprintf(w, "%-8s %s: %s\n", f.Level, f.Subject, f.Words); err != nil {
			return err
		}
		if f.Action != "" {
			fmt.Fprintf(w, "         to do: %s\n", f.Action)
		}
	}
	return nil
}

// verdict is the exit code of the findings: it has all been said.
func verdict(findings []finding) error {
	code := exitOK
	for _, f := range findings {
		switch {
		case f.Level != bad:
		case f.Subject == "configuration":
			code = exitUsage
		case f.Subject == "database":
			code = exitLocked
		case f.Person && code != exitUsage && code != exitLocked:
			code = exitPerson
		case code == exitOK:
			code = exitFailed
		}
	}
	if code == exitOK {
		return nil
	}
	return coded{errQuiet, code}
}
