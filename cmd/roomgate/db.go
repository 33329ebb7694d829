package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strings"

	"github.com/spf13/cobra"

	"roomgate/config"
	"roomgate/driver/store"
	"roomgate/gateway"
)

func dbCommand(g *globals) *cobra.Command {
	c := &cobra.Command{Use: "db", Short: "Check, back up or restore the database"}
	c.AddCommand(dbCheck(g), dbBackup(g), dbRestore(g))
	return onlyGroups(c)
}

func dbCheck(g *globals) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "check [file]",
		Short: "Verify the whole database and report damage",
		Long: "Check reads every page and every value of the database. The gateway does it at\n" +
			"each start, in a separate process, because a badly damaged file can crash it.",
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
				return coded{hinted{err, stopFirst}, exitLocked}
			case errors.Is(err, store.ErrDamaged) && asJSON:
				return errors.Join(printJSON(cmd.OutOrStdout(), map[string]any{"file": path, "good": false, "damage": err.Error()}), coded{errQuiet, exitDamaged})
			case errors.Is(err, store.ErrDamaged):
				return coded{err, exitDamaged}
			case err != nil && len(args) == 1:
				return named(err)
			case err != nil:
				return err
			case asJSON:
				return printJSON(cmd.OutOrStdout(), map[string]any{"file": path, "good": true})
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s is good\n", path)
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

const stopFirst = "stop the gateway first: systemctl stop roomgate"

// checkCommandLine is 'roomgate db check FILE' as a process of its own.
func checkCommandLine(ctx context.Context, path string) *exec.Cmd {
	c := exec.CommandContext(ctx, "/proc/self/exe", "db", "check", path)
	c.Args[0] = os.Args[0] // tests run several programs from one file, told apart by name
	return c
}

func dbBackup(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "backup FILE",
		Short: "Write a copy of the database to a new file",
		Long: "Backup writes a copy of the database as it is now, whether the gateway runs or\n" +
			"not. It contains only secrets that are sealed with store.key_file; the command\n" +
			"says what it left out. Keep the key file separate from the copy.",
		Args: oneFile,
		RunE: func(cmd *cobra.Command, args []string) error {
			return g.withGateway(cmd, func(cfg *config.Config, d *gateway.Client) error {
				got, err := d.Backup(cmd.Context())
				if err != nil {
					return err
				}
				if err := writeNew("the backup", args[0], got.Copy, "another name"); err != nil {
					return err
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%s holds a copy of %s.\n", args[0], cfg.Store.Path)
				if len(got.LeftOut) > 0 {
					fmt.Fprintf(cmd.OutOrStdout(), "Left out, because it is secret and not sealed with store.key_file: %s.\n",
						strings.Join(got.LeftOut, ", "))
				}
				return nil
			})
		},
	}
}

// writeNew writes a file that must not exist, for its owner only. what names it
// in errors, and hint is what to try where it exists.
func writeNew(what, path string, data []byte, hint string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return hinted{fmt.Errorf("%s exists and is left as it is", path), hint}
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", what, err)
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("writing %s: %w", what, errors.Join(err, os.Remove(path)))
	}
	return nil
}

func dbRestore(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "restore FILE",
		Short: "Replace the database with a backup",
		Long: "Restore checks a backup and replaces the database with a copy of it. The database\n" +
			"is kept under another name. The gateway has to be stopped. Of every sign-in the\n" +
			"newest tokens stay, whether this machine or the backup has them; an account that\n" +
			"was signed out after the backup stays signed out.",
		Args: oneFile,
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, d, err := g.load(cmd)
			if err != nil {
				return err
			}
			running, err := gateway.ReachRunning(cfg)
			if err != nil {
				return withSudo(err)
			}
			if running != nil {
				return coded{hinted{errors.New("the gateway is running"), stopFirst}, exitLocked}
			}
			if err := checkBackup(args[0]); err != nil {
				return err
			}
			replaced, err := gateway.Restore(args[0], cfg, d, store.ChildCheck(exitDamaged, checkCommandLine))
			if err != nil {
				return coded{err, exitLocked}
			}
			out := cmd.OutOrStdout()
			fmt.Fprintf(out, "%s now has the contents of %s.\n", cfg.Store.Path, args[0])
			if replaced != "" {
				fmt.Fprintf(out, "The previous database is %s; delete it when everything works.\n", replaced)
			}
			fmt.Fprintln(out, "Start the gateway. An account without tokens has to sign in, which this shows: "+g.command("accounts"))
			return nil
		},
	}
}

// checkBackup examines a backup in a process of its own, as every start examines
// the database.
func checkBackup(path string) error {
	if _, err := os.Stat(path); err != nil {
		return named(fmt.Errorf("reading the backup: %w", err))
	}
	err := store.ChildCheck(exitDamaged, checkCommandLine)(path)
	if err == nil {
		return nil
	}
	told := hinted{fmt.Errorf("%s cannot be restored, and nothing was changed: %w", path, err), "another backup"}
	if errors.Is(err, store.ErrDamaged) {
		return coded{told, exitDamaged}
	}
	return told
}

func oneFile(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return usageError{fmt.Errorf("%q takes the name of one file, got %d", cmd.CommandPath(), len(args))}
	}
	return nil
}
