package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"roomgate/driver"
	"roomgate/driver/store"
	"roomgate/gateway"
)

func checkCommand(g *globals) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "check",
		Short: "Check everything the gateway needs, and say what to fix",
		Long: "Check verifies the configuration, the clock, the connection to the calendar\n" +
			"service, every sign-in and its permissions, every room, the broker and its access\n" +
			"rules, and the disk. If the gateway is running, it runs the checks; otherwise the\n" +
			"command does. If the customer's IT has to act, check prints the line to run or\n" +
			"the place to click.",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			findings := []driver.Finding{}
			out := cmd.OutOrStdout()
			colour := colourful(out)
			err := g.check(cmd, func(f driver.Finding) {
				if cmd.Context().Err() != nil {
					return // it is about the stop
				}
				findings = append(findings, f)
				if !asJSON {
					gateway.WriteFinding(out, f, colour)
				}
			})
			switch {
			case cmd.Context().Err() != nil:
				return cmd.Context().Err()
			case err != nil:
				return err
			case asJSON:
				err = printJSON(out, findings)
			}
			return errors.Join(err, verdict(findings))
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// check calls found with the findings as they come, in the order of their dependencies.
// It creates nothing: without a database nobody has signed in, and one that is damaged
// stays as it is.
func (g *globals) check(cmd *cobra.Command, found func(driver.Finding)) error {
	cfg, deps, err := g.load(cmd)
	var mistakes badConfig
	if errors.As(err, &mistakes) {
		found(driver.Finding{Subject: "configuration", Level: driver.LevelBad, Words: mistakes.Error()})
		return nil
	}
	if err != nil {
		return err
	}
	gateway.CheckConfiguration(g.config, cfg, found)
	missing := false
	c, err := gateway.Reach(cfg, deps, func() (*store.Store, error) {
		_, err := os.Stat(cfg.Store.Path)
		if missing = errors.Is(err, fs.ErrNotExist); missing {
			return nil, err
		}
		return g.openIntact(cfg.Store.Path, deps)
	})
	switch {
	case missing && err != nil:
		return gateway.CheckBeforeStart(cmd.Context(), cfg, deps, found)
	case err != nil:
		if err := gateway.Surroundings(cmd.Context(), cfg, deps, found); err != nil {
			return err
		}
		found(failure("database", withSudo(err)))
		return nil
	}
	return errors.Join(c.Check(cmd.Context(), cfg, found), c.Close())
}

// openIntact opens a database that exists. A damaged one is not replaced, as it would be
// by opening it.
func (g *globals) openIntact(path string, d gateway.Dependencies) (*store.Store, error) {
	if err := store.ChildCheck(exitDamaged, checkCommandLine)(path); errors.Is(err, store.ErrDamaged) {
		return nil, hinted{fmt.Errorf("%s is damaged; the gateway replaces it at its next start, and keeps it under another name", path), g.command("db check")}
	}
	return openStore(path, commandPatience, d)
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

func printFindings(w io.Writer, findings []driver.Finding) {
	colour := colourful(w)
	for _, f := range findings {
		gateway.WriteFinding(w, f, colour)
	}
}

// colourful reports whether a writer is a terminal that shows colours, and the user
// wants them (no-color.org).
func colourful(w io.Writer) bool {
	return gateway.IsTerminal(w) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
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
