package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"roomgate/graph"
	"roomgate/graph/token"
)

// explanation is an entry of the dictionary of Microsoft's errors.
type explanation struct {
	Code        string `json:"code"`
	Known       bool   `json:"known"`
	What        string `json:"what"`                   // what happened
	Who         string `json:"who"`                    // who can mend it
	Next        string `json:"next"`                   // what that person does
	NeedsPerson bool   `json:"needs_person"`           // it does not heal by itself
	Page        string `json:"page,omitempty"`         // Microsoft's own page about it
	Logs        string `json:"sign_in_logs,omitempty"` // where the customer's IT sees it happen
}

func explainCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "explain CODE",
		Short: "Say what an error code of Microsoft's means, and what to do",
		Long: "Explain looks up a code of Microsoft's sign-in (AADSTS7000222, 7000222,\n" +
			"invalid_grant) or of Microsoft Graph (ErrorAccessDenied). A whole error message\n" +
			"may be given as well; the code in it is found. The exit code is 1 when the code\n" +
			"is not in the dictionary.",
		Example: "  roomgate explain AADSTS7000222\n  roomgate explain ErrorItemNotFound",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usageError{fmt.Errorf("which code? Give one, such as AADSTS7000222 or ErrorAccessDenied")}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			e := explain(strings.Join(args, " "))
			var err error
			if asJSON {
				err = printJSON(cmd.OutOrStdout(), e)
			} else {
				err = e.print(cmd.OutOrStdout())
			}
			if err == nil && !e.Known {
				err = coded{errQuiet, exitFailed}
			}
			return err
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// explain looks a code up, also where it stands within a longer text.
func explain(text string) explanation {
	if a, ok := token.Explain(text); ok || strings.Contains(strings.ToUpper(text), "AADSTS") || aadstsNumber(text) != "" {
		return ofSignIn(a, ok)
	}
	words := strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" \t\r\n,;:\"'()[]{}<>=.", r) })
	for _, w := range words {
		if a, ok := token.Explain(w); ok && aadstsNumber(w) == "" { // a number in a text is rarely a code
			return ofSignIn(a, true)
		}
		if a, ok := graph.Explain(w); ok {
			return explanation{a.Code, true, a.What, a.Who, a.Next, a.NeedsPerson, "", ""}
		}
	}
	a, _ := graph.Explain(text)
	return explanation{Code: a.Code, What: "this code is not in the dictionary of the sign-in or of Graph", Who: a.Who, Next: a.Next, NeedsPerson: a.NeedsPerson}
}

// ofSignIn is an error of the sign-in: where Microsoft explains it, and where the
// customer's IT sees it happen.
func ofSignIn(a token.Advice, known bool) explanation {
	e := explanation{Code: a.Code, Known: known, What: a.What, Who: a.Who, Next: a.Next, NeedsPerson: a.NeedsPerson}
	if n := aadstsNumber(a.Code); n != "" {
		e.Page = "https://login.microsoftonline.com/error?code=" + n
		e.Logs = "entra.microsoft.com, Monitoring & health, Sign-in logs, filter Correlation ID by the id in the error message"
	}
	return e
}

// aadstsNumber returns the digits of an AADSTS code, "" if it is none.
func aadstsNumber(code string) string {
	digits := strings.TrimPrefix(strings.ToUpper(code), "AADSTS")
	if len(digits) < 5 || len(digits) > 9 || strings.Trim(digits, "0123456789") != "" {
		return ""
	}
	return digits
}

func (e explanation) print(w io.Writer) error {
	next := e.Next
	if next == "" {
		next = "nothing: the gateway tries again by itself"
	}
	_, err := fmt.Fprintf(w, "%s\n  What happened    %s\n  Who can mend it  %s\n  What to do       %s\n", e.Code, e.What, e.Who, next)
	if err == nil && e.Page != "" {
		_, err = fmt.Fprintf(w, "  Microsoft's page %s\n  Sign-in logs     %s\n", e.Page, e.Logs)
	}
	return err
}
