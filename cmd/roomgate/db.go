package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"

	"github.com/spf13/cobra"

	"roomgate/driver/store"
)

func dbCommand(g *globals) *cobra.Command {
	c := &cobra.Command{Use: "db", Short: "Look after the database"}
	c.AddCommand(dbCheck(g))
	return onlyGroups(c)
}

func dbCheck(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "check [file]",
		Short: "Walk the whole database and report damage",
		Long: "Check reads every page and every value of the database. The gateway does it at\n" +
			"each start, in a process of its own, because a badly damaged file can crash it.",
		Args: atMostOne,
		RunE: func(cmd *cobra.Command, args []string) error {
			path := ""
			if len(args) == 1 {
				path = args[0]
			} else {
				cfg, _, err := g.load(cmd)
				if err != nil {
					return err
				}
				path = cfg.Store.Path
			}
			err := store.Check(path)
			switch {
			case errors.Is(err, store.ErrLocked):
				return coded{hinted{err, "stop the gateway first: systemctl stop roomgate"}, exitLocked}
			case errors.Is(err, store.ErrDamaged):
				return coded{err, exitDamaged}
			case err != nil:
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s is good\n", path)
			return nil
		},
	}
}

// checkCommandLine is 'roomgate db check FILE' as a process of its own.
func checkCommandLine(ctx context.Context, path string) *exec.Cmd {
	c := exec.CommandContext(ctx, "/proc/self/exe", "db", "check", path)
	c.Args[0] = os.Args[0] // tests run several programs from one file, told apart by name
	return c
}
