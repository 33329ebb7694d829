package oauth

import (
	"context"
	"errors"
	"sync"
	"time"

	"roomgate/driver"
)

// Run reads the stored sign-in again and refreshes it: by the schedule, before the
// access token expires and at least daily. It retries after failures, polls for an
// open device code, and logs changes of the state. When ctx ends it completes the
// requests in progress, within 30 s and the time the store needs, and returns ctx's
// error. Nothing starts afterwards: methods that would send a request fail with
// driver.ErrSessionEnded.
func (k *Keeper) Run(ctx context.Context) error {
	done, problem := k.start(opUse)
	if problem != nil {
		return problem
	}
	k.writing.Lock()
	k.read()
	k.writing.Unlock()
	done()

	var polling sync.WaitGroup
	defer polling.Wait()
	defer k.end()
	var (
		logged             *driver.SessionStatus
		told               driver.Told
		polled             *deviceSignIn
		credential, signIn countdown
	)
	for {
		changed := k.Changed()
		k.readMissing()
		wait := min(k.refreshIfDue(ctx), k.saveIfDue())
		if d := k.openDevice(); d != nil && d != polled {
			polled = d
			polling.Go(func() { k.pollDevice(ctx, d) })
		}
		logged = k.logChange(logged, &told)
		k.warn(&credential, &signIn)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
		case <-k.opts.Clock.After(wait):
		}
	}
}

// readMissing reads the stored sign-in again while there is none, or none that can be
// read: the disk may have failed when it was read last.
func (k *Keeper) readMissing() {
	k.mu.Lock()
	missing := k.rec == nil && k.now().Sub(k.readAt).Abs() >= maxSleep
	k.mu.Unlock()
	if !missing {
		return
	}
	k.writing.Lock()
	defer k.writing.Unlock()
	k.read()
}

// refreshIfDue starts a refresh when one is due and returns how long to sleep until
// the next check: at most maxSleep, because the wall clock may be set.
func (k *Keeper) refreshIfDue(ctx context.Context) time.Duration {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.rec == nil || k.inFlight != nil || ctx.Err() != nil {
		return maxSleep
	}
	now := k.now()
	left := k.due(now).Sub(now)
	if left <= 0 {
		k.startRefresh(ctx)
		return maxSleep
	}
	return min(left, maxSleep)
}

// due returns when to refresh next; called with mu held and a record present.
func (k *Keeper) due(now time.Time) time.Time {
	switch {
	case k.pausing(now):
		return k.nextTry
	case k.fault != nil, k.rec.AccessToken == k.rejected:
		return now
	}
	return k.rec.refreshAt(k.scheduled, now)
}

// logChange logs when a sign-in breaks, breaks differently or works again, as far as told
// has room, and returns the status that was logged last; nil: none was.
func (k *Keeper) logChange(logged *driver.SessionStatus, told *driver.Told) *driver.SessionStatus {
	st := k.Status()
	if st.State == driver.Refreshing || (logged != nil && st.State == logged.State && st.Reason == logged.Reason) {
		return logged
	}
	works := st.State == driver.SignedIn || st.Device != nil
	if !works && !told.Failure(st.State.String()+": "+driver.Identity(errors.New(st.Reason)), k.now()) {
		return logged
	}
	log := k.opts.Log
	k.mu.Lock()
	if references := k.fault.References(); references != "" {
		log = log.With("references", references)
	}
	k.mu.Unlock()
	switch {
	case st.Device != nil: // the code itself is not logged
		log.Info("a device code has not been entered yet", "address", st.Device.VerificationURI, "until", st.Device.Expires)
	case st.State == driver.SignedIn && len(st.MissingScopes) > 0:
		log.Warn("the sign-in lacks permissions", "reason", st.Reason, "action", st.Action)
	case st.State == driver.SignedIn && logged != nil && logged.State == driver.SignedIn && len(logged.MissingScopes) == 0:
		// only what is said about storing the tokens has changed, which is logged there
	case st.State == driver.SignedIn && logged != nil:
		if told.Recovered() || logged.Device != nil {
			log.Info("the sign-in works again")
		}
	case st.State == driver.SignedIn:
		log.Info("the sign-in works", "access_expires", st.AccessExpires)
	case st.State == driver.Retrying:
		log.Warn("the sign-in could not be refreshed; trying again", "reason", st.Reason, "action", st.Action, "next_try", st.NextTry)
	default:
		log.Error("user action required to sign in", "reason", st.Reason, "action", st.Action)
	}
	return &st
}
