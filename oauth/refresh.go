package oauth

import (
	"context"
	"time"

	"roomgate/driver"
)

// startRefresh starts a refresh, or returns the one in flight; nil when nothing may
// start. Called with mu held and a record present. The refresh outlives
// ctx, whose caller is not the only one waiting.
func (k *Keeper) startRefresh(ctx context.Context) *refresh {
	if k.inFlight != nil {
		return k.inFlight
	}
	if k.hasEnded() {
		return nil
	}
	r := &refresh{done: make(chan struct{})}
	k.inFlight = r
	k.work.Add(1)
	k.notify()
	old, generation := *k.rec, k.generation
	go func() {
		defer k.work.Done()
		defer close(r.done)
		r.token, r.err = k.refresh(context.WithoutCancel(ctx), old, generation)
	}()
	return r
}

// refresh fetches new tokens, makes them durable and only then returns them. It is
// not cancelled: a service that issues a new refresh token may revoke the old one as
// soon as it receives the request. For the same reason tokens that could not be
// stored are saved before others are fetched.
func (k *Keeper) refresh(ctx context.Context, old record, generation int) (string, error) {
	k.refreshing.Lock()
	defer k.refreshing.Unlock()
	kept, superseded := k.kept(generation)
	if superseded {
		return "", errSuperseded
	}
	if kept != nil {
		token, err := k.save(*kept, generation)
		if err != nil || kept.usable(k.now()) {
			return token, err
		}
		old = *kept
	}
	requested := k.now()
	t, problem := k.fetch(ctx, old)
	if problem != nil {
		return "", k.failed(problem, generation)
	}
	return k.save(old.renewed(t, requested), generation)
}

// kept returns the tokens that could not be stored, and whether the sign-in was
// replaced.
func (k *Keeper) kept(generation int) (kept *record, superseded bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.unsavedRec, k.generation != generation
}

// save makes a refreshed record durable, then uses it as the sign-in; it returns its
// access token.
func (k *Keeper) save(fresh record, generation int) (string, error) {
	k.writing.Lock()
	defer k.writing.Unlock()
	if _, superseded := k.kept(generation); superseded {
		return "", errSuperseded
	}
	if k.opts.Kind.attended() {
		if err := fresh.save(k.opts.Store, k.opts.Account); err != nil {
			k.keep(fresh)
			return "", k.failed(k.unsaved(opRefresh, err), generation)
		}
	}
	k.install(&fresh)
	return fresh.AccessToken, nil
}

// keep keeps tokens that could not be stored, to store them later.
func (k *Keeper) keep(fresh record) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.unsavedRec = &fresh
}

// saveLast tries once more to save tokens that could not be stored.
func (k *Keeper) saveLast() {
	k.writing.Lock()
	defer k.writing.Unlock()
	k.mu.Lock()
	fresh := k.unsavedRec
	k.mu.Unlock()
	if fresh == nil {
		return
	}
	if err := fresh.save(k.opts.Store, k.opts.Account); err != nil {
		k.opts.Log.Error("the new tokens could not be saved", "error", err)
		return
	}
	k.install(fresh)
}

// fetch asks the service for new tokens.
func (k *Keeper) fetch(ctx context.Context, old record) (tokens, *Error) {
	if !k.opts.Kind.attended() {
		return k.client.unattended(ctx)
	}
	return k.client.renew(ctx, opRefresh, old.RefreshToken, old.RedirectURI)
}

// unsaved is the error for new tokens that could not be stored. They are not used
// before they are.
func (k *Keeper) unsaved(op string, err error) *Error {
	return k.notStored(op, "the new tokens could not be saved", err)
}

// notStored is the error for something that the store did not take. A refresh is
// repeated; anything else is up to the user. An error of the store quotes no request.
func (k *Keeper) notStored(op, words string, err error) *Error {
	d := Diagnosis{Class: Person, SignIn: true, Reason: words + ": " + err.Error(),
		Action: "check that the store's disk is not full and that roomgate may write to it"}
	if op == opRefresh {
		d.Class, d.SignIn = Retry, false
	}
	e := k.opts.diagnosed(op, d)
	e.Err = err
	return e
}

// install uses rec, which is already stored, as the sign-in.
func (k *Keeper) install(rec *record) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.installLocked(rec)
}

// installNew uses rec as the sign-in in place of an older one: later results of that
// one are dropped.
func (k *Keeper) installNew(rec *record) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.generation++
	if k.device != nil {
		k.device.end(k.opts.problem(opSignIn, Person, "the account was signed in or out in another way"), k.now())
	}
	k.installLocked(rec)
}

// installLocked is called with mu held.
func (k *Keeper) installLocked(rec *record) {
	k.opened = true
	k.rec, k.fault, k.failures, k.nextTry, k.waiting = rec, nil, 0, time.Time{}, time.Time{}
	k.rejected, k.inFlight, k.unsavedRec = "", nil, nil
	k.trouble = driver.Trouble{}
	k.schedule()
	k.notify()
}

// schedule draws the next run of the schedule, counted from the last refresh;
// called with mu held. Tokens of an unattended kind are used until they expire.
func (k *Keeper) schedule() {
	k.scheduled = time.Time{}
	if k.rec != nil && k.opts.Kind.attended() {
		k.scheduled = jittered(k.opts.Refresh, k.rec.LastRefresh, k.opts.Jitter)
	}
}

// failed records a failed refresh and returns its error.
func (k *Keeper) failed(e *Error, generation int) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.generation != generation {
		return errSuperseded
	}
	k.inFlight = nil
	k.failures++
	k.escalate(e)
	k.fault = e
	k.show(e)
	k.failedAt = k.now()
	k.nextTry = k.failedAt.Add(pause(e, k.failures, k.opts.Jitter))
	k.notify()
	return e
}

// show makes an error the one to show, unless it takes turns with others; called with mu
// held.
func (k *Keeper) show(e *Error) {
	if e.NeedsPerson() != k.shown().NeedsPerson() {
		k.trouble = driver.Trouble{} // the state changes with it
	}
	k.trouble = k.trouble.With(e, k.failedAt)
}

// shown is the error to show, and the last one if none was chosen; called with mu held and
// a fault present.
func (k *Keeper) shown() *Error {
	if e, ok := k.trouble.Shown().(*Error); ok {
		return e
	}
	return k.fault
}

// escalate makes an error of class Wait require user action after waitAtMost: a
// locked account is usually, but not always, unlocked automatically. Called with mu
// held.
func (k *Keeper) escalate(e *Error) {
	now := k.now()
	switch {
	case e.Class == Person:
		k.waiting = time.Time{}
	case e.Class == Wait && (k.waiting.IsZero() || k.waiting.After(now)):
		k.waiting = now
	case e.Class == Wait && now.Sub(k.waiting) >= waitAtMost:
		e.Class = Person
	}
}
