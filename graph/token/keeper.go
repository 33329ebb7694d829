package token

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// What an Error was doing.
const (
	opRefresh = "refresh the sign-in"
	opSignIn  = "sign in"
	opUse     = "use the sign-in"
	opImport  = "import the sign-in"
)

// State is the state of a sign-in in one word.
type State string

const (
	OK            State = "ok"              // a good access token is at hand
	Refreshing    State = "refreshing"      // one is being fetched
	Retrying      State = "retrying"        // the last try failed and may well work the next time
	SignInNeeded  State = "sign_in_needed"  // a person has to act
	NeverSignedIn State = "never_signed_in" // nobody has signed in yet, or somebody signed out
)

// Status is what there is to say about a sign-in. Instants are UTC; the zero
// time means not known.
type Status struct {
	State         State
	Reason        string    // what is wrong, in words; empty when nothing is
	Action        string    // what a person does about it; may be empty
	AccessExpires time.Time // end of the access token
	LastRefresh   time.Time // last time Microsoft gave tokens
	SignedIn      time.Time // when a person last signed in
	RefreshLapses time.Time // when the sign-in dies unless refreshed before: 90 days after LastRefresh
	SecretExpires time.Time // end of the certificate, or of the client secret as configured
	NextTry       time.Time // when the next try comes, while one is being waited for
	Scopes        []string  // granted permissions
	MissingScopes []string  // permissions that are configured and were not granted
	Device        *Device   // the device sign-in that waits for a person; nil: none
	User          string    // who signed in, where Microsoft told
}

// Keeper keeps the sign-in of one account. Its methods may be called from
// several goroutines at once.
type Keeper struct {
	opts     Options
	endpoint endpoint
	pending  pendings

	starting sync.Mutex // held while a device code is asked for
	writing  sync.Mutex // held while the stored sign-in changes; taken before mu

	mu         sync.Mutex
	rec        *record       // nil: nobody is signed in
	generation int           // counts sign-ins and sign-outs; what an older one brings is dropped
	flight     *flight       // the refresh under way, nil when none is
	fault      *Error        // the last failure, nil after a success
	waiting    time.Time     // since when Microsoft wants time and nothing else; zero: it does not
	device     *deviceSignIn // the last device sign-in; nil: there was none
	tries      int           // failures in a row
	failedAt   time.Time     // when the last failure was; the pause after it ends at nextTry
	nextTry    time.Time
	scheduled  time.Time // next run of the schedule, drawn once because of its jitter; zero: never
	rejected   string    // the access token Graph refused, until it is replaced
	rejectedAt time.Time // when it did
	changed    chan struct{}
}

// flight is one refresh that several callers may wait for.
type flight struct {
	cancel context.CancelFunc
	done   chan struct{} // closed at the end; token and err are set before
	token  string
	err    error
}

// errSuperseded ends a refresh whose sign-in was replaced meanwhile.
var errSuperseded = errors.New("the sign-in was replaced while it was being refreshed")

// New returns the Keeper of an account with the sign-in its store holds. The
// error is about o only: a stored sign-in that cannot be used shows in Status.
func New(o Options) (*Keeper, error) {
	o, err := o.complete()
	if err != nil {
		return nil, err
	}
	k := &Keeper{
		opts:     o,
		endpoint: newEndpoint(o),
		pending:  pendings{store: o.Pending, account: o.Account},
		changed:  make(chan struct{}),
	}
	k.rec, k.fault = k.load()
	k.schedule()
	return k, nil
}

// blank is the record of a sign-in to come.
func (k *Keeper) blank() record {
	return record{Version: recordVersion, ClientID: k.opts.ClientID, Tenant: k.opts.Tenant, LoginURL: k.opts.LoginURL}
}

// nobody is the record where nobody has signed in: none, and for an app, which
// needs nobody, an empty one.
func (k *Keeper) nobody() *record {
	if k.opts.Kind != App {
		return nil
	}
	rec := k.blank()
	return &rec
}

// load reads the stored sign-in and refuses one this configuration cannot use.
// Of an app nothing is stored, because it gets tokens whenever it asks.
func (k *Keeper) load() (*record, *Error) {
	if k.opts.Kind == App {
		return k.nobody(), nil
	}
	rec, err := loadRecord(k.opts.Store, k.opts.Account)
	if err != nil {
		problem := k.endpoint.problem(opUse, Person, "the stored sign-in cannot be read: "+err.Error())
		problem.Err = err
		return nil, problem
	}
	if rec == nil {
		return nil, nil
	}
	for _, m := range []struct{ name, stored, configured string }{
		{"client_id", rec.ClientID, k.opts.ClientID}, {"tenant", rec.Tenant, k.opts.Tenant}, {"login_url", rec.LoginURL, k.opts.LoginURL},
	} {
		if m.stored != "" && !strings.EqualFold(m.stored, m.configured) {
			return nil, k.endpoint.problem(opUse, Person, fmt.Sprintf(
				"the stored sign-in was made for %s %s, the configuration says %s", m.name, m.stored, m.configured))
		}
	}
	return rec, nil
}

// Token returns a valid access token, refreshing the sign-in first where
// needed. However many callers wait, there is one refresh; it goes on when a
// caller's ctx ends. While a pause after a failure is on, the error of that
// failure is returned at once. Errors are an *Error, or the ctx's own, wrapped.
func (k *Keeper) Token(ctx context.Context) (string, error) {
	for {
		token, f, err := k.tokenOrFlight(ctx)
		if f == nil {
			return token, err
		}
		select {
		case <-f.done:
		case <-ctx.Done():
			return "", fmt.Errorf("account %s: wait for a refresh of the sign-in: %w", k.opts.Account, ctx.Err())
		}
		if !errors.Is(f.err, errSuperseded) {
			return f.token, f.err
		}
	}
}

// tokenOrFlight returns the token at hand, the error to return, or the refresh
// to wait for.
func (k *Keeper) tokenOrFlight(ctx context.Context) (string, *flight, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.now()
	switch {
	case k.rec == nil && k.fault != nil:
		return "", nil, k.fault
	case k.rec == nil:
		return "", nil, k.endpoint.problem(opUse, Person, nobodyYet)
	case k.rec.AccessToken != k.rejected && k.rec.usable(now):
		return k.rec.AccessToken, nil, nil
	case k.flight == nil && k.fault != nil && stillWaiting(k.failedAt, k.nextTry, now):
		e := *k.fault
		e.RetryAfter = k.nextTry.Sub(now)
		return "", nil, &e
	}
	return "", k.launch(ctx), nil
}

// Rejected tells that Graph answered 401 to an access token. The next Token
// then refreshes. A token that was replaced meanwhile is ignored, and so is a
// second complaint within five minutes of the first: a Graph that refuses
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

// Status returns the present state.
func (k *Keeper) Status() Status {
	k.mu.Lock()
	defer k.mu.Unlock()
	st := Status{State: k.state(), SecretExpires: k.opts.SecretExpires}
	if k.rec != nil {
		st.AccessExpires, st.LastRefresh, st.SignedIn = k.rec.AccessExpires, k.rec.LastRefresh, k.rec.SignedIn
		if k.rec.RefreshToken != "" {
			st.RefreshLapses = k.rec.LastRefresh.Add(lapse)
		}
		st.Scopes, st.User = slices.Clone(k.rec.Scopes), k.rec.User
		st.MissingScopes = missingScopes(k.opts.Scopes, k.rec.Scopes)
	}
	k.explain(&st)
	return st
}

const nobodyYet = "nobody has signed in yet"

// explain says what is wrong and what to do about it; called with mu held.
func (k *Keeper) explain(st *Status) {
	login := "run: roomgate login " + k.opts.Account
	switch d := k.device; {
	case d != nil && d.open(k.now()):
		shown := d.shown
		st.Device = &shown
		st.Reason = fmt.Sprintf("enter the code %s at %s by %s UTC", shown.UserCode, shown.VerificationURI, shown.Expires.Format("15:04"))
	case d != nil && d.failed(k.now()) && (st.State == NeverSignedIn || st.State == SignInNeeded):
		st.Reason, st.Action = d.err.Reason(), d.err.Action()
	case k.fault != nil:
		st.Reason, st.Action = k.fault.Reason(), k.fault.Action()
	case st.State == NeverSignedIn:
		st.Reason, st.Action = nobodyYet, login
	case len(st.MissingScopes) > 0:
		st.Reason, st.Action = "these scopes were not granted: "+strings.Join(st.MissingScopes, ", "), login
	}
	if k.fault != nil {
		st.NextTry = k.nextTry
	}
}

// state is called with mu held. A state that wants a person stays while
// another try is under way, so that the alarm does not flap.
func (k *Keeper) state() State {
	switch {
	case k.fault != nil && k.fault.Class == Person:
		return SignInNeeded
	case k.rec == nil:
		return NeverSignedIn
	case k.fault != nil:
		return Retrying
	case k.flight != nil, k.rec.AccessToken == k.rejected, !k.rec.usable(k.now()):
		return Refreshing
	}
	return OK
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
