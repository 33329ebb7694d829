package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"roomgate/config"
	"roomgate/driver"
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

// check collects the findings, in the order of their dependencies.
func (g *globals) check(cmd *cobra.Command) ([]driver.Finding, error) {
	cfg, deps, err := g.load(cmd)
	var mistakes badConfig
	if errors.As(err, &mistakes) {
		return []driver.Finding{{Subject: "configuration", Level: driver.LevelBad, Words: mistakes.Error()}}, nil
	}
	if err != nil {
		return nil, err
	}
	findings := []driver.Finding{lookAtFile(g.config, cfg)}
	c, err := reach(cfg, deps)
	if err != nil {
		around, errAround := gateway.Surroundings(cmd.Context(), cfg, deps)
		if errAround != nil {
			return nil, errAround
		}
		return append(append(findings, around...), failure("database", err)), nil
	}
	seen, err := c.Check(cmd.Context(), cfg)
	return append(findings, seen...), errors.Join(err, c.Close())
}

// lookAtFile is the finding about the configuration and its permissions.
func lookAtFile(path string, cfg *config.Config) driver.Finding {
	f := driver.Finding{Subject: "configuration", Level: driver.LevelGood, Words: fmt.Sprintf("%s: accounts: %d, rooms: %d", path, len(cfg.Accounts), len(cfg.Rooms))}
	if info, err := os.Stat(path); err == nil && info.Mode().Perm()&0o022 != 0 {
		f.Level, f.Words = driver.LevelWarning, f.Words+"; other users of this machine can change it"
		f.Action = "chmod go-w " + path
	}
	return f
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
		if _, err := fmt.Fprintf(w, "%-8s %s: %s\n", f.Level, gateway.OneLine(f.Subject), gateway.Continued(f.Words, "         ")); err != nil {
			return err
		}
		if f.Action != "" {
			fmt.Fprintf(w, "         to do: %s\n", gateway.Continued(f.Action, "         "))
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
