package web

import (
	"crypto/rand"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"roomgate/driver"
	"roomgate/httpd"
)

const (
	// setUpPolicy allows the set-up pages their style and forms of their own. The
	// page of the service is reached by a link, not by a form: a browser applies
	// form-action to redirects after a form, too (www.w3.org/TR/CSP3).
	setUpPolicy = "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

	callbackPath  = "/setup/callback"
	cookieName    = "roomgate_setup"
	maxBody       = 64 << 10        // bytes of a request
	deviceRefresh = 5 * time.Second // between two loads of a page that shows a device code
)

// setUp serves the pages on which users sign in to the accounts. Every visitor of the
// page sees the state of the accounts. To sign in, a browser needs the
// one-time code once, which shows that its user has access to the gateway, too.
type setUp struct{ *server }

// addSetUp adds the set-up pages. The root is one of them when a browser comes
// back to it: http://localhost without a path is the usual redirect URI.
func (s *server) addSetUp(mux *http.ServeMux) {
	u := setUp{s}
	mux.HandleFunc("GET /setup", u.page(u.index))
	mux.HandleFunc("GET /setup/accounts/{account}", u.page(u.showAccount))
	mux.HandleFunc("GET "+callbackPath, u.callback)
	mux.HandleFunc("POST /setup/code", u.form(u.enterCode))
	mux.HandleFunc("POST /setup/accounts/{account}/begin", u.form(u.authorized(u.begin)))
	mux.HandleFunc("POST /setup/accounts/{account}/complete", u.form(u.authorized(u.complete)))
	mux.HandleFunc("POST /setup/accounts/{account}/device", u.form(u.authorized(u.startDevice)))
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		if isResponse(r) {
			u.callback(w, r)
			return
		}
		s.page(w, r)
	})
}

// isResponse reports whether a browser was sent here by a service, with an
// authorization response (RFC 6749 §4.1.2).
func isResponse(r *http.Request) bool {
	q := r.URL.Query()
	return q.Has("state") && (q.Has("code") || q.Has("error"))
}

// page serves a set-up page. It redirects from the loopback addresses to
// localhost: redirect URIs with plain http have that name, and the browser's
// cookie has to be of the name it comes back to.
func (u setUp) page(next http.HandlerFunc) http.HandlerFunc {
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

// form serves a form that was sent.
func (u setUp) form(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", setUpPolicy)
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		if err := r.ParseForm(); err != nil {
			status, reason := unreadable(err)
			u.refuse(w, status, reason, "the form could not be read; go back and send it again, with the address alone")
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

// authorized passes the account on to do if this browser may sign in.
func (u setUp) authorized(do func(http.ResponseWriter, *http.Request, Account)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		a, ok := u.account(r.PathValue("account"))
		switch {
		case !ok:
			u.absent(w, r)
		case !u.maySignIn(r):
			u.refused.WithLabelValues(refusedSession).Inc()
			u.html(w, http.StatusForbidden, oneAccountPage(u.accountPage(r, a)))
		default:
			do(w, r, a)
		}
	}
}

// maySignIn reports whether the set-up code was entered in this browser.
func (u setUp) maySignIn(r *http.Request) bool {
	cookie, err := r.Cookie(cookieName)
	if err != nil {
		return false
	}
	ok, _ := u.browsers.get(cookie.Value, time.Now())
	return ok
}

func (u setUp) index(w http.ResponseWriter, r *http.Request) {
	accounts := u.Accounts()
	if len(accounts) == 1 {
		http.Redirect(w, r, accountPath(accounts[0].Name), http.StatusSeeOther)
		return
	}
	u.html(w, http.StatusOK, accountsPage(u.indexPage(r, accounts)))
}

func (u setUp) showAccount(w http.ResponseWriter, r *http.Request) {
	a, ok := u.account(r.PathValue("account"))
	if !ok {
		u.absent(w, r)
		return
	}
	page := u.accountPage(r, a)
	if page.MaySignIn && page.Status.Device != nil {
		w.Header().Set("Refresh", strconv.Itoa(int(deviceRefresh/time.Second)))
	}
	u.html(w, http.StatusOK, oneAccountPage(page))
}

func accountPath(account string) string { return "/setup/accounts/" + url.PathEscape(account) }

// enterCode takes the set-up code and allows this browser to sign in.
func (u setUp) enterCode(w http.ResponseWriter, r *http.Request) {
	now := time.Now()
	guesses := u.guesses.of(r, now)
	if wait := guesses.take(now); wait > 0 {
		retryAfter(w, wait)
		u.refuse(w, http.StatusTooManyRequests, refusedRate, "too many wrong codes were entered; wait a quarter of an hour, or sign in on the gateway: "+u.Program+" login")
		return
	}
	if u.SetUpCode == nil || !u.SetUpCode(strings.TrimSpace(r.PostForm.Get("code"))) {
		u.Log.Warn("a wrong set-up code was entered", "from", httpd.Caller(r))
		u.refuse(w, http.StatusForbidden, refusedCode, "this is not the set-up code; a code works once; for a new one, run: "+u.Program+" login --page")
		return
	}
	guesses.undo()
	cookie := rand.Text()
	u.browsers.put(cookie, true, now)
	http.SetCookie(w, &http.Cookie{Name: cookieName, Value: cookie, Path: "/setup", HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: r.TLS != nil})
	target := "/setup"
	if a, ok := u.account(r.PostForm.Get("account")); ok {
		target = accountPath(a.Name)
	}
	http.Redirect(w, r, target, http.StatusSeeOther)
}

// retryAfter says in whole seconds when a client may ask again.
func retryAfter(w http.ResponseWriter, wait time.Duration) {
	w.Header().Set("Retry-After", strconv.Itoa(int((wait+time.Second-1)/time.Second)))
}

// refuse answers with what is wrong and a link back.
func (u setUp) refuse(w http.ResponseWriter, status int, reason, words string) {
	u.refused.WithLabelValues(reason).Inc()
	u.html(w, status, messagePage(message{Title: http.StatusText(status), Words: words, Address: "/setup", Link: "Back to the accounts", Site: u.Site.Name}))
}

// accountItem is an account as the set-up pages list it.
type accountItem struct {
	Account
	Status driver.SessionStatus
	OK     bool
	Words  string // of its state
	Path   string // of its page
}

func listed(a Account) accountItem {
	status := driver.StatusOf(a.Provider)
	return accountItem{a, status, status.State.Works(), a.stateWords(status.State), accountPath(a.Name)}
}

// stateWords are the state of the account's sign-in in words.
func (a Account) stateWords(state driver.SessionState) string {
	if a.session() == nil {
		return a.Provider.Service() + " needs no sign-in"
	}
	return signInWords[state]
}

// indexPage is the content of the list of accounts.
type indexPage struct {
	Title, Site, Banner, Program string

	MaySignIn bool // this browser
	Accounts  []accountItem
}

func (u setUp) indexPage(r *http.Request, accounts []Account) indexPage {
	page := indexPage{Title: "Accounts", Site: u.Site.Name, Banner: u.Banner, Program: u.Program, MaySignIn: u.maySignIn(r)}
	for _, a := range accounts {
		page.Accounts = append(page.Accounts, listed(a))
	}
	return page
}
