package oauth

import (
	"errors"
	"sync"
	"time"

	"roomgate/driver"
)

// Keeper maintains the sign-in of one account. Its methods may be called from
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
	ended      chan struct{}  // closed when nothing may start

	predecessor *Keeper // until it was asked for unsaved tokens; used with writing held

	mu         sync.Mutex
	opened     bool           // the store was read
	readAt     time.Time      // when it was last
	rec        *record        // nil: nobody is signed in
	generation int            // counts sign-ins and sign-outs; results of an older one are dropped
	inFlight   *refresh       // nil: there is none
	unsaved    *unsavedTokens // rec, if the store did not take it; nil: it did
	fault      *Error         // the last failure, nil after a success
	waiting    time.Time      // since when errors have the class Wait; zero: they do not
	device     *deviceSignIn  // the last device sign-in; nil: there was none
	lastFailed *failedAttempt // the last sign-in, if it failed; nil: it did not
	failures   int            // in a row
	failedAt   time.Time      // when the last failure was; the pause after it ends at nextTry
	nextTry    time.Time
	trouble    driver.Trouble
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

// unsavedTokens are tokens in use that the store did not take.
type unsavedTokens struct {
	stored   *record // what the store has instead
	problem  *Error  // why
	failures int     // to store them, in a row
	failedAt time.Time
	nextTry  time.Time
	trying   bool // they are being stored now
}

// errSuperseded ends a refresh whose sign-in was replaced.
var errSuperseded = errors.New("the sign-in was replaced while it was being refreshed")

// New returns the Keeper of an account. It checks the options and reads nothing:
// a stored sign-in that cannot be used shows in the Status.
func New(o Options) (*Keeper, error) {
	o, err := o.complete()
	if err != nil {
		return nil, err
	}
	predecessor := o.Predecessor
	o.Predecessor = nil // it is let go of when it was asked
	return &Keeper{
		opts:        o,
		client:      newClient(o),
		pending:     pendingRequests{store: o.Pending, account: o.Account},
		ended:       make(chan struct{}),
		changed:     make(chan struct{}),
		predecessor: predecessor,
	}, nil
}

// Session returns the driver.Session. Its type depends on the kind of sign-in: a
// driver.CodeSignIn or a driver.DeviceSignIn, which are a driver.TokenImporter and a
// driver.SignOuter too, or none of these.
func (k *Keeper) Session() driver.Session {
	switch k.opts.Kind {
	case Code:
		return codeSession{attendedSession{k}}
	case Device:
		return deviceSession{attendedSession{k}}
	}
	return k
}

// attendedSession is the session of an account that a user signs in to.
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

// read loads the stored sign-in unless it is current; called with writing held.
func (k *Keeper) read() {
	rec, fault := k.load()
	device := k.loadDevice()
	lastFailed := k.pending.failed()
	var inherited *record
	var unsaved *unsavedTokens
	if fault == nil { // otherwise the next reading decides
		inherited, unsaved = k.inherit(rec)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.readAt = k.now()
	if k.device == nil && device != nil {
		k.device = device
		k.notify()
	}
	if k.opened {
		if k.keeps(rec, fault) {
			return
		}
		k.generation++ // results of requests with the replaced sign-in are dropped
		k.inFlight = nil
	}
	k.opened, k.rec, k.fault, k.unsaved, k.lastFailed, k.trouble = true, rec, fault, nil, lastFailed, driver.Trouble{}
	if unsaved != nil {
		k.rec, k.unsaved = inherited, unsaved
	}
	k.schedule()
	k.notify()
}

// keeps reports that a reading of the store changes nothing: it has the same sign-in,
// or cannot be read now. Called with mu held.
func (k *Keeper) keeps(rec *record, fault *Error) bool {
	if !k.opts.Kind.attended() {
		return true
	}
	stored := k.storedLocked()
	if stored == nil && rec == nil { // also the reason why there is none is the same
		return fault == k.fault || fault != nil && k.fault != nil && fault.Reason() == k.fault.Reason()
	}
	return stored != nil && (fault != nil || sameSignIn(stored, rec))
}

// storedLocked returns the record that the store has; called with mu held.
func (k *Keeper) storedLocked() *record {
	if k.unsaved != nil {
		return k.unsaved.stored
	}
	return k.rec
}

// inherit returns the tokens that the store did not take from the predecessor, if
// they continue the stored sign-in; nil: there are none. Called with writing held.
func (k *Keeper) inherit(stored *record) (*record, *unsavedTokens) {
	p := k.predecessor
	k.predecessor = nil
	if p == nil || stored == nil {
		return nil, nil
	}
	p.open() // its own predecessor's
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.unsaved == nil || !sameSignIn(p.unsaved.stored, stored) || k.opts.mismatch(p.rec.Bound) != "" {
		return nil, nil
	}
	return p.rec, &unsavedTokens{stored: stored, problem: p.unsaved.problem}
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
// For an unattended kind nothing is stored, because tokens can always be requested.
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
// once nothing may start.
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

// end prevents new operations and waits until those that were started are complete.
func (k *Keeper) end() {
	k.mu.Lock()
	if !k.hasEnded() {
		close(k.ended)
	}
	k.mu.Unlock()
	k.work.Wait()
	k.saveAgain()
}

var (
	_ driver.CodeSignIn    = codeSession{}
	_ driver.DeviceSignIn  = deviceSession{}
	_ driver.TokenImporter = attendedSession{}
	_ driver.SignOuter     = attendedSession{}
	_ driver.Session       = (*Keeper)(nil)
)
