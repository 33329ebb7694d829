package token

import (
	"context"
	"time"
)

// Run refreshes the sign-in by the schedule, before the access token expires
// and at least daily, tries again after failures, and logs what people need
// to know. It returns when ctx ends, with ctx's error, after giving up a
// refresh under way.
func (k *Keeper) Run(ctx context.Context) error {
	defer k.abandon()
	var told Status
	for {
		changed := k.Changed()
		wait := k.refreshIfDue(ctx)
		told = k.tell(told)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
		case <-k.opts.Clock.After(wait):
		}
	}
}

// refreshIfDue starts a refresh when one is due and returns how long to sleep
// before looking again: never long, because the wall clock may be set.
func (k *Keeper) refreshIfDue(ctx context.Context) time.Duration {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.rec == nil || k.flight != nil {
		return lookEvery
	}
	now := k.now()
	left := k.due(now).Sub(now)
	if left <= 0 {
		k.launch(ctx)
		return lookEvery
	}
	return min(left, lookEvery)
}

// due returns when to refresh next; called with mu held and a record present.
func (k *Keeper) due(now time.Time) time.Time {
	switch {
	case k.fault != nil && stillWaiting(k.nextTry, now):
		return k.nextTry
	case k.fault != nil, k.rec.AccessToken == k.rejected:
		return now
	}
	return k.rec.refreshAt(k.scheduled, now)
}

// launch starts a refresh, or joins the one under way; called with mu held and
// a record present. It outlives ctx, whose caller is not the only one waiting.
func (k *Keeper) launch(ctx context.Context) *flight {
	if k.flight != nil {
		return k.flight
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*callTimeout)
	f := &flight{cancel: cancel, done: make(chan struct{})}
	k.flight = f
	k.notify()
	old, generation := *k.rec, k.generation
	go func() {
		defer close(f.done)
		defer cancel()
		f.token, f.err = k.refresh(ctx, old, generation)
	}()
	return f
}

// refresh fetches new tokens, makes them durable and only then hands them out.
func (k *Keeper) refresh(ctx context.Context, old record, generation int) (string, error) {
	asked := k.now()
	g, problem := k.endpoint.renew(ctx, old.RefreshToken)
	if problem != nil {
		return "", k.failed(problem, generation)
	}
	fresh := old.renewed(g, asked)
	fresh.Tenant = k.opts.Tenant

	k.writing.Lock()
	defer k.writing.Unlock()
	if k.superseded(generation) {
		return "", errSuperseded
	}
	if err := fresh.save(k.opts.Store, k.opts.Account); err != nil {
		return "", k.failed(k.unsaved(opRefresh, err), generation)
	}
	k.install(&fresh, false)
	return fresh.AccessToken, nil
}

// unsaved is the error of a store that did not take new tokens. They are not
// used then: the ones before stay good, and the next try fetches others.
func (k *Keeper) unsaved(op string, err error) *Error {
	e := &Error{Account: k.opts.Account, Op: op, Class: Retry, Err: err,
		Description: "the new tokens could not be saved: " + hide(err.Error()),
		next:        "check that the store's disk is not full and that roomgate may write to it"}
	if op == opSignIn { // the code is spent, so nothing heals by itself
		e.Class, e.next = Person, e.next+", then run: roomgate login "+e.Account
	}
	return e
}

func (k *Keeper) superseded(generation int) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.generation != generation
}

// install makes rec, which the store already holds, the sign-in in use. With
// newSignIn whatever an older one still brings is dropped.
func (k *Keeper) install(rec *record, newSignIn bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if newSignIn {
		k.generation++
		if k.flight != nil {
			k.flight.cancel()
		}
	}
	k.rec, k.fault, k.tries, k.nextTry = rec, nil, 0, time.Time{}
	k.rejected, k.flight = "", nil
	k.schedule()
	k.notify()
}

// schedule draws the next run of the schedule, counted from the last refresh;
// called with mu held.
func (k *Keeper) schedule() {
	k.scheduled = time.Time{}
	if k.rec != nil {
		k.scheduled = jittered(k.opts.Refresh, k.rec.LastRefresh, k.opts.Jitter)
	}
}

// failed ends a refresh that brought nothing and returns its error.
func (k *Keeper) failed(e *Error, generation int) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.generation != generation {
		return errSuperseded
	}
	k.flight = nil
	k.tries++
	k.fault = e
	k.nextTry = k.now().Add(pause(e, k.tries, k.opts.Jitter))
	k.notify()
	return e
}

// abandon gives up the refresh under way, if any, and waits for its end, so
// that nothing is written to the store after Run has returned.
func (k *Keeper) abandon() {
	k.mu.Lock()
	f := k.flight
	k.mu.Unlock()
	if f != nil {
		f.cancel()
		<-f.done
	}
}

// tell logs when a sign-in breaks, breaks differently or works again, and
// returns what was told.
func (k *Keeper) tell(told Status) Status {
	st := k.Status()
	if st.State == Refreshing || (st.State == told.State && st.Reason == told.Reason) {
		return told
	}
	log := k.opts.Log.With("account", k.opts.Account)
	switch {
	case st.State == OK && told.State != "":
		log.Info("the sign-in works again")
	case st.State == OK:
		log.Info("the sign-in works", "access_expires", st.AccessExpires)
	case st.State == Retrying:
		log.Warn("the sign-in could not be refreshed and is tried again", "reason", st.Reason, "action", st.Action, "next_try", st.NextTry)
	default:
		log.Error("the sign-in needs a person", "reason", st.Reason, "action", st.Action)
	}
	return st
}
