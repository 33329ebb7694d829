package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"roomgate/config"
)

// loginFlags are the ways to sign in; at most one is chosen.
type loginFlags struct {
	printURL bool
	paste    string
	code     string
	hint     string
	prompt   string
}

func loginCommand(g *globals) *cobra.Command {
	f := &loginFlags{}
	c := &cobra.Command{
		Use:   "login [account]",
		Short: "Sign an account in to Microsoft 365",
		Long: "Login prints an address to open in a browser, on any machine. After the sign-in\n" +
			"the browser is sent to the redirect URI; where that is this machine, login\n" +
			"notices by itself. Otherwise copy the whole address out of the browser and\n" +
			"paste it here, even if the page itself could not be shown.\n\n" +
			"In scripts: 'login --print-url' and later 'login --paste ADDRESS'; a dash reads\n" +
			"the address or code from standard input, where other users cannot see it.",
		Args: atMostOne,
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, w, err := g.load(cmd)
			if err != nil {
				return err
			}
			account, err := pickAccount(cfg, args)
			if err != nil {
				return err
			}
			d, err := reach(cfg, w)
			if err != nil {
				return err
			}
			return errors.Join(f.login(cmd, d, account), d.close())
		},
	}
	c.Flags().BoolVar(&f.printURL, "print-url", false, "print the address to open, and end")
	c.Flags().StringVar(&f.paste, "paste", "", "`ADDRESS` the browser was sent to after the sign-in, or - for standard input")
	c.Flags().StringVar(&f.code, "code", "", "authorization `CODE` obtained by hand, without PKCE, or - for standard input")
	c.Flags().StringVar(&f.hint, "login-hint", "", "`ADDRESS` of the account to offer")
	c.Flags().StringVar(&f.prompt, "prompt", "", "login, consent or select_account; empty: as Microsoft likes")
	c.MarkFlagsMutuallyExclusive("print-url", "paste", "code")
	return c
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
		return config.Account{}, usageError{fmt.Errorf("which account? There are %s", strings.Join(names, ", "))}
	}
	return config.Account{}, usageError{fmt.Errorf("there is no account %q; there are %s", args[0], strings.Join(names, ", "))}
}

func (f *loginFlags) login(cmd *cobra.Command, d *gatewayClient, account config.Account) error {
	ctx := cmd.Context()
	in := signInRequest{Account: account.Name, LoginHint: f.hint, Prompt: f.prompt}
	switch {
	case f.code != "":
		code, err := textOrStdin(cmd, f.code)
		if err != nil {
			return err
		}
		in.Code = code
		return f.done(cmd, account, d.call(ctx, http.MethodPost, "/control/login/code", in, nil))
	case f.paste != "":
		pasted, err := textOrStdin(cmd, f.paste)
		if err != nil {
			return err
		}
		in.Pasted = pasted
		return f.done(cmd, account, d.call(ctx, http.MethodPost, "/control/login/complete", in, nil))
	}
	var catcher *catcher
	if !f.printURL {
		catcher = catch(ctx, account.RedirectURI)
		in.RedirectURI = catcher.redirect
	}
	var begun struct{ URL string }
	if err := d.call(ctx, http.MethodPost, "/control/login/begin", in, &begun); err != nil {
		return err
	}
	if f.printURL {
		fmt.Fprintln(cmd.OutOrStdout(), begun.URL)
		return nil
	}
	return f.converse(cmd, d, account, catcher, begun.URL)
}

// converse leads the person through the sign-in: whatever comes first, the
// browser's return or a pasted line, ends it.
func (f *loginFlags) converse(cmd *cobra.Command, d *gatewayClient, account config.Account, c *catcher, address string) error {
	out := cmd.OutOrStdout()
	fmt.Fprintf(out, "Open this address in a browser, on any machine, and sign in as the account that may see the rooms:\n\n%s\n\n", address)
	if c.returned != nil {
		openBrowser(address)
		fmt.Fprintln(out, "A browser on this machine finishes by itself. With a browser elsewhere:")
	}
	fmt.Fprint(out, "Copy the whole address the browser ends up at, even if it shows an error page, and paste it here:\n> ")
	ctx, cancel := context.WithCancel(cmd.Context())
	defer cancel()
	lines := readLines(ctx, cmd.InOrStdin())
	for {
		var pasted string
		select {
		case <-ctx.Done():
			return ctx.Err()
		case pasted = <-c.returned:
			fmt.Fprintln(out, "(the browser came back)")
		case line, ok := <-lines:
			if !ok {
				if c.returned == nil {
					return hinted{errors.New("no address was pasted"), "'roomgate login --print-url' and then 'roomgate login --paste ADDRESS'"}
				}
				lines = nil // no terminal; wait for the browser
				continue
			}
			if strings.TrimSpace(line) == "" {
				continue
			}
			pasted = line
		}
		in := signInRequest{Account: account.Name, Pasted: pasted}
		return f.done(cmd, account, d.call(ctx, http.MethodPost, "/control/login/complete", in, nil))
	}
}

// done reports the end of a sign-in.
func (f *loginFlags) done(cmd *cobra.Command, account config.Account, err error) error {
	if err == nil {
		fmt.Fprintf(cmd.OutOrStdout(), "Account %s is signed in. 'roomgate accounts' shows how it stands.\n", account.Name)
	}
	return err
}

// textOrStdin reads standard input when the flag is a dash.
func textOrStdin(cmd *cobra.Command, flag string) (string, error) {
	if flag != "-" {
		return flag, nil
	}
	text, err := io.ReadAll(io.LimitReader(cmd.InOrStdin(), 64<<10))
	if err != nil {
		return "", fmt.Errorf("reading standard input: %w", err)
	}
	return string(text), nil
}

// readLines sends the lines that are typed until ctx or the input ends.
func readLines(ctx context.Context, in io.Reader) <-chan string {
	lines := make(chan string)
	go func() {
		defer close(lines)
		s := bufio.NewScanner(in)
		s.Buffer(nil, 64<<10) // codes are long
		for s.Scan() {
			select {
			case lines <- s.Text():
			case <-ctx.Done():
				return
			}
		}
	}()
	return lines
}

// catcher waits for the browser at a loopback redirect URI.
type catcher struct {
	redirect string      // the redirect URI to use; empty: the configured one
	returned chan string // the address the browser came to; nil: it does not come here
}

// catch listens where the redirect URI leads, if that is this machine. Microsoft
// ignores the port of http://localhost, so any free one will do
// (learn.microsoft.com/entra/identity-platform/reply-url).
func catch(ctx context.Context, redirect string) *catcher {
	u, err := url.Parse(redirect)
	if err != nil || u.Scheme != "http" || u.Hostname() != "localhost" {
		return &catcher{}
	}
	l, err := net.Listen("tcp", "127.0.0.1:"+u.Port())
	if err != nil {
		if l, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			return &catcher{}
		}
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	u.Host = "localhost:" + port
	c := &catcher{redirect: u.String(), returned: make(chan string, 1)}
	go serveHTTP(ctx, l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if q := r.URL.Query(); !q.Has("code") && !q.Has("error") {
			http.NotFound(w, r)
			return
		}
		select {
		case c.returned <- r.URL.String():
		default:
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		fmt.Fprintln(w, "roomgate has what it needs. Look at the terminal; this page can be closed.")
		time.AfterFunc(time.Second, func() { l.Close() })
	}))
	return c
}

// openBrowser opens a browser where there is a desktop to show it.
func openBrowser(address string) {
	if os.Getenv("DISPLAY") == "" && os.Getenv("WAYLAND_DISPLAY") == "" {
		return
	}
	if err := exec.Command("xdg-open", address).Start(); err != nil {
		return // the address stands on the terminal
	}
}

func logoutCommand(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "logout [account]",
		Short: "Forget an account's sign-in",
		Args:  atMostOne,
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, w, err := g.load(cmd)
			if err != nil {
				return err
			}
			account, err := pickAccount(cfg, args)
			if err != nil {
				return err
			}
			d, err := reach(cfg, w)
			if err != nil {
				return err
			}
			err = d.call(cmd.Context(), http.MethodPost, "/control/logout", signInRequest{Account: account.Name}, nil)
			if err == nil {
				fmt.Fprintf(cmd.OutOrStdout(), "The sign-in of account %s is forgotten here. Microsoft keeps the consent; the customer's IT can revoke it.\n", account.Name)
			}
			return errors.Join(err, d.close())
		},
	}
}
