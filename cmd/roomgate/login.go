package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"roomgate/config"
	"roomgate/driver"
	"roomgate/gateway"
)

// loginFlags are the ways to sign in; at most one is chosen.
type loginFlags struct {
	printURL bool
	paste    string
	code     string
	imported string
	page     bool
	hint     string
	prompt   string
}

func loginCommand(g *globals) *cobra.Command {
	f := &loginFlags{}
	c := &cobra.Command{
		Use:   "login [account]",
		Short: "Sign an account in to its calendar service",
		Long: "Login signs in as the account is configured.\n\n" +
			"In a browser: it prints an address to open on any machine. After the sign-in the\n" +
			"browser is sent to the redirect URI; where that is this machine, login completes\n" +
			"automatically. Otherwise copy the whole address out of the browser and paste it\n" +
			"here, even if the page itself could not be shown.\n" +
			"With a device code: it prints a short code to enter at an address on any device.\n" +
			"Automatically, with a secret, a certificate or a key: login verifies that the\n" +
			"service accepts it.\n\n" +
			"In scripts: 'login --print-url' and later 'login --paste ADDRESS'. A dash reads\n" +
			"what is pasted, or imported, from standard input, where other users cannot see it.",
		Args: atMostOne,
		RunE: func(cmd *cobra.Command, args []string) error {
			return g.withGateway(cmd, func(cfg *config.Config, d *gateway.Client) error {
				account, err := pickAccount(cfg, args)
				if err != nil {
					return err
				}
				status, err := statusOf(cmd.Context(), d, account.Name)
				if err != nil {
					return err
				}
				return (&login{loginFlags: f, cmd: cmd, gateway: d, account: status, zone: cfg.Site.Timezone, globals: g}).run()
			})
		},
	}
	c.Flags().BoolVar(&f.printURL, "print-url", false, "print the address to open, and exit")
	c.Flags().StringVar(&f.paste, "paste", "", "`ADDRESS` the browser was sent to after the sign-in, or - for standard input")
	c.Flags().StringVar(&f.code, "code", "", "authorization `CODE` obtained by hand, without PKCE, or - for standard input")
	c.Flags().StringVar(&f.imported, "import", "", "`FILE` with a refresh token obtained elsewhere, or - for standard input: JSON with refresh_token,\nand maybe access_token and redirect_uri, or the refresh token alone")
	c.Flags().BoolVar(&f.page, "page", false, "print the address of the running gateway's set-up page, and the code that opens it")
	c.Flags().StringVar(&f.hint, "login-hint", "", "`ADDRESS` of the account to offer")
	c.Flags().StringVar(&f.prompt, "prompt", "", "login, consent or select_account; empty: the service decides")
	c.MarkFlagsMutuallyExclusive("print-url", "paste", "code", "import", "page")
	return c
}

// login is one run of the command.
type login struct {
	*loginFlags
	*globals
	cmd     *cobra.Command
	gateway *gateway.Client
	account gateway.AccountStatus
	zone    *time.Location
}

// statusOf is the status of an account.
func statusOf(ctx context.Context, c *gateway.Client, account string) (gateway.AccountStatus, error) {
	all, err := c.Accounts(ctx)
	if err != nil {
		return gateway.AccountStatus{}, err
	}
	for _, a := range all {
		if a.Name == account {
			return a, nil
		}
	}
	return gateway.AccountStatus{}, hinted{fmt.Errorf("the running gateway does not know the account %q yet", account), "systemctl reload roomgate"}
}

// run signs in as the flags say, or else as the account is configured.
func (l login) run() error {
	ctx, name := l.cmd.Context(), l.account.Name
	byHand := l.printURL || l.paste+l.code+l.imported != ""
	switch {
	case l.page:
		return l.showPage()
	case l.account.SignIn == gateway.SignInNone:
		return hinted{usageError{fmt.Errorf("account %s: %s needs no sign-in", name, l.account.Service)}, l.command("check")}
	case l.account.SignIn == gateway.SignInAutomatic && byHand:
		return usageError{fmt.Errorf("account %s signs in automatically: run '%s' alone, to verify that it can", name, l.command("login "+name))}
	case l.account.SignIn == gateway.SignInAutomatic:
		return l.verify()
	case l.account.SignIn == gateway.SignInDevice && byHand && l.imported == "":
		return usageError{fmt.Errorf("account %s signs in with a device code: run '%s' alone", name, l.command("login "+name))}
	case l.imported != "":
		return l.importTokens()
	case l.code != "":
		code, err := textOrStdin(l.cmd, l.code)
		if err != nil {
			return err
		}
		return l.report(l.gateway.CompleteCode(ctx, name, code))
	case l.paste != "":
		response, err := textOrStdin(l.cmd, l.paste)
		if err != nil {
			return err
		}
		return l.report(l.gateway.Complete(ctx, name, response))
	case l.account.SignIn == gateway.SignInDevice:
		return l.withDevice()
	}
	return l.withBrowser()
}

// withBrowser signs in with a code that a browser brings back.
func (l login) withBrowser() error {
	request := driver.AuthorizationRequest{LoginHint: l.hint, Prompt: l.prompt}
	var receiver gateway.LoopbackReceiver
	if !l.printURL {
		receiver = gateway.ReceiveAtLoopback(l.cmd.Context(), l.account.RedirectURI)
		request.RedirectURI = receiver.RedirectURI
	}
	address, err := l.gateway.Begin(l.cmd.Context(), l.account.Name, request)
	if err != nil {
		return err
	}
	address = gateway.OneLine(address)
	if l.printURL {
		fmt.Fprintln(l.cmd.OutOrStdout(), address)
		return nil
	}
	return l.awaitResponse(receiver.Responses, address)
}

// awaitResponse shows the address and completes the sign-in with the first
// authorization response: from a browser on this machine, or pasted.
func (l login) awaitResponse(received <-chan string, address string) error {
	out := l.cmd.OutOrStdout()
	fmt.Fprintf(out, "Open this address in a browser, on any machine, and sign in as the account that may see the rooms:\n\n%s\n\n", address)
	if received != nil {
		openBrowser(address)
		fmt.Fprintln(out, "A browser on this machine completes the sign-in automatically. With a browser elsewhere:")
	}
	fmt.Fprint(out, "Copy the whole address the browser ends up at, even if it shows an error page, and paste it here:\n> ")
	ctx, cancel := context.WithCancel(l.cmd.Context())
	defer cancel()
	lines := readLines(ctx, l.cmd.InOrStdin())
	for {
		var response string
		select {
		case <-ctx.Done():
			fmt.Fprintln(out) // after the prompt
			return ctx.Err()
		case response = <-received:
			fmt.Fprintln(out, "(the browser returned)")
		case line, ok := <-lines:
			if !ok && received == nil {
				return hinted{errors.New("no address was pasted"), fmt.Sprintf("'%[1]s --print-url' and then '%[1]s --paste ADDRESS'", l.command("login"))}
			}
			if !ok {
				lines = nil // no terminal; wait for the browser
			}
			if response = line; strings.TrimSpace(line) == "" {
				continue
			}
		}
		return l.report(l.gateway.Complete(l.cmd.Context(), l.account.Name, response))
	}
}

// withDevice shows a device code and waits until it was entered.
func (l login) withDevice() error {
	d, err := l.gateway.StartDevice(l.cmd.Context(), l.account.Name)
	if err != nil {
		return err
	}
	fmt.Fprintf(l.cmd.OutOrStdout(), "Open this address on any device, and sign in as the account that may see the rooms:\n\n  %s\n\nThe code to enter there:\n\n  %s\n\nIt is valid until %s. Waiting for the sign-in ...\n",
		gateway.OneLine(d.VerificationURI), gateway.OneLine(d.UserCode), d.Expires.In(l.zone).Format("15:04"))
	err = l.gateway.WaitDevice(l.cmd.Context(), l.account.Name)
	if l.cmd.Context().Err() != nil {
		return stopped(fmt.Sprintf("stopped; the code stays valid until %s, and '%s' waits for it again", d.Expires.In(l.zone).Format("15:04"), l.command("login "+l.account.Name)))
	}
	return l.report(err)
}

// verify checks that an account which signs in automatically can.
func (l login) verify() error {
	if err := l.gateway.Verify(l.cmd.Context(), l.account.Name); err != nil {
		return err
	}
	fmt.Fprintf(l.cmd.OutOrStdout(), "Account %s signs in automatically, and %s accepted it.\n'%s' shows whether it may read the rooms.\n", l.account.Name, l.account.Service, l.command("check"))
	return nil
}

// importTokens signs in with tokens that were obtained elsewhere.
func (l login) importTokens() error {
	text, err := fileOrStdin(l.cmd, l.imported)
	if err != nil {
		return err
	}
	tokens, err := gateway.ReadTokens(text)
	if err != nil {
		return err
	}
	return l.report(l.gateway.Import(l.cmd.Context(), l.account.Name, tokens))
}

// showPage prints how to open the set-up page.
func (l login) showPage() error {
	if !l.gateway.Running {
		return hinted{errors.New("the gateway is not running, so there is no set-up page"), l.command("run") + ", or login without --page"}
	}
	p, err := l.gateway.OpenSetUpPage(l.cmd.Context())
	if err != nil {
		return err
	}
	u, err := url.Parse(p.URL)
	if err != nil || p.URL == "" {
		return hinted{errors.New("the gateway shows no page"), `listen = "127.0.0.1:8080" in [web]`}
	}
	fmt.Fprintf(l.cmd.OutOrStdout(), "Open this page in a browser on this machine:\n\n  %s\n\nIt asks for this code, once, within %d minutes:\n\n  %s\n\nFrom another machine, open a tunnel first: ssh -L %[4]s:127.0.0.1:%[4]s USER@THIS-MACHINE\n",
		p.URL, int(gateway.SetUpCodeLife.Minutes()), p.Code, u.Port())
	return nil
}

// report prints that a sign-in succeeded, or returns its error.
func (l login) report(err error) error {
	err = sent(err, l.command("accounts"))
	if err == nil {
		fmt.Fprintf(l.cmd.OutOrStdout(), "Account %s is signed in. '%s' shows its state.\n", l.account.Name, l.command("accounts"))
	}
	return err
}

// fileOrStdin reads a file, or standard input for a dash.
func fileOrStdin(cmd *cobra.Command, name string) (string, error) {
	if name == "-" {
		return textOrStdin(cmd, name)
	}
	f, err := os.Open(name)
	if err != nil {
		return "", hinted{named(fmt.Errorf("reading the tokens: %w", err)), "--import with a file that this user can read, or --import - for standard input"}
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, 64<<10))
	if err != nil {
		return "", fmt.Errorf("reading the tokens: %w", err)
	}
	return string(text), nil
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

// openBrowser opens a browser where there is a desktop to show it.
func openBrowser(address string) {
	if os.Getenv("DISPLAY") == "" && os.Getenv("WAYLAND_DISPLAY") == "" {
		return
	}
	if err := exec.Command("xdg-open", address).Start(); err != nil {
		return // the address is on the terminal
	}
}
