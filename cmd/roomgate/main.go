// Command roomgate is a gateway daemon for buildings: it reads the bookings of a
// site's meeting rooms from calendar services and publishes them as points over
// MQTT to the building management system.
//
// A file holds a command: its flags, what it prints and its exit codes. What a
// command does is in package gateway and the packages below it.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"roomgate/config"
	"roomgate/driver"
	"roomgate/gateway"
)

// Exit codes; they are documented in the operations manual.
const (
	exitOK      = 0
	exitFailed  = 1 // something did not work; the message says what
	exitUsage   = 2 // the command line or the configuration is wrong
	exitPerson  = 3 // user action required at the calendar service: sign in, grant, share
	exitLocked  = 4 // the database is in use or cannot be used
	exitDamaged = 5 // 'db check' found the database damaged

	exitStopped = 130 // by Ctrl-C or SIGTERM before it was done; 128 + SIGINT, as shells have it
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run is the whole program. Tests call it as main does.
func run(args []string, in io.Reader, out, errOut io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)                                    // a second signal kills
	out, errOut = gateway.NewOutput(out), gateway.NewOutput(errOut) // text from outside is cleaned here, for every command
	root := newRoot()
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errOut)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	if ctx.Err() != nil {
		err = afterSignal(err)
	}
	complain(errOut, err)
	return exitCode(err)
}

// globals are the flags every command has.
type globals struct {
	config   string
	draft    bool // files of secrets may not exist yet
	logLevel string
}

// command is how a command is called with the configuration in use.
func (g *globals) command(words string) string { return config.Program(g.config) + " " + words }

func newRoot() *cobra.Command {
	g := &globals{}
	root := &cobra.Command{
		Use:   "roomgate",
		Short: "Room bookings as points for the building",
		Long: "roomgate reads the bookings of a site's meeting rooms from calendar services and\n" +
			"publishes them as points over MQTT to the building management system.\n\n" +
			"Try 'roomgate demo': the whole product on this machine, with no account.",
		SilenceErrors: true,
		SilenceUsage:  true,
		// Cobra's own error for flags that exclude each other cannot be told apart
		// from a failure of the command.
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			if err := cmd.ValidateFlagGroups(); err != nil {
				return usageError{err}
			}
			return nil
		},
	}
	root.PersistentFlags().StringVar(&g.config, "config", config.DefaultPath, "configuration `FILE`")
	root.PersistentFlags().StringVar(&g.logLevel, "log-level", "info", "debug, info, warn or error")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.AddCommand(runCommand(g), loginCommand(g), logoutCommand(g), accountsCommand(g), roomsCommand(g),
		checkCommand(g), replayCommand(g), explainCommand(g), certificateCommand(g), handoverCommand(g), configCommand(g), dbCommand(g), reportCommand(g), demoCommand(g), simulateCommand(), versionCommand())
	return onlyGroups(root)
}

// onlyGroups makes a command that only holds others show its help, and refuse
// arguments that are none of them.
func onlyGroups(c *cobra.Command) *cobra.Command {
	c.SuggestionsMinimumDistance = 2 // letters
	c.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	c.Args = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return nil
		}
		err := usageError{fmt.Errorf("there is no command %q in %q", args[0], cmd.CommandPath())}
		if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
			return hinted{err, cmd.CommandPath() + " " + near[0]}
		}
		return hinted{err, cmd.CommandPath() + " --help"}
	}
	return c
}

// usageError is a mistake on the command line.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// hinted is an error with the next step for the user of the command.
type hinted struct {
	error
	hint string
}

func (e hinted) Unwrap() error { return e.error }

// coded is an error that ends the program with a certain exit code.
type coded struct {
	error
	code int
}

func (e coded) Unwrap() error { return e.error }

// errQuiet is an error about which everything has been printed already.
var errQuiet = errors.New("already printed")

// stopped is the error of a command that was stopped by a signal, with what became of
// its work.
type stopped string

func (s stopped) Error() string { return string(s) }

// afterSignal is the error of a command that a signal may have stopped.
func afterSignal(err error) error {
	if s := stopped(""); errors.Is(err, context.Canceled) && !errors.As(err, &s) {
		return stopped("stopped; nothing changed")
	}
	return err
}

// sent is the error of a request that the gateway may carry out although the command
// was stopped; show is the command that tells.
func sent(err error, show string) error {
	if errors.Is(err, context.Canceled) {
		return stopped("stopped; whether the gateway has done it shows " + show)
	}
	return err
}

// named is the error for a file that the command line names. One that does not exist is
// a mistake on it.
func named(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return usageError{err}
	}
	return err
}

// complain prints what went wrong and what to do.
func complain(w io.Writer, err error) {
	if errors.Is(err, errQuiet) {
		return
	}
	var s stopped
	if errors.As(err, &s) {
		fmt.Fprintln(w, "roomgate:", s)
		return
	}
	fmt.Fprintln(w, "roomgate: error:", gateway.Continued(err.Error(), "  "))
	var h hinted
	var a driver.Actionable
	switch {
	case errors.As(err, &h):
		fmt.Fprintln(w, "roomgate: try:", gateway.Continued(h.hint, "  "))
	case errors.As(err, &a) && a.Action() != "":
		fmt.Fprintln(w, "roomgate: try:", gateway.Continued(strings.TrimPrefix(a.Action(), "run: "), "  "))
	}
}

// exitCode maps an error to the program's exit code.
func exitCode(err error) int {
	var c coded
	var u usageError
	var a driver.Actionable
	var s stopped
	switch {
	case errors.As(err, &s):
		return exitStopped
	case errors.As(err, &c):
		return c.code
	case errors.As(err, &u), errors.Is(err, gateway.ErrUnknown):
		return exitUsage
	case errors.As(err, &a) && a.NeedsPerson():
		return exitPerson
	}
	return exitFailed
}
