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
// once if the browser comes back by itself, otherwise by a link beside the field
// for the address to paste.
func (u setUp) begin(w http.ResponseWriter, r *http.Request, a Account) {
	session, ok := a.session().(driver.CodeSignIn)
	if !ok {
		u.end(w, r, a.Name, fmt.Errorf("nobody signs in to account %s with a browser; reload this page", a.Name))
		return
	}
	request := driver.AuthorizationRequest{LoginHint: strings.TrimSpace(r.PostForm.Get("login_hint"))}
	if request.LoginHint != "" && !validEmail(request.LoginHint) {
		u.end(w, r, a.Name, errors.New("this is not an e-mail address; correct it, or leave the field empty"))
		return
	}
	if request.LoginHint == "" && r.PostForm.Has("select_account") {
		request.Prompt = "select_account"
	}
	redirect, returns := returnAddress(session.RedirectURI(), r)
	request.RedirectURI = redirect
	address, err := session.Begin(request)
	if err != nil {
		u.end(w, r, a.Name, err)
		return
	}
	u.outcomes.forget(a.Name, time.Now())
	if !returns {
		page := u.accountPage(r, a)
		page.SignInURL = address
		u.html(w, http.StatusOK, oneAccountPage(page))
		return
	}
	if to, err := url.Parse(address); err == nil {
		u.started.put(to.Query().Get("state"), a.Name, time.Now())
	}
	u.forward(w, message{Title: "Sign in to " + a.Provider.Service(), Words: "Sign in there; this page comes back by itself",
		Address: address, Link: "Open the sign-in page"})
}

// returnAddress tells whether the browser comes back to this page after a
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

// callback takes the authorization response that the browser brings back. The
// state, which only a browser that may sign in was given, stands for the cookie:
// browsers do not send a strict cookie when another site leads to the page.
func (u setUp) callback(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Security-Policy", setUpPolicy)
	if r.Method != http.MethodGet { // a HEAD would use up the code
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
	a, session := u.codeSession(name)
	if session == nil {
		u.refuse(w, http.StatusBadRequest, refusedState, "the account is no longer in the configuration the gateway runs with, or signs in differently; start again")
		return
	}
	ctx, cancel := detached(r)
	defer cancel()
	o := u.note(name, session.Complete(ctx, r.URL.RequestURI()))
	u.forward(w, message{Title: "Back from " + a.Provider.Service(), Words: o.Words, Address: accountPath(name), Link: "Continue"})
}

// codeSession finds an account and its session; nil: nobody signs in to it with a
// browser, or there is no such account.
func (u setUp) codeSession(name string) (Account, driver.CodeSignIn) {
	a, ok := u.account(name)
	if !ok {
		return Account{}, nil
	}
	session, _ := a.session().(driver.CodeSignIn)
	return a, session
}

// complete takes an address that was pasted.
func (u setUp) complete(w http.ResponseWriter, r *http.Request, a Account) {
	session, ok := a.session().(driver.CodeSignIn)
	if !ok {
		u.end(w, r, a.Name, fmt.Errorf("nobody signs in to account %s with a browser; reload this page", a.Name))
		return
	}
	ctx, cancel := detached(r)
	defer cancel()
	u.end(w, r, a.Name, session.Complete(ctx, r.PostForm.Get("pasted")))
}

// detached is the context of a request whose work is finished even if the client
// disconnects: a code can be used only once.
func detached(r *http.Request) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(r.Context()), callTimeout)
}

// startDevice asks for a device code; the account's page shows it.
func (u setUp) startDevice(w http.ResponseWriter, r *http.Request, a Account) {
	session, ok := a.session().(driver.DeviceSignIn)
	if !ok {
		u.end(w, r, a.Name, fmt.Errorf("nobody signs in to account %s with a device code; reload this page", a.Name))
		return
	}
	if _, err := session.StartDevice(r.Context()); err != nil {
		u.end(w, r, a.Name, err)
		return
	}
	u.outcomes.forget(a.Name, time.Now())
	http.Redirect(w, r, accountPath(a.Name), http.StatusSeeOther)
}

// end notes the outcome of an attempt and shows it on the account's page.
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

// forward answers with a page that leads on to another at once. The browser
// replaces the address of this page, and the code in it, by the next one; unlike
// after a redirect it is this page that leads there, so that a strict cookie is
// sent (html.spec.whatwg.org/multipage/document-lifecycle.html, "refresh").
func (u setUp) forward(w http.ResponseWriter, m message) {
	w.Header().Set("Refresh", "0; url="+m.Address)
	m.Site = u.Site.Name
	u.html(w, http.StatusOK, messagePage(m))
}
