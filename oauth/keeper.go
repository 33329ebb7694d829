package oauth

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"roomgate/driver"
)

// Keeper keeps the sign-in of one account. Its methods may be called from
// several goroutines at once.
//
// The stored sign-in is read at the first call that needs it, and again when Run
// begins. A Keeper that replaces another one can therefore be made while the
// other still runs; its methods may be called once the other's Run has returned.
type Keeper struct {
	opts    Options
	client  client
	pending pendingRequests

	starting   sync.Mutex     // held while a device code is requested
	refreshing sync.Mutex     // held while a refresh is sent
	writing    sync.Mutex     // held while the stored sign-in is read or changes; taken before mu
	work       sync.WaitGroup // what Run completes before it returns; added to with mu held
	ended      chan struct{}  // closed when nothing may start any more

	mu         sync.Mutex
	opened     bool          // the store was read
	rec        *record       // nil: nobody is signed in
	generation int           // counts sign-ins and sign-outs; what an older one brings is dropped
	inFlight   *refresh      // nil: there is none
	unsavedRec *record       // refreshed, and not taken by the store yet; nil: there is none
	fault      *Error        // the last failure, nil after a success
	waiting    time.Time     // since when the service asks for time; zero: it does not
	device     *deviceSignIn // the last device sign-in; nil: there was none
	failures   int           // in a row
	failedAt   time.Time     // when the last failure was; the pause after it ends at nextTry
	nextTry    time.Time
	scheduled  time.Time // next run of the schedule, drawn once because of its jitter; zero: never
	rejected   string    // the access token that was rejected, until it is replaced
	rejectedAt time.Time // when it was
	changed    chan struct{}
}

// refresh is one refresh that several callers may wait for.
type refresh struct {
	done  chan struct{} // closed at the end; token and err are set before
	token string
	err   error
}

// errSuperseded ends a refresh whose sign-in was replaced meanwhile.
var errSuperseded = errors.New("the sign-in was replaced while it was being refreshed")

// New returns the Keeper of an account. It checks the options and reads nothing:
// a stored sign-in that cannot be used shows in the Status.
func New(o Options) (*Keeper, error) {
	o, err := o.complete()
	if err != nil {
		return nil, err
	}
	return &Keeper{
		opts:    o,
		client:  newClient(o),
		pending: pendingRequests{store: o.Pending, account: o.Account},
		ended:   make(chan struct{}),
		changed: make(chan struct{}),
	}, nil
}

// Session returns the sign-in for people. Its type shows what the kind of
// sign-in can do: a driver.CodeSignIn or a driver.DeviceSignIn, which are a
// driver.TokenImporter and a driver.SignOuter too, or none of these.
func (k *Keeper) Session() driver.Session {
	switch k.opts.Kind {
	case Code:
		return codeSession{attendedSession{k}}
	case Device:
		return deviceSession{attendedSession{k}}
	}
	return k
}

// attendedSession is the session of an account that a person signs in to.
type attendedSession struct{ *Keeper }

// open reads the stored sign-in, once.
func (k *Keeper) open() {
	k.mu.Lock()
	opened := k.opened
	k.mu.Unlock()
	if opened {
		return
	}
	k.writing.Lock()
	defer k.writing.Unlock()
	k.read()
}

// read takes over what is stored, unless it is at hand already; called with
// writing held.
func (k *Keeper) read() {
	rec, fault := k.load()
	device := k.loadDevice()
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.device == nil {
		k.device = device
	}
	defer k.notify()
	if k.opened {
		if !k.opts.Kind.attended() || sameSignIn(k.rec, rec) || (k.rec != nil && fault != nil) {
			return
		}
		k.generation++ // what was begun with the sign-in that is replaced is dropped
		k.inFlight, k.unsavedRec = nil, nil
	}
	k.opened, k.rec, k.fault = true, rec, fault
	k.schedule()
}

// sameSignIn reports that two records are of the same token response.
func sameSignIn(a, b *record) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.RefreshToken == b.RefreshToken && a.LastRefresh.Equal(b.LastRefresh)
}

// nobody is the record where nobody has signed in: none, and an empty one where
// nobody needs to.
func (k *Keeper) nobody() *record {
	if k.opts.Kind.attended() {
		return nil
	}
	return &record{Version: recordVersion, Bound: k.opts.binding()}
}

// load reads the stored sign-in and refuses one this configuration cannot use.
// Without a person nothing is stored, because tokens come at every request.
func (k *Keeper) load() (*record, *Error) {
	if !k.opts.Kind.attended() {
		return k.nobody(), nil
	}
	rec, err := loadRecord(k.opts.Store, k.opts.Account)
	if err != nil {
		problem := k.opts.problem(opUse, Person, "the stored sign-in cannot be read: "+err.Error())
		problem.Err = err
		return nil, problem
	}
	if rec == nil {
		return nil, nil
	}
	if words := k.opts.mismatch(rec.Bound); words != "" {
		return nil, k.opts.problem(opUse, Person, "the stored sign-in was made for "+words)
	}
	return rec, nil
}

// start registers an operation that Run completes before it returns, and fails
// once nothing may start any more.
func (k *Keeper) start(op string) (done func(), problem *Error) {
	k.open()
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.hasEnded() {
		return nil, k.opts.endedProblem(op)
	}
	k.work.Add(1)
	return k.work.Done, nil
}

// hasEnded is called with mu held where something is started.
func (k *Keeper) hasEnded() bool {
	select {
	case <-k.ended:
		return true
	default:
		return false
	}
}

// end lets nothing start any more and waits until what was started is complete.
func (k *Keeper) end() {
	k.mu.Lock()
	if !k.hasEnded() {
		close(k.ended)
	}
	k.mu.Unlock()
	k.work.Wait()
	k.saveLast()
}

// Token returns a valid access token, refreshing the sign-in first where
// needed. However many callers wait, there is one refresh; it goes on when a
// caller's ctx ends. While a pause after a failure lasts, the error of that
// failure is returned at once. Errors are an *Error, or the ctx's own, wrapped.
func (k *Keeper) Token(ctx context.Context) (string, error) {
	k.open()
	for {
		token, r, err := k.tokenOrRefresh(ctx)
		if r == nil {
			return token, err
		}
		token, err = k.await(ctx, r)
		if !errors.Is(err, errSuperseded) {
			return token, err
		}
	}
}

// await waits for a refresh.
func (k *Keeper) await(ctx context.Context, r *refresh) (string, error) {
	select {
	case <-r.done:
		return r.token, r.err
	case <-ctx.Done():
		return "", fmt.Errorf("account %s: wait for a refresh of the sign-in: %w", k.opts.Account, ctx.Err())
	}
}

// tokenOrRefresh returns the token at hand, the error to return, or the refresh
// to wait for.
func (k *Keeper) tokenOrRefresh(ctx context.Context) (string, *refresh, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.now()
	if problem := k.unusable(); problem != nil {
		return "", nil, problem
	}
	switch {
	case k.rec.AccessToken != k.rejected && k.rec.usable(now):
		return k.rec.AccessToken, nil, nil
	case k.inFlight == nil && k.fault != nil && stillWaiting(k.failedAt, k.nextTry, now):
		e := *k.fault
		e.RetryAfter = k.nextTry.Sub(now)
		return "", nil, &e
	}
	r := k.launch(ctx)
	if r == nil {
		return "", nil, k.opts.endedProblem(opRefresh)
	}
	return "", r, nil
}

// unusable is the error of an account without a sign-in; nil: it has one. Called
// with mu held.
func (k *Keeper) unusable() *Error {
	switch {
	case k.rec != nil:
		return nil
	case k.fault != nil:
		return k.fault
	}
	return k.opts.problem(opUse, Person, nobodyYet)
}

// Verify makes sure that the service lets the account in now: by a refresh,
// unless the last one is less than 10 s old or the service asked for a pause.
func (k *Keeper) Verify(ctx context.Context) error {
	done, problem := k.start(opRefresh)
	if problem != nil {
		return problem
	}
	defer done()
	for {
		r, problem := k.verification(ctx)
		if problem != nil {
			return problem
		}
		if r == nil {
			return nil
		}
		if _, err := k.await(ctx, r); !errors.Is(err, errSuperseded) {
			return err
		}
	}
}

// verification returns the refresh that verifies the sign-in, nil when the last
// one was just now.
func (k *Keeper) verification(ctx context.Context) (*refresh, *Error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.now()
	if problem := k.unusable(); problem != nil {
		return nil, problem
	}
	recent := func(at time.Time) bool { return stillWaiting(at, at.Add(minGap), now) }
	switch {
	case k.inFlight != nil:
	case k.fault != nil && (recent(k.failedAt) || k.fault.RetryAfter > 0 && stillWaiting(k.failedAt, k.nextTry, now)):
		return nil, k.fault
	case k.fault == nil && recent(k.rec.LastRefresh) && k.rec.AccessToken != k.rejected && k.rec.usable(now):
		return nil, nil
	}
	if r := k.launch(ctx); r != nil {
		return r, nil
	}
	return nil, k.opts.endedProblem(opRefresh)
}

// Rejected reports that the service answered 401 to an access token. The next
// Token then refreshes. A token that was replaced meanwhile is ignored, and so is
// a second rejection within five minutes of the first: a service that rejects
// every token must not cause a storm of refreshes.
func (k *Keeper) Rejected(token string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.now()
	since := now.Sub(k.rejectedAt)
	if k.rec == nil || token == "" || token != k.rec.AccessToken || (since >= 0 && since < rejectEvery) {
		return
	}
	k.rejected, k.rejectedAt = token, now
	k.notify()
}

// Status returns the present status.
func (k *Keeper) Status() driver.SessionStatus {
	k.open()
	k.mu.Lock()
	defer k.mu.Unlock()
	st := driver.SessionStatus{State: k.state(), SecretExpires: k.opts.Authentication.expires()}
	if k.rec != nil {
		st.AccessExpires, st.LastRefresh, st.SignedInAt = k.rec.AccessExpires, k.rec.LastRefresh, k.rec.SignedIn
		st.RefreshLapses = k.rec.lapses(k.opts.Service.Lapse)
		st.Scopes, st.User = slices.Clone(k.rec.Scopes), k.rec.User
		st.MissingScopes = k.opts.Service.missing(k.rec.Scopes)
	}
	k.explain(&st)
	return st
}

const nobodyYet = "nobody has signed in yet"

// explain says what is wrong and what to do about it; called with mu held.
func (k *Keeper) explain(st *driver.SessionStatus) {
	switch d := k.device; {
	case d != nil && d.open(k.now()):
		code := d.code
		st.Device = &code
		st.Reason = fmt.Sprintf("enter the code %s at %s by %s UTC", code.UserCode, code.VerificationURI, code.Expires.Format("15:04"))
	case d != nil && d.failed(k.now()) && st.State.NeedsPerson():
		st.Reason, st.Action = d.err.Reason(), d.err.Action()
	case k.fault != nil:
		st.Reason, st.Action = k.fault.Reason(), k.fault.Action()
	case st.State == driver.NeverSignedIn:
		st.Reason, st.Action = nobodyYet, loginCommand(k.opts.Account)
	case len(st.MissingScopes) > 0:
		st.Reason = "these scopes were not granted: " + strings.Join(st.MissingScopes, ", ")
		if k.opts.Kind.attended() {
			st.Action = loginCommand(k.opts.Account)
		}
	}
	if k.fault != nil {
		st.NextTry = k.nextTry
	}
}

// state is called with mu held. A state that requires user action stays while
// another attempt is made, so that the alarm does not flap.
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

var (
	_ driver.CodeSignIn    = codeSession{}
	_ driver.DeviceSignIn  = deviceSession{}
	_ driver.TokenImporter = attendedSession{}
	_ driver.SignOuter     = attendedSession{}
	_ driver.Session       = (*Keeper)(nil)
)
