package web

import (
	"fmt"
	"strings"
	"time"

	"roomgate/bridge"
	"roomgate/driver"
)

// item is an account or a part of the gateway as shown.
type item struct {
	Name    string
	OK      bool
	Words   string // of its state
	Reason  string // why, and what to do; empty when OK
	Command string // to run; empty: none
	Path    string // of the set-up page; empty: not needed, or no such page
	Device  *deviceCode
	Lapses  []string // what expires soon
	Since   *moment
}

// deviceCode is a device code that has not been entered yet.
type deviceCode struct {
	UserCode, Address string
	Until             *moment
}

// signInWords are the states of a sign-in in words.
var signInWords = map[driver.SessionState]string{
	driver.NeverSignedIn: "never signed in",
	driver.SignedIn:      "signed in",
	driver.Refreshing:    "signed in, refreshing",
	driver.Retrying:      "refresh failed, trying again",
	driver.SignInNeeded:  "sign-in needed",
}

// viewAccount derives what is shown of an account from its points, and from the
// account itself if there is a set-up page. An open device code replaces the reason.
func viewAccount(name, program string, points pointValues, account *Account, now time.Time, zone *time.Location) item {
	v := item{Name: "Account " + name, Words: "not known yet", Reason: points.of(driver.AccountReason).Text()}
	state, err := driver.ParseSessionState(points.of(driver.AccountState).Text())
	if err != nil {
		return v // not published yet
	}
	v.OK, v.Words = state.Works(), signInWords[state]
	if login := program + " login " + name; state.NeedsPerson() && !strings.Contains(v.Reason, login) {
		v.Command = login
	}
	if account != nil {
		v.addAccount(*account, state, now, zone)
	}
	if days := points.of(driver.RefreshDaysLeft); !days.Nothing() && days.Int() < lapseNotice {
		v.Lapses = append(v.Lapses, fmt.Sprintf("unless it is refreshed, the sign-in expires %s", inDays(days.Int())))
	}
	if days := points.of(driver.SecretDaysLeft); !days.Nothing() && days.Int() < lapseNotice {
		v.Lapses = append(v.Lapses, fmt.Sprintf("the client secret or certificate expires %s; have the customer's IT create a new one", inDays(days.Int())))
		v.OK = v.OK && days.Int() > secretWarning
	}
	return v
}

// addAccount adds what only the account itself has: where to sign in, and a device
// code, which replaces the reason and the command.
func (i *item) addAccount(a Account, state driver.SessionState, now time.Time, zone *time.Location) {
	i.Words = a.stateWords(state)
	if state.NeedsPerson() {
		i.Path = accountPath(a.Name)
	}
	if d := driver.StatusOf(a.Provider).Device; d != nil {
		i.Device, i.Reason, i.Command = &deviceCode{d.UserCode, d.VerificationURI, momentOf(d.Expires, now, zone)}, "", ""
	}
}

const (
	lapseNotice   = 60 // days in advance that the page shows an expiry
	secretWarning = 30 // days before the expiry of a client secret or certificate from which it is a problem
)

// inDays puts a number of whole days in words; it is 0 on the last day and after.
func inDays(n int) string {
	switch n {
	case 0:
		return "within a day, unless it already has"
	case 1:
		return "in 1 day"
	}
	return fmt.Sprintf("in %d days", n)
}

// viewPart derives what is shown of a part of the gateway.
func viewPart(name string, h bridge.Health, stuck bool, now time.Time, zone *time.Location) item {
	switch {
	case stuck:
		return item{Name: name, Words: "stuck", Reason: "its loop has stopped; restart the gateway if it does not recover", Since: momentOf(h.Beat, now, zone)}
	case !h.OK:
		return item{Name: name, Words: "not working", Reason: h.Words, Since: momentOf(h.Since, now, zone)}
	}
	return item{Name: name, OK: true, Words: "working", Reason: h.Words, Since: momentOf(h.Since, now, zone)}
}
