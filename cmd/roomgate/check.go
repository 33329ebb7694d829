package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"roomgate/config"
	"roomgate/driver"
	gw "roomgate/gateway"
	"roomgate/oauth"
)

func checkCommand(g *globals) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "check",
		Short: "Look at everything the gateway needs, and say what to fix",
		Long: "Check looks at the configuration, the clock, the connection to the calendar\n" +
			"service, every sign-in and its permissions, every room, the broker and its access\n" +
			"rules, and the disk. If the gateway is running, it does the work; otherwise the\n" +
			"command does. Where the customer's IT has to act, check prints the line to run or\n" +
			"the place to click.",
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

// check collects the findings, from what all depends on to what depends on all.
func (g *globals) check(cmd *cobra.Command) ([]driver.Finding, error) {
	cfg, w, err := g.load(cmd)
	var mistakes badConfig
	if errors.As(err, &mistakes) {
		return []driver.Finding{{Subject: "configuration", Level: driver.LevelBad, Words: mistakes.Error()}}, nil
	}
	if err != nil {
		return nil, err
	}
	findings := []driver.Finding{lookAtFile(g.config, cfg)}
	d, err := reach(cfg, w)
	if err != nil {
		doctor, errDoctor := newDoctor(cfg, nil, w)
		if errDoctor != nil {
			return nil, errDoctor
		}
		return append(append(findings, doctor.Surroundings(cmd.Context())...), failure("database", err)), nil
	}
	seen, err := d.examine(cmd.Context(), cfg)
	return append(findings, seen...), errors.Join(err, d.close())
}

// lookAtFile says what the configuration holds, and who could change it.
func lookAtFile(path string, cfg *config.Config) driver.Finding {
	f := driver.Finding{Subject: "configuration", Level: driver.LevelGood, Words: fmt.Sprintf("%s: accounts: %d, rooms: %d", path, len(cfg.Accounts), len(cfg.Rooms))}
	if info, err := os.Stat(path); err == nil && info.Mode().Perm()&0o022 != 0 {
		f.Level, f.Words = driver.LevelWarning, f.Words+"; other users of this machine can change it"
		f.Action = "chmod go-w " + path
	}
	return f
}

// examine asks the gateway for its findings, and adds what only a running one
// knows.
func (d *gatewayClient) examine(ctx context.Context, cfg *config.Config) ([]driver.Finding, error) {
	database := driver.Finding{Subject: "database", Level: driver.LevelGood, Words: cfg.Store.Path}
	var seen []driver.Finding
	if err := d.call(ctx, http.MethodGet, "/control/check", nil, &seen); err != nil {
		return nil, err
	}
	if !d.running {
		return append([]driver.Finding{database}, seen...), nil
	}
	database.Words += " is open in the running gateway"
	if err := d.showNow(ctx, cfg, seen); err != nil {
		return nil, err
	}
	parts, err := d.parts(ctx)
	return append(append([]driver.Finding{database}, seen...), parts...), err
}

// showNow replaces what was read of a room just now by what the room shows.
func (d *gatewayClient) showNow(ctx context.Context, cfg *config.Config, seen []driver.Finding) error {
	var all struct{ Rooms []roomView }
	if err := d.call(ctx, http.MethodGet, "/api/v1/rooms", nil, &all); err != nil {
		return err
	}
	for _, r := range all.Rooms {
		i := slices.IndexFunc(seen, func(f driver.Finding) bool { return f.Subject == "room "+r.ID })
		switch {
		case i < 0 || seen[i].Level != driver.LevelGood:
		case r.Quality == driver.QualityGood.String():
			seen[i].Words = r.now(cfg.Site.Timezone)
		default:
			seen[i].Level, seen[i].Words = driver.LevelBad, r.Quality+": "+r.Fault
		}
	}
	return nil
}

// parts says whether the parts of the running gateway work.
func (d *gatewayClient) parts(ctx context.Context) ([]driver.Finding, error) {
	var gw struct {
		Parts map[string]struct {
			OK    bool
			Words string
		}
	}
	if err := d.call(ctx, http.MethodGet, "/api/v1/gateway", nil, &gw); err != nil {
		return nil, err
	}
	var findings []driver.Finding
	for _, name := range slices.Sorted(maps.Keys(gw.Parts)) {
		f := driver.Finding{Subject: "part " + name, Level: driver.LevelGood, Words: cmp.Or(gw.Parts[name].Words, "its loop turns")}
		if !gw.Parts[name].OK {
			f.Level = driver.LevelBad
		}
		findings = append(findings, f)
	}
	return findings, nil
}

// failure is the finding that something failed, with the hint of the error.
func failure(subject string, err error) driver.Finding {
	f := driver.Failure(subject, err)
	var h hinted
	if f.Action == "" && errors.As(err, &h) {
		f.Action = h.hint
	}
	return f
}

func printFindings(w io.Writer, findings []driver.Finding) error {
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

// verdict is the exit code of the findings, which have been printed.
func verdict(findings []driver.Finding) error {
	code := exitOK
	for _, f := range findings {
		switch {
		case f.Level != driver.LevelBad:
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

// newDoctor is the doctor of a configuration; g is nil where the database cannot
// be opened, and then only the surroundings can be looked at.
func newDoctor(cfg *config.Config, g *gateway, w world) (gw.Doctor, error) {
	d := gw.Doctor{Clock: w.clock, Transport: w.transport, UserAgent: userAgent(), Zone: cfg.Site.Timezone,
		Store: cfg.Store.Path, BrokerURL: cfg.MQTT.Broker}
	for _, a := range cfg.Accounts {
		var keeper *oauth.Keeper
		if g != nil {
			keeper = g.keepers[a.Name]
		}
		p, err := newProvider(a, keeper, w)
		if err != nil {
			return gw.Doctor{}, err
		}
		d.Accounts = append(d.Accounts, gw.DoctorAccount{Name: a.Name, Provider: p, Rooms: roomsOfAccount(cfg, a.Name)})
	}
	if g != nil {
		d.Probe = g.sink.Probe
	}
	return d, nil
}

// answerCheck answers everything that the doctor finds.
func (g *gateway) answerCheck(w http.ResponseWriter, r *http.Request) {
	d, err := newDoctor(g.cfg, g, g.w)
	if err != nil {
		refuse(w, err)
		return
	}
	answer(w, d.Examine(r.Context()))
}
