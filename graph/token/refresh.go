package token

import (
	"context"
	"sync"
	"time"
)

// Run refreshes the sign-in by the schedule, before the access token expires
// and at least daily, tries again after failures, and logs what people need
// to know. It returns when ctx ends, with ctx's error, after giving up a
// refresh under way.
func (k *Keeper) Run(ctx context.Context) error {
	defer k.abandon()
	var (
		told        Status
		polling     sync.WaitGroup
		polled      *deviceSignIn
		proof, sign countdown
	)
	defer polling.Wait()
	for {
		changed := k.Changed()
		wait := k.refreshIfDue(ctx)
		if d := k.openDevice(); d != nil && d != polled {
			polled = d
			polling.Go(func() { k.pollDevice(ctx, d) })
		}
		told = k.tell(told)
		k.warn(&proof, &sign)
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
	case k.fault != nil && stillWaiting(k.failedAt, k.nextTry, now):
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
	g, problem := k.fetch(ctx, old)
	if problem != nil {
		return "", k.failed(problem, generation)
	}
	fresh := old.renewed(g, asked)
	fresh.Tenant, fresh.LoginURL = k.opts.Tenant, k.opts.LoginURL // an older record may lack them

	k.writing.Lock()
	defer k.writing.Unlock()
	if k.superseded(generation) {
		return "", errSuperseded
	}
	if k.opts.Kind != App {
		if err := fresh.save(k.opts.Store, k.opts.Account); err != nil {
			return "", k.failed(k.unsaved(opRefresh, err), generation)
		}
	}
	k.install(&fresh, false)
	return fresh.AccessToken, nil
}

// fetch asks Microsoft for new tokens.
func (k *Keeper) fetch(ctx context.Context, old record) (grant, *Error) {
	if k.opts.Kind == App {
		return k.endpoint.appTokens(ctx)
	}
	return k.endpoint.renew(ctx, opRefresh, old.RefreshToken, old.RedirectURI)
}

// unsaved is the error of a store that did not take new tokens. They are not
// used then: the ones before stay good, and the next try fetches others.
func (k *Keeper) unsaved(op string, err error) *Error {
	e := k.endpoint.problem(op, Retry, "the new tokens could not be saved: "+hide(err.Error()))
	e.Err, e.next = err, "check that the store's disk is not full and that roomgate may write to it"
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
		if k.device != nil {
			k.device.end(k.endpoint.problem(opSignIn, Person, "the account was signed in or out in another way meanwhile"), k.now())
		}
	}
	k.rec, k.fault, k.tries, k.nextTry, k.waiting = rec, nil, 0, time.Time{}, time.Time{}
	k.rejected, k.flight = "", nil
	k.schedule()
	k.notify()
}

// schedule draws the next run of the schedule, counted from the last refresh;
// called with mu held.
func (k *Keeper) schedule() {
	k.scheduled = time.Time{}
	if k.rec != nil && k.opts.Kind != App { // tokens of apps are to be kept to their end
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
	k.alarm(e)
	k.fault = e
	k.failedAt = k.now()
	k.nextTry = k.failedAt.Add(pause(e, k.tries, k.opts.Jitter))
	k.notify()
	return e
}

// alarm makes an error that asks for time a person's when it has lasted long
// enough: a locked account is mostly unlocked by itself, but not always.
// Called with mu held.
func (k *Keeper) alarm(e *Error) {
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
	case st.Device != nil: // the code is for the page and the points
		log.Info("a device sign-in waits for a person", "address", st.Device.VerificationURI, "until", st.Device.Expires)
	case st.State == OK && st.Reason != "":
		log.Warn("the sign-in works, but not for everything", "reason", st.Reason, "action", st.Action)
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
