package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"roomgate/config"
	"roomgate/driver"
	"roomgate/graph"
)

func discoverCommand(g *globals) *cobra.Command {
	var account string
	var asJSON bool
	c := &cobra.Command{
		Use:   "discover",
		Short: "List the rooms that Microsoft 365 has, with settings to copy",
		Long: "Discover lists the rooms of the customer's directory (Places, with room lists,\n" +
			"buildings and floors) and the calendars of each account, those shared with it\n" +
			"among them. For what is not configured yet it writes [[room]] sections. All of\n" +
			"its output is TOML, and may be appended to the configuration:\n\n" +
			"  roomgate rooms discover >> roomgate.toml\n\n" +
			"Places needs the permission Place.Read.All; where it is missing, discover says\n" +
			"how to grant it and goes on with the calendars. Whether a room's calendar can be\n" +
			"read, 'roomgate check' tells once the room is configured.",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return g.withGateway(cmd, func(cfg *config.Config, d *gatewayClient) error {
				accounts := cfg.Accounts
				if account != "" {
					one, err := pickAccount(cfg, []string{account})
					if err != nil {
						return err
					}
					accounts = []config.Account{one}
				}
				return d.discover(cmd, cfg, accounts, asJSON)
			})
		},
	}
	c.Flags().StringVar(&account, "account", "", "`NAME` of the account to look with; empty: all of them")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// sighting is what an account can see.
type sighting struct {
	Places    []graph.Place         `json:"places"`
	Calendars []graph.CalendarEntry `json:"calendars"`
	Notes     []finding             `json:"notes"` // what could not be seen
}

// look asks Microsoft 365 for what an account can see. The error is that of the
// sign-in; what Microsoft refuses is noted.
func (g *gateway) look(ctx context.Context, a config.Account) (sighting, error) {
	var (
		s       sighting
		err     error
		refused *graph.Error
		client  = g.clients[a.Name]
		places  = "account " + a.Name + " places"
	)
	s.Places, err = client.Places(ctx)
	switch {
	case errors.As(err, &refused) && refused.Status == http.StatusForbidden:
		s.Notes = append(s.Notes, placesForbidden(places, a))
	case refused != nil:
		s.Notes = append(s.Notes, found(places, err))
	case err != nil:
		return s, err
	case len(s.Places) == 0:
		s.Notes = append(s.Notes, finding{Subject: places, Level: bad, Person: true, Words: "the customer's directory has no rooms",
			Action: "have the customer's IT make them: admin.microsoft.com > Resources > Rooms & equipment; new ones may take a day to show"})
	}
	calendars := "account " + a.Name + " calendars"
	if microsoft(a).SignIn == "app" {
		s.Notes = append(s.Notes, finding{Subject: calendars, Level: good, Words: "an app has none of its own, and none is shared with it"})
		return s, nil
	}
	s.Calendars, err = client.Calendars(ctx)
	switch {
	case errors.As(err, &refused):
		s.Notes = append(s.Notes, found(calendars, err))
	case err != nil:
		return s, err
	}
	return s, nil
}

// placesForbidden says how to get the permission for Places
// (learn.microsoft.com/graph/permissions-reference#placereadall).
func placesForbidden(subject string, a config.Account) finding {
	f := finding{Subject: subject, Level: bad, Person: true, Words: "the permission Place.Read.All is missing, so only calendars can be listed",
		Action: `add "Place.Read.All" to scopes of the account, have an administrator of the customer consent to it, then run: roomgate login ` + a.Name}
	if microsoft(a).SignIn == "app" {
		f.Words = "the permission Place.Read.All is missing, so no rooms can be listed"
		f.Action = "have the customer's IT grant it: entra.microsoft.com > Entra ID > App registrations > the app > API permissions > Add a permission > " +
			"Microsoft Graph > Application permissions > Place.Read.All, then Grant admin consent"
	}
	return f
}

// answerSighting answers what the account in the request can see.
func (g *gateway) answerSighting(w http.ResponseWriter, r *http.Request) {
	var in signInRequest
	if !question(w, r, &in) {
		return
	}
	i := slices.IndexFunc(g.cfg.Accounts, func(a config.Account) bool { return a.Name == in.Account })
	if i < 0 {
		refuse(w, fmt.Errorf("there is no account %q in the configuration the gateway runs with", in.Account))
		return
	}
	s, err := g.look(r.Context(), g.cfg.Accounts[i])
	if err != nil {
		refuse(w, err)
		return
	}
	answer(w, s)
}

// discovery is what was found with an account.
type discovery struct {
	Account string      `json:"account"`
	Rooms   []foundRoom `json:"rooms"`
	Notes   []finding   `json:"notes,omitempty"`
}

// discover asks with every account, and prints what was found.
func (d *gatewayClient) discover(cmd *cobra.Command, cfg *config.Config, accounts []config.Account, asJSON bool) error {
	var all []discovery
	var notes []finding
	rooms, seen := slices.Clone(cfg.Rooms), 0
	for _, a := range accounts {
		var s sighting
		err := patiently(cmd.ErrOrStderr(), driver.WallClock{}, "Still looking for the rooms of account "+a.Name, func() error {
			return d.call(cmd.Context(), http.MethodPost, "/control/discover", signInRequest{Account: a.Name}, &s)
		})
		if err != nil {
			s.Notes = append(s.Notes, found("account "+a.Name, err))
		}
		f := discovery{Account: a.Name, Rooms: roomsOfSighting(s, a), Notes: s.Notes}
		rooms = offer(f.Rooms, a, rooms)
		seen += len(f.Rooms)
		notes = append(notes, f.Notes...)
		all = append(all, f)
	}
	var err error
	if asJSON {
		err = printJSON(cmd.OutOrStdout(), all)
	} else {
		err = errors.Join(printFindings(cmd.ErrOrStderr(), notes), printDiscoveries(cmd.OutOrStdout(), all, len(cfg.Accounts) > 1))
	}
	if seen > 0 || err != nil {
		return err
	}
	return verdict(notes)
}

// patiently does something, and says now and then that it is not done yet.
func patiently(w io.Writer, clock driver.Clock, words string, do func() error) error {
	done := make(chan error, 1)
	go func() { done <- do() }()
	for began := clock.Now(); ; {
		select {
		case err := <-done:
			return err
		case <-clock.After(5 * time.Second):
			fmt.Fprintf(w, "%s (%s) ...\n", words, clock.Now().Sub(began).Round(time.Second))
		}
	}
}

// printDiscoveries writes the tables as comments, and after them the sections.
// Sections name their account where there are several.
func printDiscoveries(w io.Writer, all []discovery, several bool) error {
	var out, sections strings.Builder
	for _, d := range all {
		fmt.Fprintf(&out, "# Found with account %s:\n#\n", d.Account)
		var table strings.Builder
		t := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
		fmt.Fprintln(t, "NAME\tBUILDING\tFLOOR\tCAPACITY\tADDRESS\tFOUND IN\tROOM")
		for _, r := range d.Rooms {
			fmt.Fprintln(t, strings.Join([]string{orDash(r.Name), orDash(r.Building), orDash(r.Floor), r.seats(), orDash(r.Address), r.Source, r.room()}, "\t"))
			if r.New != "" {
				account := ""
				if several {
					account = d.Account
				}
				sections.WriteString(r.section(account))
			}
		}
		if err := t.Flush(); err != nil {
			return err
		}
		for line := range strings.Lines(table.String()) {
			out.WriteString("# " + strings.TrimRight(line, " \n") + "\n")
		}
		out.WriteString("\n")
	}
	if sections.Len() == 0 {
		sections.WriteString("# There is no room to add.\n")
	}
	_, err := io.WriteString(w, out.String()+sections.String())
	return err
}
