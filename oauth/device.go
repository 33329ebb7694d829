package oauth

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
	"unicode"

	"roomgate/driver"
)

const (
	deviceInterval     = 5 * time.Second  // between two polls, where the service gives none (RFC 8628 §3.2)
	deviceLifetime     = 15 * time.Minute // of a code, where the service gives none
	deviceSlower       = 5 * time.Second  // what slow_down adds to it (RFC 8628 §3.5)
	maxDevicePause     = time.Minute      // the longest pause after a failed poll, because the user is waiting
	deviceFailureShown = time.Hour        // how long a failure is shown as the reason of the state
	maxShown           = 300              // characters of a text of the service that people are shown

	pendingCode  = "authorization_pending" // RFC 8628 §3.5
	slowDownCode = "slow_down"
)

// deviceSession is the session of an account that is signed in to by device code.
type deviceSession struct{ attendedSession }

// deviceSignIn is a device sign-in and how it ended.
type deviceSignIn struct {
	code     driver.DeviceCode
	secret   string        // the device_code
	interval time.Duration // between two polls
	failures int           // failed polls in a row
	turn     chan struct{} // holds one value while somebody polls

	done  chan struct{} // closed at the end, under the Keeper's lock; err is set before
	ended bool
	at    time.Time // of the end
	err   *Error    // nil: somebody signed in
}

// StartDevice begins a sign-in by device code (RFC 8628), or returns the code
// that is open. Polling continues while Run or WaitDevice does, also after a
// restart, until the user has responded or the code expires; network failures do not
// end it. Errors are an *Error.
func (s deviceSession) StartDevice(ctx context.Context) (driver.DeviceCode, error) {
	done, problem := s.start(opSignIn)
	if problem != nil {
		return driver.DeviceCode{}, problem
	}
	defer done()
	s.starting.Lock()
	defer s.starting.Unlock()
	if d := s.openDevice(); d != nil {
		return d.code, nil
	}
	d, problem := s.client.deviceCode(ctx)
	if problem == nil {
		problem = s.keepDevice(d)
	}
	if problem != nil {
		return driver.DeviceCode{}, problem
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.device = d
	s.notify()
	return d.code, nil
}

// WaitDevice waits for the end of the pending device sign-in and returns its result:
// nil, an *Error, or the ctx's error, wrapped. Without a Run it polls itself.
func (s deviceSession) WaitDevice(ctx context.Context) error {
	done, problem := s.start(opSignIn)
	if problem != nil {
		return problem
	}
	done() // Run does not wait for the user
	s.mu.Lock()
	d := s.device
	s.mu.Unlock()
	if d == nil {
		return s.refuse(errors.New("no sign-in by device code is pending"))
	}
	s.pollDevice(ctx, d)
	select {
	case <-d.done:
		if d.err != nil {
			return d.err
		}
		return nil
	default:
	}
	if ctx.Err() != nil {
		return fmt.Errorf("account %s: wait for the device sign-in: %w", s.opts.Account, ctx.Err())
	}
	return s.opts.endedProblem(opSignIn)
}

// openDevice returns the pending device sign-in, nil when there is none.
func (k *Keeper) openDevice() *deviceSignIn {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.device == nil || !k.device.open(k.now()) {
		return nil
	}
	return k.device
}

// open is called with the Keeper's mu held.
func (d *deviceSignIn) open(now time.Time) bool { return !d.ended && now.Before(d.code.Expires) }

// failed reports whether a failure is recent enough to be shown; called with the
// Keeper's mu held.
func (d *deviceSignIn) failed(now time.Time) bool {
	return d.err != nil && stillWaiting(d.at, d.at.Add(deviceFailureShown), now)
}

// pollDevice polls until the device sign-in, ctx or the Keeper ends. One caller
// polls at a time; the others wait, and take over when the first one's ctx ends.
// All of them wait for a poll that is in progress when the Keeper ends.
func (k *Keeper) pollDevice(ctx context.Context, d *deviceSignIn) {
	select {
	case d.turn <- struct{}{}:
		defer func() { <-d.turn }()
	case <-d.done:
		return
	case <-ctx.Done():
		return
	}
	wait := d.interval
	for {
		select {
		case <-d.done:
			return
		case <-k.ended:
			return
		case <-ctx.Done():
			return
		case <-k.opts.Clock.After(wait):
		}
		done, problem := k.start(opSignIn)
		if problem != nil {
			return
		}
		wait = k.askDevice(ctx, d)
		done()
	}
}

// askDevice polls once and returns how long to wait before the next time. The
// answer may hold tokens, so it is awaited even when ctx ends.
func (k *Keeper) askDevice(ctx context.Context, d *deviceSignIn) time.Duration {
	requested := k.now()
	t, problem := k.client.pollDevice(context.WithoutCancel(ctx), d.secret)
	switch {
	case problem == nil:
		k.finishDevice(d, record{}.renewed(t, requested))
	case problem.Class == Person && !stillPending(problem):
		k.endDevice(d, problem)
	case !k.now().Before(d.code.Expires): // the service says the same, if it can be reached
		k.endDevice(d, k.opts.problem(opSignIn, Person, "the device code was not used in time"))
	}
	return d.next(problem, k.opts.Jitter)
}

// stillPending reports the two errors that mean to keep polling (RFC 8628 §3.5).
func stillPending(e *Error) bool { return e.Code == pendingCode || e.Code == slowDownCode }

// next returns the pause after a poll; called by whoever has the turn.
func (d *deviceSignIn) next(problem *Error, jitter func(time.Duration) time.Duration) time.Duration {
	if problem == nil || stillPending(problem) {
		d.failures = 0
		if problem != nil && problem.Code == slowDownCode {
			d.interval += deviceSlower
		}
		return d.interval
	}
	d.failures++
	return max(d.interval, problem.RetryAfter, min(maxDevicePause, pause(problem, d.failures, jitter)))
}

// finishDevice stores the tokens as the sign-in, unless another one was completed
// first.
func (k *Keeper) finishDevice(d *deviceSignIn, rec record) {
	k.writing.Lock()
	defer k.writing.Unlock()
	k.mu.Lock()
	overtaken := d.ended
	if !overtaken {
		k.device = nil // the new sign-in is the result of this code and must not end it as replaced
	}
	k.mu.Unlock()
	if overtaken {
		return
	}
	problem := k.adopt(opSignIn, rec)
	if problem != nil {
		k.deleteDevice() // the code is spent
	}
	k.mu.Lock()
	k.device = cmp.Or(k.device, d)
	d.end(problem, k.now())
	k.notify()
	k.mu.Unlock()
	k.deviceEnded(problem)
}

// deviceEnded records the end of a device sign-in.
func (k *Keeper) deviceEnded(problem *Error) {
	if problem == nil {
		k.remember(nil)
		return
	}
	_ = k.attempted(problem) // WaitDevice returns it
}

// endDevice ends a device sign-in without tokens.
func (k *Keeper) endDevice(d *deviceSignIn, err *Error) {
	k.writing.Lock()
	defer k.writing.Unlock()
	k.mu.Lock()
	overtaken := d.ended
	d.end(err, k.now())
	k.notify()
	k.mu.Unlock()
	if !overtaken {
		k.deviceEnded(err)
		k.deleteDevice()
	}
}

// end is called with the Keeper's mu held; the first end counts.
func (d *deviceSignIn) end(err *Error, now time.Time) {
	if !d.ended {
		d.ended, d.err, d.at = true, err, now
		close(d.done)
	}
}

// deviceCode requests a device code (RFC 8628 §3.1).
func (c client) deviceCode(ctx context.Context) (*deviceSignIn, *Error) {
	requested := c.o.Clock.Now().Round(0).UTC()
	body, problem := c.post(ctx, opSignIn, c.o.Service.DeviceURL, url.Values{"scope": {c.o.Service.scope()}})
	if problem != nil {
		return nil, problem
	}
	var a struct {
		Secret   string  `json:"device_code"`
		User     string  `json:"user_code"`
		URI      string  `json:"verification_uri"`
		URL      string  `json:"verification_url"` // the name before RFC 8628, still used by some services
		Expires  seconds `json:"expires_in"`
		Interval seconds `json:"interval"`
	}
	if err := decode(body, &a); err != nil {
		return nil, c.o.problem(opSignIn, Retry, "the response is unusable: "+Hide(err.Error()))
	}
	for _, f := range []struct{ name, value string }{
		{"device_code", a.Secret}, {"user_code", a.User}, {"verification_uri", a.URI + a.URL},
	} {
		if f.value == "" {
			return nil, c.o.problem(opSignIn, Retry, "the response is unusable: missing "+f.name)
		}
	}
	life, given := a.Expires.duration(maxAccessTokenLifetime)
	switch {
	case !given:
		life = deviceLifetime
	case life <= 0:
		return nil, c.o.problem(opSignIn, Retry, fmt.Sprintf("the response gives the device code a lifetime of %g s", a.Expires.value))
	}
	interval, _ := a.Interval.duration(time.Minute)
	return newDeviceSignIn(a.Secret, cmp.Or(interval, deviceInterval), driver.DeviceCode{UserCode: printable(a.User),
		VerificationURI: printable(cmp.Or(a.URI, a.URL)), Expires: requested.Add(life)}), nil
}

func newDeviceSignIn(secret string, interval time.Duration, code driver.DeviceCode) *deviceSignIn {
	return &deviceSignIn{code: code, secret: secret, interval: interval, turn: make(chan struct{}, 1), done: make(chan struct{})}
}

// printable is a text of the service that is safe to display.
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, s)
	if r := []rune(s); len(r) > maxShown {
		s = string(r[:maxShown])
	}
	return strings.TrimSpace(s)
}
