package web

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	// setUpPolicy allows the set-up pages their style and forms of their own.
	// Microsoft's page is reached by a link, not by a form: a browser applies
	// form-action to redirects after a form, too (www.w3.org/TR/CSP3).
	setUpPolicy = "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

	callbackPath = "/setup/callback"
	cookieName   = "roomgate_setup"
	maxBody      = 64 << 10        // bytes of a request
	longCall     = time.Minute     // for Microsoft to answer
	look         = 5 * time.Second // between two looks at a device code that waits to be entered
)

// setUp is the pages on which people sign accounts in. Anybody who may see the
// page sees how the accounts stand. To sign in, a browser needs the one-time
// code once, which shows that its user is at the gateway, too.
type setUp struct {
	*server
	guesses  limiter
	sessions memory[bool]    // by the value of the cookie
	begun    memory[string]  // account, by the state of a sign-in that was begun here
	outcomes memory[outcome] // of what was last tried, by account
}

// outcome is how a try ended.
type outcome struct {
	OK          bool
	Words, Next string
}

// addSetUp adds the set-up pages. The root is one of them when a browser comes
// back to it: http://localhost without a path is the usual redirect URI.
func (s *server) addSetUp(mux *http.ServeMux) {
	u := &setUp{
		server:   s,
		guesses:  limiter{most: 5, span: 15 * time.Minute},
		sessions: memory[bool]{most: 16, span: 8 * time.Hour},
		begun:    memory[string]{most: 64, span: time.Hour},
		outcomes: memory[outcome]{most: 64, span: 10 * time.Minute},
	}
	mux.HandleFunc("GET /setup", u.reading(u.index))
	mux.HandleFunc("GET /setup/accounts/{account}", u.reading(u.account))
	mux.HandleFunc("GET "+callbackPath, u.callback)
	mux.HandleFunc("POST /setup/code", u.acting(u.enter))
	mux.HandleFunc("POST /setup/accounts/{account}/begin", u.acting(u.opened(u.begin)))
	mux.HandleFunc("POST /setup/accounts/{account}/complete", u.acting(u.opened(u.complete)))
	mux.HandleFunc("POST /setup/accounts/{account}/device", u.acting(u.opened(u.device)))
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		if q := r.URL.Query(); q.Has("state") && (q.Has("code") || q.Has("error")) {
			u.callback(w, r)
			return
		}
		s.page(w, r)
	})
}

// reading serves a set-up page. It leads from the loopback addresses to
// localhost: Microsoft takes plain http under that name only, and the browser's
// cookie has to be of the name it comes back to
// (learn.microsoft.com/entra/identity-platform/reply-url).
func (u *setUp) reading(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", setUpPolicy)
		name, port := splitHost(r.Host)
		if ip := net.ParseIP(name); ip != nil && ip.IsLoopback() && r.TLS == nil {
			http.Redirect(w, r, "http://"+joinHost("localhost", port)+r.URL.EscapedPath(), http.StatusTemporaryRedirect)
			return
		}
		next(w, r)
	}
}

func joinHost(name, port string) string {
	if port == "" {
		return name
	}
	return net.JoinHostPort(name, port)
}

// acting serves a form that was sent.
func (u *setUp) acting(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", setUpPolicy)
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		if err := r.ParseForm(); err != nil {
			status, reason := unreadable(err)
			u.refuse(w, status, reason, "what was sent could not be read; go back and send it again, the address alone")
			return
		}
		next(w, r)
	}
}

// unreadable returns the status and the reason for a body that cannot be read.
func unreadable(err error) (status int, reason string) {
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return http.StatusRequestEntityTooLarge, refusedTooLarge
	}
	return http.StatusBadRequest, refusedMalformed
}

// opened hands the account on to do when this browser may sign in.
func (u *setUp) opened(do func(http.ResponseWriter, *http.Request, SignInView)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v, ok := u.find(r.PathValue("account"))
		switch {
		case !ok:
			u.unknown(w, r)
		case !u.open(r):
			u.refused.WithLabelValues(refusedSession).Inc()
			u.html(w, http.StatusForbidden, oneAccountPage(u.accountPage(r, v)))
		default:
			do(w, r, v)
		}
	}
}

// open tells whether the set-up code was entered in this browser.
func (u *setUp) open(r *http.Request) bool {
	cookie, err := r.Cookie(cookieName)
	if err != nil {
		return false
	}
	ok, _ := u.sessions.get(cookie.Value, time.Now())
	return ok
}

func (u *setUp) find(account string) (SignInView, bool) {
	for _, v := range u.SignIns.Accounts() {
		if v.Name == account {
			return v, true
		}
	}
	return SignInView{}, false
}

func (u *setUp) index(w http.ResponseWriter, r *http.Request) {
	accounts := u.SignIns.Accounts()
	if len(accounts) == 1 {
		http.Redirect(w, r, accountPath(accounts[0].Name), http.StatusSeeOther)
		return
	}
	u.html(w, http.StatusOK, accountsPage(u.indexPage(r)))
}

func (u *setUp) account(w http.ResponseWriter, r *http.Request) {
	v, ok := u.find(r.PathValue("account"))
	if !ok {
		u.unknown(w, r)
		return
	}
	page := u.accountPage(r, v)
	if page.Open && v.Device != nil {
		w.Header().Set("Refresh", strconv.Itoa(int(look/time.Second)))
	}
	u.html(w, http.StatusOK, oneAccountPage(page))
}

func accountPath(account string) string { return "/setup/accounts/" + url.PathEscape(account) }

// enter takes the set-up code and lets this browser sign in.
func (u *setUp) enter(w http.ResponseWriter, r *http.Request) {
	now := time.Now()
	if wait := u.guesses.take(now); wait > 0 {
		retryAfter(w, wait)
		u.refuse(w, http.StatusTooManyRequests, refusedRate, "too many wrong codes were entered; wait a quarter of an hour, or sign in on the gateway with roomgate login")
		return
	}
	if u.SetUpCode == nil || !u.SetUpCode(strings.TrimSpace(r.PostForm.Get("code"))) {
		u.Log.Warn("a wrong set-up code was entered", "from", r.RemoteAddr)
		u.refuse(w, http.StatusForbidden, refusedCode, "this is not the set-up code; a code works once, and roomgate login --page prints a new one")
		return
	}
	u.guesses.giveBack()
	session := rand.Text()
	u.sessions.put(session, true, now)
	http.SetCookie(w, &http.Cookie{Name: cookieName, Value: session, Path: "/setup", HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: r.TLS != nil})
	target := "/setup"
	if v, ok := u.find(r.PostForm.Get("account")); ok {
		target = accountPath(v.Name)
	}
	http.Redirect(w, r, target, http.StatusSeeOther)
}

// retryAfter tells a client in whole seconds when to ask again.
func retryAfter(w http.ResponseWriter, wait time.Duration) {
	w.Header().Set("Retry-After", strconv.Itoa(int((wait+time.Second-1)/time.Second)))
}

// begin leads to Microsoft's page: at once where the browser comes back by
// itself, otherwise by a link beside the box for the address to paste.
func (u *setUp) begin(w http.ResponseWriter, r *http.Request, v SignInView) {
	hint, prompt := strings.TrimSpace(r.PostForm.Get("login_hint")), ""
	if hint != "" && !validEmail(hint) {
		u.end(w, r, v.Name, errors.New("this is not an e-mail address; correct it, or leave the field empty"))
		return
	}
	if hint == "" && r.PostForm.Has("select_account") {
		prompt = "select_account"
	}
	redirect, comesBack := homeward(v.RedirectURI, r)
	address, err := u.SignIns.Begin(v.Name, hint, prompt, redirect)
	if err != nil {
		u.end(w, r, v.Name, err)
		return
	}
	u.outcomes.forget(v.Name, time.Now())
	if !comesBack {
		page := u.accountPage(r, v)
		page.SignIn = address
		u.html(w, http.StatusOK, oneAccountPage(page))
		return
	}
	if to, err := url.Parse(address); err == nil {
		u.begun.put(to.Query().Get("state"), v.Name, time.Now())
	}
	u.onward(w, message{Title: "To Microsoft's sign-in", Words: "Sign in there; this page comes back by itself", Address: address, Link: "Open Microsoft's sign-in"})
}

// homeward returns whether the browser comes back to this page after a sign-in,
// and the redirect URI to ask for, empty for the configured one. Microsoft does
// not look at the port of localhost, so the port of this page takes its place
// (RFC 8252 §7.3).
func homeward(configured string, r *http.Request) (redirect string, comesBack bool) {
	u, err := url.Parse(configured)
	if err != nil || u.RawQuery != "" || (u.Path != "" && u.Path != "/" && u.Path != callbackPath) {
		return "", false
	}
	name, port := splitHost(r.Host)
	if u.Scheme == "http" && u.Hostname() == "localhost" && strings.EqualFold(name, "localhost") && r.TLS == nil {
		u.Host = joinHost("localhost", port)
		return u.String(), true
	}
	return "", u.Scheme == "https" && strings.EqualFold(u.Host, r.Host)
}

// callback takes what the browser brings back. The state, which only a browser
// let in here was given, stands for the cookie: browsers leave a strict cookie
// out when another site leads to the page.
func (u *setUp) callback(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Security-Policy", setUpPolicy)
	if r.Method != http.MethodGet { // a HEAD would use up the code
		return
	}
	now := time.Now()
	state := r.URL.Query().Get("state")
	account, ok := u.begun.get(state, now)
	if !ok {
		u.refuse(w, http.StatusBadRequest, refusedState, "this sign-in was not begun here, or has ended, or the gateway was started anew since; begin again, or paste this page's address where it was begun")
		return
	}
	u.begun.forget(state, now)
	ctx, cancel := toTheEnd(r)
	defer cancel()
	o := u.note(account, u.SignIns.Complete(ctx, account, r.URL.RequestURI()))
	u.onward(w, message{Title: "Back from Microsoft", Words: o.Words, Address: accountPath(account), Link: "Go on"})
}

// complete takes an address that was pasted.
func (u *setUp) complete(w http.ResponseWriter, r *http.Request, v SignInView) {
	ctx, cancel := toTheEnd(r)
	defer cancel()
	u.end(w, r, v.Name, u.SignIns.Complete(ctx, v.Name, r.PostForm.Get("pasted")))
}

// toTheEnd is the context of a request whose work goes on when the browser
// leaves: a code can be used once only.
func toTheEnd(r *http.Request) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(r.Context()), longCall)
}

// device asks for a device code; the account's page shows it.
func (u *setUp) device(w http.ResponseWriter, r *http.Request, v SignInView) {
	if _, err := u.SignIns.StartDevice(r.Context(), v.Name); err != nil {
		u.end(w, r, v.Name, err)
		return
	}
	u.outcomes.forget(v.Name, time.Now())
	http.Redirect(w, r, accountPath(v.Name), http.StatusSeeOther)
}

// end notes how a try ended and shows it on the account's page.
func (u *setUp) end(w http.ResponseWriter, r *http.Request, account string, err error) {
	u.note(account, err)
	http.Redirect(w, r, accountPath(account), http.StatusSeeOther)
}

func (u *setUp) note(account string, err error) outcome {
	o := outcome{OK: true, Words: fmt.Sprintf("Account %s is signed in", account)}
	if err != nil {
		o = outcome{Words: err.Error()}
		var acting interface{ Action() string }
		if errors.As(err, &acting) {
			o.Next = acting.Action()
		}
	}
	u.outcomes.put(account, o, time.Now())
	return o
}
