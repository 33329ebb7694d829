package oauth

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"roomgate/driver"
)

// Status returns the current status.
func (k *Keeper) Status() driver.SessionStatus {
	k.open()
	k.mu.Lock()
	defer k.mu.Unlock()
	st := driver.SessionStatus{State: k.state(), SecretExpires: k.opts.Authentication.expires()}
	if k.rec != nil {
		st.AccessExpires, st.LastRefresh, st.SignedInAt = k.rec.AccessExpires, k.rec.LastRefresh, k.rec.SignedIn
		st.RefreshLapses = k.rec.refreshTokenExpires(k.opts.Service.RefreshTokenLifetime)
		st.Scopes, st.User = slices.Clone(k.rec.Scopes), k.rec.User
		st.MissingScopes = k.opts.Service.missing(k.rec.Scopes)
	}
	if f := k.lastFailed; f != nil {
		st.LastFailed = &driver.FailedSignIn{At: f.At, Reason: f.Reason, Action: f.Action}
	}
	k.explain(&st)
	return st
}

const nobodyYet = "nobody has signed in yet"

// explain fills in Reason and Action; called with mu held.
func (k *Keeper) explain(st *driver.SessionStatus) {
	switch d := k.device; {
	case d != nil && d.open(k.now()):
		code := d.code
		st.Device = &code
		st.Reason = fmt.Sprintf("enter the code %s at %s by %s UTC", code.UserCode, code.VerificationURI, code.Expires.Format("15:04"))
	case d != nil && d.failed(k.now()) && st.State.NeedsPerson():
		st.Reason, st.Action = d.err.Reason(), d.err.Action()
	case k.fault != nil:
		st.Reason, st.Action = k.shown().Reason(), k.shown().Action()
	case st.State == driver.NeverSignedIn:
		st.Reason, st.Action = nobodyYet, k.opts.login()
	case len(st.MissingScopes) > 0:
		st.Reason = "these scopes were not granted: " + strings.Join(st.MissingScopes, ", ")
		if k.opts.Kind.attended() {
			st.Action = k.opts.login()
		}
	}
	if k.fault != nil {
		st.NextTry = k.nextTry
	}
	if k.unsaved == nil || st.State.NeedsPerson() {
		return
	}
	st.Reason, st.Action = joined(st.Reason, k.unsaved.problem.Reason()), joined(st.Action, k.unsaved.problem.Action())
}

// joined joins two texts, of which either may be empty.
func joined(a, b string) string { return strings.Trim(a+"; "+b, "; ") }

// state is called with mu held. A state that requires user action stays while
// another attempt is made, so that alarms do not toggle.
func (k *Keeper) state() driver.SessionState {
	switch {
	case k.fault != nil && k.fault.Class == Person:
		return driver.SignInNeeded
	case k.rec == nil:
		return driver.NeverSignedIn
	case k.fault != nil:
		return driver.Retrying
	case k.inFlight != nil, k.rec.AccessToken == k.rejected, !k.rec.usable(k.now()):
		return driver.Refreshing
	}
	return driver.SignedIn
}

// Changed returns a channel that is closed at the next change of the Status.
// Take it before reading the Status; any number of watchers may.
func (k *Keeper) Changed() <-chan struct{} {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.changed
}

// notify wakes the watchers; called with mu held.
func (k *Keeper) notify() {
	close(k.changed)
	k.changed = make(chan struct{})
}

// now is the wall clock in UTC. The monotonic reading is dropped: with it two
// instants would compare as if the clock had never been set.
func (k *Keeper) now() time.Time { return k.opts.Clock.Now().Round(0).UTC() }
