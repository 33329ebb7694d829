package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"roomgate/config"
	"roomgate/packaging"
)

func configCommand(g *globals) *cobra.Command {
	c := &cobra.Command{Use: "config", Short: "Check, print or write the configuration"}
	c.AddCommand(configCheck(g), configPrint(g), configInit(g))
	return onlyGroups(c)
}

func configCheck(g *globals) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "check",
		Short: "Report every mistake in the configuration",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := config.Load(g.config)
			var problems *config.Problems
			if asJSON && (err == nil || errors.As(err, &problems)) {
				list := []config.Problem{}
				if problems != nil {
					list = *problems
				} else {
					list = append(list, cfg.Warnings...)
				}
				if printErr := printJSON(cmd.OutOrStdout(), list); printErr != nil || err == nil {
					return printErr
				}
				return coded{errQuiet, exitUsage}
			}
			if err != nil {
				return badConfig{err}
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s is good: site %s, accounts: %d, rooms: %d\n", g.config, cfg.Site.ID, len(cfg.Accounts), len(cfg.Rooms))
			for _, w := range cfg.Warnings {
				fmt.Fprintf(cmd.OutOrStdout(), "warning: %s\n", w)
			}
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print the problems as JSON")
	return c
}

func configPrint(g *globals) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "print",
		Short: "Print the configuration in effect, defaults included, secrets masked",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := config.Load(g.config)
			if err != nil {
				return badConfig{err}
			}
			if asJSON {
				return cfg.PrintJSON(cmd.OutOrStdout())
			}
			return cfg.Print(cmd.OutOrStdout())
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func configInit(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "init",
		Short: "Write the commented reference configuration, if there is none",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			f, err := os.OpenFile(g.config, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o640)
			if errors.Is(err, os.ErrExist) {
				return hinted{fmt.Errorf("%s exists and is left as it is", g.config), "--config with another name"}
			}
			if err != nil {
				return fmt.Errorf("writing the reference configuration: %w", err)
			}
			_, err = f.Write(packaging.Config)
			if err = errors.Join(err, f.Close()); err != nil {
				return fmt.Errorf("writing the reference configuration: %w", err)
			}
			fmt.Fprintf(cmd.OutOrStdout(), "Wrote %s. Fill in site, account, rooms and broker, then run: %s\n", g.config, g.command("config check"))
			return nil
		},
	}
}
