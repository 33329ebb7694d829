package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"roomgate/config"
	"roomgate/driver"
	"roomgate/driver/store"
	"roomgate/gateway"
)

// load reads the configuration and makes the log.
func (g *globals) load(cmd *cobra.Command) (*config.Config, gateway.Dependencies, error) {
	log, err := newLog(cmd.ErrOrStderr(), g.logLevel)
	if err != nil {
		return nil, gateway.Dependencies{}, err
	}
	load := config.Load
	if g.draft {
		load = config.LoadDraft
	}
	cfg, err := load(g.config)
	if err != nil {
		return nil, gateway.Dependencies{}, badConfig{err}
	}
	return cfg, gateway.Dependencies{Clock: driver.WallClock{}, Version: version(), Log: log}, nil
}

// newLog makes the log of a level that is given as a word.
func newLog(w io.Writer, level string) (*slog.Logger, error) {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		return nil, usageError{fmt.Errorf("--log-level %q: use debug, info, warn or error", level)}
	}
	return gateway.NewLog(w, l), nil
}

// withGateway reads the configuration, reaches the gateway and does something
// with it.
func (g *globals) withGateway(cmd *cobra.Command, do func(*config.Config, *gateway.Client) error) error {
	cfg, d, err := g.load(cmd)
	if err != nil {
		return err
	}
	c, err := reach(cfg, d)
	if err != nil {
		return err
	}
	return errors.Join(do(cfg, c), c.Close())
}

// reach finds the running gateway, or builds it in this process.
func reach(cfg *config.Config, d gateway.Dependencies) (*gateway.Client, error) {
	c, err := gateway.Reach(cfg, d, func() (*store.Store, error) { return openStore(cfg.Store.Path, commandPatience, d) })
	return c, withSudo(err)
}

// withSudo adds the next step to an error of a user who may not reach the gateway.
func withSudo(err error) error {
	if errors.Is(err, gateway.ErrNoAccess) {
		return hinted{err, "the same command with sudo"}
	}
	return err
}

// mustRun refuses what only a running gateway can do.
func (g *globals) mustRun(c *gateway.Client) error {
	if c.Running {
		return nil
	}
	return hinted{errors.New("the gateway is not running, and this command needs it"), g.command("run")}
}

// How long to wait for another process to release the database. The daemon waits
// longer: a command that happens to read the database while the daemon starts
// must not prevent its start.
const (
	commandPatience = time.Second
	daemonPatience  = 5 * time.Second
)

// openStore opens the database. A file that may be damaged is examined by another
// process first.
func openStore(path string, patience time.Duration, d gateway.Dependencies) (*store.Store, error) {
	st, err := store.Open(path, store.Options{Check: store.ChildCheck(exitDamaged, checkCommandLine), LockTimeout: patience, Now: d.Clock.Now, Log: d.Log})
	if err != nil {
		return nil, coded{err, exitLocked}
	}
	return st, nil
}

// pickAccount takes the account named, or the only one there is.
func pickAccount(cfg *config.Config, args []string) (config.Account, error) {
	var names []string
	for _, a := range cfg.Accounts {
		if len(args) == 1 && a.Name == args[0] || len(args) == 0 && len(cfg.Accounts) == 1 {
			return a, nil
		}
		names = append(names, a.Name)
	}
	if len(args) == 0 {
		return config.Account{}, usageError{fmt.Errorf("name one of the accounts: %s", listed(names))}
	}
	return config.Account{}, usageError{fmt.Errorf("there is no account %q; the accounts are: %s", args[0], listed(names))}
}
