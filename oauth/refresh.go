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
// soon as it receives the request. Tokens that cannot be stored are used all the same:
// the old ones may have ended, and a sign-in in memory is better than none.
func (k *Keeper) refresh(ctx context.Context, old record, generation int) (string, error) {
	k.refreshing.Lock()
	defer k.refreshing.Unlock()
	if k.superseded(generation) {
		return "", errSuperseded
	}
	requested := k.now()
	t, problem := k.fetch(ctx, old)
	if problem != nil {
		return "", k.failed(problem, generation)
	}
	fresh := old.renewed(t, requested)
	k.writing.Lock()
	defer k.writing.Unlock()
	if k.superseded(generation) {
		return "", errSuperseded
	}
	var err error
	if k.opts.Kind.attended() {
		err = fresh.save(k.opts.Store, k.opts.Account)
	}
	k.use(&fresh, err)
	return fresh.AccessToken, nil
}

// superseded reports that the sign-in was replaced.
func (k *Keeper) superseded(generation int) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.generation != generation
}

// use uses refreshed tokens as the sign-in; err is why they could not be stored.
// Called with writing held.
func (k *Keeper) use(fresh *record, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	stored, was := k.storedLocked(), k.unsaved
	k.installLocked(fresh)
	if err == nil {
		k.logSaved(was)
		return
	}
	k.unsaved = &unsavedTokens{stored: stored}
	if was != nil {
		k.unsaved.failures = was.failures
	}
	k.notSaved(was, err)
}

// notSaved records that the tokens in use could not be stored, and logs a reason that
// is new. Called with mu held.
func (k *Keeper) notSaved(was *unsavedTokens, err error) {
	u := k.unsaved
	u.problem = k.notStored(opRefresh, "the new tokens are in use but could not be stored, and a restart would lose the sign-in", err)
	u.failures++
	u.failedAt = k.now()
	u.nextTry = u.failedAt.Add(min(maxSleep, pause(u.problem, u.failures, k.opts.Jitter)))
	if was == nil || was.problem.Reason() != u.problem.Reason() {
		k.opts.Log.Error("the new tokens could not be stored; they are used from memory", "reason", err, "action", u.problem.Action())
	}
	k.notify()
}

// logSaved logs that tokens are stored after earlier ones were not.
func (k *Keeper) logSaved(was *unsavedTokens) {
	if was != nil {
		k.opts.Log.Info("the tokens are stored again")
	}
}

// saveIfDue tries again to store tokens that the store did not take, and returns how
// long to wait until the next attempt.
func (k *Keeper) saveIfDue() time.Duration {
	k.mu.Lock()
	defer k.mu.Unlock()
	u, now := k.unsaved, k.now()
	if u == nil || u.trying {
		return maxSleep
	}
	if stillWaiting(u.failedAt, u.nextTry, now) {
		return min(maxSleep, u.nextTry.Sub(now))
	}
	u.trying = true
	k.work.Go(k.saveAgain)
	return maxSleep
}

// saveAgain tries to store the tokens in use, if the store did not take them. The
// store may be slow.
func (k *Keeper) saveAgain() {
	k.writing.Lock()
	defer k.writing.Unlock()
	k.mu.Lock()
	u, rec := k.unsaved, k.rec
	k.mu.Unlock()
	if u == nil {
		return
	}
	err := rec.save(k.opts.Store, k.opts.Account)
	k.mu.Lock()
	defer k.mu.Unlock()
	u.trying = false
	if err != nil {
		was := *u
		k.notSaved(&was, err)
		return
	}
	k.unsaved = nil
	k.logSaved(u)
	k.notify()
}

// fetch asks the service for new tokens.
func (k *Keeper) fetch(ctx context.Context, old record) (tokens, *Error) {
	if !k.opts.Kind.attended() {
		return k.client.unattended(ctx)
	}
	return k.client.renew(ctx, opRefresh, old.RefreshToken, old.RedirectURI)
}

// unsavedProblem is the error for tokens of a new sign-in that could not be stored.
// They are not used: the user who signs in can act.
func (k *Keeper) unsavedProblem(op string, err error) *Error {
	return k.notStored(op, "the new tokens could not be saved", err)
}

// notStored is the error for something that the store did not take. Tokens of a refresh
// are stored later; anything else is up to the user. An error of the store quotes no
// request.
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
	k.rejected, k.inFlight, k.unsaved = "", nil, nil
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
