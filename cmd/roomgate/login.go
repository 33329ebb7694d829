package main

import (
	"bufio"
	"context"
	"encoding/json"
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
	"roomgate/driver"
	gw "roomgate/gateway"
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
		Short: "Sign an account in to Microsoft 365",
		Long: "Login does what sign_in of the account says.\n\n" +
			"code: it prints an address to open in a browser, on any machine. After the\n" +
			"sign-in the browser is sent to the redirect URI; where that is this machine,\n" +
			"login notices by itself. Otherwise copy the whole address out of the browser and\n" +
			"paste it here, even if the page itself could not be shown.\n" +
			"device: it prints a short code to be entered at an address on any device.\n" +
			"app: nobody signs in; login tries whether Microsoft takes the app's secret or\n" +
			"certificate.\n\n" +
			"In scripts: 'login --print-url' and later 'login --paste ADDRESS'. A dash reads\n" +
			"what is pasted, or imported, from standard input, where other users cannot see it.",
		Args: atMostOne,
		RunE: func(cmd *cobra.Command, args []string) error {
			return g.withGateway(cmd, func(cfg *config.Config, d *gatewayClient) error {
				account, err := pickAccount(cfg, args)
				if err != nil {
					return err
				}
				return (&login{loginFlags: f, cmd: cmd, gateway: d, account: account, zone: cfg.Site.Timezone}).run()
			})
		},
	}
	c.Flags().BoolVar(&f.printURL, "print-url", false, "print the address to open, and end")
	c.Flags().StringVar(&f.paste, "paste", "", "`ADDRESS` the browser was sent to after the sign-in, or - for standard input")
	c.Flags().StringVar(&f.code, "code", "", "authorization `CODE` obtained by hand, without PKCE, or - for standard input")
	c.Flags().StringVar(&f.imported, "import", "", "`FILE` with a refresh token obtained elsewhere, or - for standard input: JSON with refresh_token,\nand maybe access_token and redirect_uri, or the refresh token alone")
	c.Flags().BoolVar(&f.page, "page", false, "print the address of the running gateway's set-up page, and the code that opens it")
	c.Flags().StringVar(&f.hint, "login-hint", "", "`ADDRESS` of the account to offer")
	c.Flags().StringVar(&f.prompt, "prompt", "", "login, consent or select_account; empty: as Microsoft likes")
	c.MarkFlagsMutuallyExclusive("print-url", "paste", "code", "import", "page")
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

// login is one run of the command.
type login struct {
	*loginFlags
	cmd     *cobra.Command
	gateway *gatewayClient
	account config.Account
	zone    *time.Location
}

// run signs in by the way that was asked for, or by that of the account.
func (l login) run() error {
	app := microsoft(l.account).SignIn == "app"
	switch {
	case l.page:
		return l.showPage()
	case app && (l.printURL || l.paste+l.code+l.imported != ""):
		return usageError{fmt.Errorf("account %s is an app and signs in by itself: run 'roomgate login %[1]s' alone, to try whether it can", l.account.Name)}
	case app:
		return l.prove()
	case l.imported != "":
		return l.importTokens()
	case l.code != "":
		return l.pasted("/control/login/code", l.code, func(in *signInRequest, text string) { in.Code = text })
	case l.paste != "":
		return l.pasted("/control/login/complete", l.paste, func(in *signInRequest, text string) { in.Pasted = text })
	case microsoft(l.account).SignIn == "device" && !l.printURL:
		return l.withDevice()
	}
	return l.withBrowser()
}

// ask has the gateway do something for the account.
func (l login) ask(path string, in signInRequest, out any) error {
	in.Account = l.account.Name
	return l.gateway.call(l.cmd.Context(), http.MethodPost, path, in, out)
}

// pasted ends a sign-in with one text.
func (l login) pasted(path, flag string, put func(*signInRequest, string)) error {
	text, err := textOrStdin(l.cmd, flag)
	if err != nil {
		return err
	}
	var in signInRequest
	put(&in, text)
	return l.done(l.ask(path, in, nil))
}

// withBrowser signs in with a code that a browser brings back.
func (l login) withBrowser() error {
	in := signInRequest{LoginHint: l.hint, Prompt: l.prompt}
	var c *catcher
	if !l.printURL {
		c = catch(l.cmd.Context(), microsoft(l.account).RedirectURI)
		in.RedirectURI = c.redirect
	}
	var begun struct{ URL string }
	if err := l.ask("/control/login/begin", in, &begun); err != nil {
		return err
	}
	if l.printURL {
		fmt.Fprintln(l.cmd.OutOrStdout(), begun.URL)
		return nil
	}
	return l.converse(c, begun.URL)
}

// converse leads the person through the sign-in: whatever comes first, the
// browser's return or a pasted line, ends it.
func (l login) converse(c *catcher, address string) error {
	out := l.cmd.OutOrStdout()
	fmt.Fprintf(out, "Open this address in a browser, on any machine, and sign in as the account that may see the rooms:\n\n%s\n\n", address)
	if c.returned != nil {
		openBrowser(address)
		fmt.Fprintln(out, "A browser on this machine finishes by itself. With a browser elsewhere:")
	}
	fmt.Fprint(out, "Copy the whole address the browser ends up at, even if it shows an error page, and paste it here:\n> ")
	ctx, cancel := context.WithCancel(l.cmd.Context())
	defer cancel()
	lines := readLines(ctx, l.cmd.InOrStdin())
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
		return l.done(l.ask("/control/login/complete", signInRequest{Pasted: pasted}, nil))
	}
}

// withDevice shows a device code and waits until it was entered.
func (l login) withDevice() error {
	var d deviceAnswer
	if err := l.ask("/control/login/device", signInRequest{}, &d); err != nil {
		return err
	}
	fmt.Fprintf(l.cmd.OutOrStdout(), "Open this address on any device, and sign in as the account that may see the rooms:\n\n  %s\n\nThe code to enter there:\n\n  %s\n\nIt is good until %s. Waiting for the sign-in ...\n",
		d.Address, d.UserCode, d.Expires.In(l.zone).Format("15:04"))
	return l.done(l.ask("/control/login/wait", signInRequest{}, nil))
}

// prove tries whether Microsoft takes the app's secret or certificate.
func (l login) prove() error {
	if err := l.ask("/control/login/prove", signInRequest{}, nil); err != nil {
		return err
	}
	fmt.Fprintf(l.cmd.OutOrStdout(), "Account %s is an app and signs in by itself: Microsoft took its %s and gave a token.\nWhether it may read the rooms, 'roomgate check' tells.\n", l.account.Name, l.credential())
	return nil
}

func (l login) credential() string {
	if microsoft(l.account).ClientCertificate != nil {
		return "certificate"
	}
	return "client secret"
}

// importTokens signs in with tokens that were obtained elsewhere.
func (l login) importTokens() error {
	text, err := fileOrStdin(l.cmd, l.imported)
	if err != nil {
		return err
	}
	tokens, err := readTokens(text)
	if err != nil {
		return err
	}
	return l.done(l.ask("/control/login/import", signInRequest{Tokens: tokens}, nil))
}

// readTokens reads JSON as a token endpoint answers it, with the redirect URI
// added, or a bare refresh token. The error repeats nothing of the text.
func readTokens(text string) (driver.ImportedTokens, error) {
	text = strings.TrimSpace(text)
	if !strings.HasPrefix(text, "{") {
		return driver.ImportedTokens{RefreshToken: text}, nil
	}
	var in driver.ImportedTokens
	if json.Unmarshal([]byte(text), &in) != nil {
		return driver.ImportedTokens{}, errors.New(`the tokens are not JSON: write {"refresh_token": "…", "redirect_uri": "…"}, or the refresh token alone`)
	}
	return in, nil
}

// showPage prints how to get to the set-up page.
func (l login) showPage() error {
	if !l.gateway.running {
		return hinted{errors.New("the gateway is not running, so there is no set-up page"), "roomgate run, or roomgate login without --page"}
	}
	var p pageAnswer
	if err := l.ask("/control/login/page", signInRequest{}, &p); err != nil {
		return err
	}
	u, err := url.Parse(p.URL)
	if err != nil || p.URL == "" {
		return hinted{errors.New("the gateway shows no page"), `listen = "127.0.0.1:8080" in [web]`}
	}
	fmt.Fprintf(l.cmd.OutOrStdout(), "Open this page in a browser on this machine:\n\n  %s\n\nIt asks for this code, once, within %d minutes:\n\n  %s\n\nFrom another machine, lay a tunnel first: ssh -L %[4]s:127.0.0.1:%[4]s USER@THIS-MACHINE\n",
		p.URL, int(gw.SetUpCodeLife.Minutes()), p.Code, u.Port())
	return nil
}

// done reports the end of a sign-in.
func (l login) done(err error) error {
	if err == nil {
		fmt.Fprintf(l.cmd.OutOrStdout(), "Account %s is signed in. 'roomgate accounts' shows how it stands.\n", l.account.Name)
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
		return "", fmt.Errorf("reading the tokens: %w", err)
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
			return g.withGateway(cmd, func(cfg *config.Config, d *gatewayClient) error {
				account, err := pickAccount(cfg, args)
				if err != nil {
					return err
				}
				if err := d.call(cmd.Context(), http.MethodPost, "/control/logout", signInRequest{Account: account.Name}, nil); err != nil {
					return err
				}
				fmt.Fprintf(cmd.OutOrStdout(), "The sign-in of account %s is forgotten here. Microsoft keeps the consent; the customer's IT can revoke it.\n", account.Name)
				return nil
			})
		},
	}
}
