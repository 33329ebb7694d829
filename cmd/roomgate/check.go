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
)

// finding is one result of the pre-flight check.
type finding struct {
	Subject string `json:"subject"` // what was looked at
	Level   string `json:"level"`   // good, warning or bad
	Words   string `json:"words"`
	Action  string `json:"action,omitempty"`       // what to do about it
	Person  bool   `json:"needs_person,omitempty"` // somebody has to act in Microsoft 365
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
		Long: "Check looks at the configuration, the clock, the way to Microsoft, every sign-in\n" +
			"and its permissions, every room, the broker and its access rules, and the disk.\n" +
			"With the gateway running it is the gateway that looks; otherwise the command\n" +
			"tries for itself. Where the customer's IT has to act, the line to run or the\n" +
			"place to click is given.",
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
	findings := []finding{lookAtFile(g.config, cfg)}
	d, err := reach(cfg, w)
	if err != nil {
		dr := doctor{cfg: cfg, w: w}
		return append(append(findings, dr.surroundings(cmd.Context())...), found("database", err)), nil
	}
	seen, err := d.examine(cmd.Context(), cfg)
	return append(findings, seen...), errors.Join(err, d.close())
}

// lookAtFile tells what the configuration holds, and who could change it.
func lookAtFile(path string, cfg *config.Config) finding {
	f := finding{Subject: "configuration", Level: good, Words: fmt.Sprintf("%s: accounts: %d, rooms: %d", path, len(cfg.Accounts), len(cfg.Rooms))}
	if info, err := os.Stat(path); err == nil && info.Mode().Perm()&0o022 != 0 {
		f.Level, f.Words = warning, f.Words+"; other users of this machine can change it"
		f.Action = "chmod go-w " + path
	}
	return f
}

// examine has the gateway look around, and adds what only a running one knows.
func (d *gatewayClient) examine(ctx context.Context, cfg *config.Config) ([]finding, error) {
	database := finding{Subject: "database", Level: good, Words: cfg.Store.Path}
	var seen []finding
	if err := d.call(ctx, http.MethodGet, "/control/check", nil, &seen); err != nil {
		return nil, err
	}
	if !d.running {
		return append([]finding{database}, seen...), nil
	}
	database.Words += " is open in the running gateway"
	if err := d.showNow(ctx, cfg, seen); err != nil {
		return nil, err
	}
	parts, err := d.parts(ctx)
	return append(append([]finding{database}, seen...), parts...), err
}

// showNow replaces what was read of a room just now by what the room shows.
func (d *gatewayClient) showNow(ctx context.Context, cfg *config.Config, seen []finding) error {
	var all struct{ Rooms []roomView }
	if err := d.call(ctx, http.MethodGet, "/api/v1/rooms", nil, &all); err != nil {
		return err
	}
	for _, r := range all.Rooms {
		i := slices.IndexFunc(seen, func(f finding) bool { return f.Subject == "room "+r.ID })
		switch {
		case i < 0 || seen[i].Level != good:
		case r.Quality == driver.QualityGood.String():
			seen[i].Words = r.now(cfg.Site.Timezone)
		default:
			seen[i].Level, seen[i].Words = bad, r.Quality+": "+r.Fault
		}
	}
	return nil
}

// parts tells how the parts of the running gateway do.
func (d *gatewayClient) parts(ctx context.Context) ([]finding, error) {
	var gw struct {
		Parts map[string]struct {
			OK    bool
			Words string
		}
	}
	if err := d.call(ctx, http.MethodGet, "/api/v1/gateway", nil, &gw); err != nil {
		return nil, err
	}
	var findings []finding
	for _, name := range slices.Sorted(maps.Keys(gw.Parts)) {
		f := finding{Subject: "part " + name, Level: good, Words: cmp.Or(gw.Parts[name].Words, "its loop turns")}
		if !gw.Parts[name].OK {
			f.Level = bad
		}
		findings = append(findings, f)
	}
	return findings, nil
}

// found turns an error into a finding.
func found(subject string, err error) finding {
	f := finding{Subject: subject, Level: bad, Words: err.Error()}
	var a actionable
	var h hinted
	switch {
	case errors.As(err, &a):
		f.Words, f.Action, f.Person = a.Error(), a.Action(), a.NeedsPerson()
	case errors.As(err, &h):
		f.Action = h.hint
	}
	return f
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
