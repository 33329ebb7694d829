package web

import (
	"net/http"
	"slices"
	"time"
)

// signInItem is an account as the set-up pages list it.
type signInItem struct {
	SignInView
	OK    bool
	Words string // of its state
	Path  string // of its page
}

func listed(v SignInView) signInItem {
	return signInItem{v, v.State == "ok" || v.State == "refreshing", signInWords[v.State], accountPath(v.Name)}
}

// indexPage is what the list of accounts is made of.
type indexPage struct {
	Title, Site, Banner string

	Open     bool // this browser may sign in
	Accounts []signInItem
}

func (u *setUp) indexPage(r *http.Request) indexPage {
	page := indexPage{Title: "Sign-ins", Site: u.Site.Name, Banner: u.Banner, Open: u.open(r)}
	for _, v := range u.SignIns.Accounts() {
		page.Accounts = append(page.Accounts, listed(v))
	}
	return page
}

// accountPage is what the page of one account is made of.
type accountPage struct {
	Title, Site, Banner string

	Open bool // this browser may sign in
	signInItem
	Outcome   *outcome    // of the last try; nil: none
	ComesBack bool        // the browser returns here after the sign-in
	SignIn    string      // address of the sign-in that was begun; empty: none
	Until     *moment     // the device code can be entered; nil: there is none
	Next      *signInItem // another account that wants a person; nil: none
}

func (u *setUp) accountPage(r *http.Request, v SignInView) accountPage {
	page := accountPage{Title: "Account " + v.Name, Site: u.Site.Name, Banner: u.Banner, Open: u.open(r), signInItem: listed(v)}
	_, page.ComesBack = homeward(v.RedirectURI, r)
	if o, ok := u.outcomes.get(v.Name, time.Now()); ok {
		page.Outcome = &o
	}
	if v.Device != nil {
		page.Until = momentOf(v.Device.Expires, u.Now(), u.Options.Site.Zone)
	}
	accounts := u.SignIns.Accounts()
	if i := slices.IndexFunc(accounts, func(other SignInView) bool { return other.Name != v.Name && wantsSignIn(other.State) }); i >= 0 {
		next := listed(accounts[i])
		page.Next = &next
	}
	return page
}

// onward answers with a page that leads on to another at once. The browser
// replaces the address of this page, and the code in it, by the next one; unlike
// after a redirect it is this page that leads there, so that a strict cookie
// goes along (html.spec.whatwg.org/multipage/document-lifecycle.html, "refresh").
func (u *setUp) onward(w http.ResponseWriter, m message) {
	w.Header().Set("Refresh", "0; url="+m.Address)
	m.Site = u.Site.Name
	u.html(w, http.StatusOK, messagePage(m))
}

// refuse answers with what is the matter and the way back.
func (u *setUp) refuse(w http.ResponseWriter, status int, reason, words string) {
	u.refused.WithLabelValues(reason).Inc()
	u.html(w, status, messagePage(message{Title: http.StatusText(status), Words: words, Address: "/setup", Link: "Back to the sign-ins", Site: u.Site.Name}))
}
