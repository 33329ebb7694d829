package web

import (
	"net/http"
	"slices"
	"time"

	"roomgate/driver"
)

// accountPage is the content of the page of one account.
type accountPage struct {
	Title, Site, Banner, Program string

	MaySignIn bool // this browser
	accountItem
	Outcome   *outcome     // of the last attempt; nil: none
	Returns   bool         // the browser comes back to this page after the sign-in
	SignInURL string       // address of the sign-in that was started; empty: none
	Expires   *moment      // end of the device code; nil: there is none
	Next      *accountItem // another account that needs a sign-in; nil: none
}

func (u setUp) accountPage(r *http.Request, a Account) accountPage {
	page := accountPage{Title: "Account " + a.Name, Site: u.Site.Name, Banner: u.Banner, Program: u.Program, MaySignIn: u.maySignIn(r), accountItem: listed(a)}
	_, page.Returns = returnAddress(a.redirectURI(), r)
	if o, ok := u.outcomes.get(a.Name, time.Now()); ok {
		page.Outcome = &o
	}
	if d := page.Status.Device; d != nil {
		page.Expires = momentOf(d.Expires, u.Now(), u.Options.Site.Zone)
	}
	accounts := u.Accounts()
	if i := slices.IndexFunc(accounts, func(other Account) bool {
		return other.Name != a.Name && driver.StatusOf(other.Provider).State.NeedsPerson()
	}); i >= 0 {
		next := listed(accounts[i])
		page.Next = &next
	}
	return page
}

// preparation is what the customer's IT does once; empty: there are no instructions.
func (p accountPage) preparation() []driver.Block {
	if guide := p.guide(); guide != nil {
		return guide.Preparation()
	}
	return nil
}

// signInNotes are the provider's instructions before signing in; empty: there are
// none.
func (p accountPage) signInNotes() []driver.Block {
	if guide := p.guide(); guide != nil {
		return guide.SignInNotes()
	}
	return nil
}
