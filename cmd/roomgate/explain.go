package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"roomgate/config"
	"roomgate/driver"
	"roomgate/gateway"
)

func explainCommand(g *globals) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "explain CODE",
		Short: "Say what an error code of a calendar service means, and what to do",
		Long: "Explain looks up an error code of a sign-in or of reading a calendar. A whole\n" +
			"error message may be given as well; the code in it is found. The exit code is 1\n" +
			"when the code is not in the dictionary.",
		Example: "  roomgate explain invalid_grant\n  roomgate explain 'the message from the log'",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usageError{fmt.Errorf("which code? Give one, such as invalid_grant, or the whole message")}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			a := gateway.Explain(strings.Join(args, " "), config.Program(g.config))
			var err error
			if asJSON {
				err = printJSON(cmd.OutOrStdout(), a)
			} else {
				err = printAdvice(cmd.OutOrStdout(), a)
			}
			if err == nil && !a.Known {
				err = coded{errQuiet, exitFailed}
			}
			return err
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func printAdvice(w io.Writer, a driver.Advice) error {
	next := a.Next
	if next == "" {
		next = "nothing: the gateway tries again automatically"
	}
	_, err := fmt.Fprintf(w, "%s\n  What happened    %s\n  Who can fix it   %s\n  What to do       %s\n", gateway.OneLine(a.Code), gateway.OneLine(a.What), gateway.OneLine(a.Who), gateway.OneLine(next))
	if err == nil && a.Page != "" {
		_, err = fmt.Fprintf(w, "  Documentation    %s\n  Sign-in logs     %s\n", gateway.OneLine(a.Page), gateway.OneLine(a.Logs))
	}
	return err
}
