package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"roomgate/driver"
)

// callTimeout is how long the service may take to answer.
const callTimeout = time.Minute

// outcome is the result of an attempt to sign in.
type outcome struct {
	OK          bool
	Words, Next string
}

// begin starts a sign-in with a browser. It leads to the page of the service: at
// once if the browser is redirected back, otherwise by a link beside the field
// for the address to paste.
func (u setUp) begin(w http.ResponseWriter, r *http.Request, a Account) {
	request := driver.AuthorizationRequest{LoginHint: strings.TrimSpace(r.PostForm.Get("login_hint"))}
	if request.LoginHint != "" && !validEmail(request.LoginHint) {
		u.end(w, r, a.Name, errors.New("this is not an e-mail address; correct it, or leave the field empty"))
		return
	}
	if request.LoginHint == "" && r.PostForm.Has("select_account") {
		request.Prompt = "select_account"
	}
	redirect, returns := returnAddress(a.redirectURI(), r)
	request.RedirectURI = redirect
	var address string
	err := withSession(r.Context(), u, a.Name, "browser", func(session driver.CodeSignIn) (err error) {
		address, err = session.Begin(request)
		return err
	})
	if err != nil {
		u.end(w, r, a.Name, err)
		return
	}
	u.outcomes.forget(a.Name, time.Now())
	if to, err := url.Parse(address); err == nil {
		u.started.put(to.Query().Get("state"), a.Name, time.Now())
	}
	if !returns {
		page := u.accountPage(r, a)
		page.SignInURL = address
		u.html(w, http.StatusOK, oneAccountPage(page))
		return
	}
	u.forward(w, message{Title: "Sign in to " + a.Provider.Service(), Words: "Sign in there; the browser then returns to this page",
		Address: address, Link: "Open the sign-in page"})
}

// returnAddress reports whether the browser comes back to this page after a
// sign-in, and returns the redirect URI to ask for; empty: the configured one. An
// authorization server accepts any port of a loopback redirect URI (RFC 8252
// §7.3), so it gets the port of this page.
func returnAddress(configured string, r *http.Request) (redirect string, returns bool) {
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

// callback handles the authorization response of the browser. The state, which only a
// browser that may sign in has received, replaces the cookie: browsers do not send a
// strict cookie on navigation from another site.
func (u setUp) callback(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Security-Policy", setUpPolicy)
	if r.Method != http.MethodGet { // a HEAD request must not use the code
		return
	}
	now := time.Now()
	state := r.URL.Query().Get("state")
	name, ok := u.started.get(state, now)
	if !ok {
		u.refuse(w, http.StatusBadRequest, refusedState, "this sign-in was not started here, or has ended, or the gateway was restarted since; start again, or paste this page's address where it was started")
		return
	}
	u.started.forget(state, now)
	o := u.note(name, u.completeSignIn(r, name, r.URL.RequestURI()))
	u.forward(w, message{Title: "Back from the sign-in", Words: o.Words, Address: accountPath(name), Link: "Continue"})
}

// complete handles a pasted address.
func (u setUp) complete(w http.ResponseWriter, r *http.Request, a Account) {
	u.end(w, r, a.Name, u.completeSignIn(r, a.Name, r.PostForm.Get("pasted")))
}

// completeSignIn completes the sign-in of an account with the authorization
// response.
func (u setUp) completeSignIn(r *http.Request, account, response string) error {
	ctx, cancel := detached(r)
	defer cancel()
	return withSession(ctx, u, account, "browser", func(session driver.CodeSignIn) error { return session.Complete(ctx, response) })
}

// withSession calls do with the session of an account, and again with its successor
// if the session has ended. how is the way to sign in that S stands for.
func withSession[S driver.Session](ctx context.Context, u setUp, account, how string, do func(S) error) error {
	return driver.RetryEnded(ctx, func() error {
		a, _ := u.account(account)
		session, ok := driver.SessionOf(a.Provider).(S)
		if !ok {
			return fmt.Errorf("account %s is not signed in to with a %s; reload this page", account, how)
		}
		return do(session)
	})
}

// detached is the context of a request whose work is finished even if the client
// disconnects: a code can be used only once.
func detached(r *http.Request) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(r.Context()), callTimeout)
}

// startDevice asks for a device code; the account's page shows it.
func (u setUp) startDevice(w http.ResponseWriter, r *http.Request, a Account) {
	err := withSession(r.Context(), u, a.Name, "device code", func(session driver.DeviceSignIn) error {
		_, err := session.StartDevice(r.Context())
		return err
	})
	if err != nil {
		u.end(w, r, a.Name, err)
		return
	}
	u.outcomes.forget(a.Name, time.Now())
	http.Redirect(w, r, accountPath(a.Name), http.StatusSeeOther)
}

// end records the outcome of an attempt and shows it on the account's page.
func (u setUp) end(w http.ResponseWriter, r *http.Request, account string, err error) {
	u.note(account, err)
	http.Redirect(w, r, accountPath(account), http.StatusSeeOther)
}

func (u setUp) note(account string, err error) outcome {
	o := outcome{OK: true, Words: fmt.Sprintf("Account %s is signed in", account)}
	if err != nil {
		o = outcome{Words: err.Error()}
		var actionable interface{ Action() string }
		if errors.As(err, &actionable) {
			o.Next = actionable.Action()
		}
	}
	u.outcomes.put(account, o, time.Now())
	return o
}

// forward answers with a page that redirects to another at once. The browser
// replaces the address of this page, and the code in it, by the next one; unlike
// with an HTTP redirect, the navigation starts from this page, so a strict cookie is
// sent (html.spec.whatwg.org/multipage/document-lifecycle.html, "refresh").
func (u setUp) forward(w http.ResponseWriter, m message) {
	w.Header().Set("Refresh", "0; url="+m.Address)
	m.Site = u.Site.Name
	u.html(w, http.StatusOK, messagePage(m))
}
