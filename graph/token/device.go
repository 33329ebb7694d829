package token

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
	"unicode"
)

const (
	deviceInterval = 5 * time.Second // between two polls, where the service does not say (RFC 8628 §3.2)
	deviceSlower   = 5 * time.Second // what slow_down adds to it (RFC 8628 §3.5)
	deviceGlitch   = time.Minute     // the longest pause after a failed poll: the person is waiting
	deviceNews     = time.Hour       // how long the failure of one is told in place of the state's own words
	maxShown       = 300             // characters of a text of the service that people are shown
)

// Device is a device sign-in under way: what a person needs to enter the code
// on a page, with a browser on any machine. The words are the service's own.
type Device struct {
	UserCode        string
	VerificationURI string
	Message         string
	Expires         time.Time // UTC
}

// deviceSignIn is a device sign-in and how it ended.
type deviceSignIn struct {
	shown Device
	code  string        // the secret half
	pause time.Duration // between two polls
	tries int           // failed polls in a row
	turn  chan struct{} // holds one value while somebody polls

	done  chan struct{} // closed at the end, under the Keeper's lock; err is set before
	ended bool
	at    time.Time // of the end
	err   *Error    // nil: somebody signed in
}

// StartDevice begins a sign-in by device code (RFC 8628), or returns the one
// that is open. Polling goes on in the background while Run or WaitDevice does,
// until the person has answered or the code expires; a network that fails
// meanwhile does not end it. Errors are an *Error.
func (k *Keeper) StartDevice(ctx context.Context) (Device, error) {
	if err := k.only(DeviceCode); err != nil {
		return Device{}, err
	}
	k.starting.Lock()
	defer k.starting.Unlock()
	if d := k.openDevice(); d != nil {
		return d.shown, nil
	}
	d, problem := k.endpoint.deviceCode(ctx)
	if problem != nil {
		return Device{}, problem
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.device = d
	k.notify()
	return d.shown, nil
}

// WaitDevice waits for the end of the device sign-in under way and returns how
// it ended: nil, an *Error, or the ctx's own error, wrapped. Without a Run it
// does the polling itself.
func (k *Keeper) WaitDevice(ctx context.Context) error {
	k.mu.Lock()
	d := k.device
	k.mu.Unlock()
	if d == nil {
		return k.refuse(errors.New("no sign-in by device code is under way"))
	}
	k.pollDevice(ctx, d)
	select {
	case <-d.done:
		if d.err != nil {
			return d.err
		}
		return nil
	default:
		return fmt.Errorf("account %s: wait for the device sign-in: %w", k.opts.Account, ctx.Err())
	}
}

// openDevice returns the device sign-in under way, nil when there is none.
func (k *Keeper) openDevice() *deviceSignIn {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.device == nil || !k.device.open(k.now()) {
		return nil
	}
	return k.device
}

// open is called with the Keeper's mu held.
func (d *deviceSignIn) open(now time.Time) bool { return !d.ended && now.Before(d.shown.Expires) }

// failed reports a failure that is still news; called with the Keeper's mu held.
func (d *deviceSignIn) failed(now time.Time) bool {
	return d.err != nil && stillWaiting(d.at, d.at.Add(deviceNews), now)
}

// pollDevice polls until the device sign-in or ctx ends. One caller polls at a
// time; the others wait, and take over when the first one's ctx ends.
func (k *Keeper) pollDevice(ctx context.Context, d *deviceSignIn) {
	select {
	case d.turn <- struct{}{}:
		defer func() { <-d.turn }()
	case <-d.done:
		return
	case <-ctx.Done():
		return
	}
	wait := d.pause
	for {
		select {
		case <-d.done:
			return
		case <-ctx.Done():
			return
		case <-k.opts.Clock.After(wait):
		}
		wait = k.askDevice(ctx, d)
	}
}

// askDevice polls once and returns how long to wait before the next time.
func (k *Keeper) askDevice(ctx context.Context, d *deviceSignIn) time.Duration {
	asked := k.now()
	g, problem := k.endpoint.pollDevice(ctx, d.code)
	switch {
	case problem == nil:
		k.finishDevice(d, g, asked)
	case ctx.Err() != nil: // the next one to poll will hear it
	case problem.Class == Person && !stillPending(problem):
		k.endDevice(d, problem)
	case !k.now().Before(d.shown.Expires): // the service says so too, if it can be reached
		k.endDevice(d, k.endpoint.problem(opSignIn, Person, "the device code was not used in time"))
	}
	return d.next(problem, k.opts.Jitter)
}

// stillPending reports the two answers that mean no harm (RFC 8628 §3.5).
func stillPending(e *Error) bool { return e.Code == "authorization_pending" || e.Code == "slow_down" }

// next returns the pause after a poll; called by whoever has the turn.
func (d *deviceSignIn) next(problem *Error, jitter func(time.Duration) time.Duration) time.Duration {
	if problem == nil || stillPending(problem) {
		d.tries = 0
		if problem != nil && problem.Code == "slow_down" {
			d.pause += deviceSlower
		}
		return d.pause
	}
	d.tries++
	return max(d.pause, problem.RetryAfter, min(deviceGlitch, pause(problem, d.tries, jitter)))
}

// finishDevice makes the tokens the sign-in, unless it was overtaken.
func (k *Keeper) finishDevice(d *deviceSignIn, g grant, asked time.Time) {
	k.writing.Lock()
	defer k.writing.Unlock()
	k.mu.Lock()
	overtaken := d.ended
	if !overtaken {
		k.device = nil // it is not what the new sign-in overtakes
	}
	k.mu.Unlock()
	if overtaken {
		return
	}
	problem := k.adopt(g, asked, "")
	k.mu.Lock()
	defer k.mu.Unlock()
	k.device = cmp.Or(k.device, d)
	d.end(problem, k.now())
	k.notify()
}

// endDevice ends a device sign-in that brought nothing.
func (k *Keeper) endDevice(d *deviceSignIn, err *Error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	d.end(err, k.now())
	k.notify()
}

// end is called with the Keeper's mu held; the first end counts.
func (d *deviceSignIn) end(err *Error, now time.Time) {
	if !d.ended {
		d.ended, d.err, d.at = true, err, now
		close(d.done)
	}
}

// deviceCode asks for a code (RFC 8628 §3.1).
func (e endpoint) deviceCode(ctx context.Context) (*deviceSignIn, *Error) {
	form := url.Values{"scope": {strings.Join(e.conf.Scopes, " ")}}
	asked := e.clock.Now().Round(0).UTC()
	body, problem := e.post(ctx, opSignIn, "devicecode", form)
	if problem != nil {
		return nil, problem
	}
	var a struct {
		Device   string  `json:"device_code"`
		User     string  `json:"user_code"`
		Page     string  `json:"verification_uri"`
		Message  string  `json:"message"`
		Expires  float64 `json:"expires_in"`
		Interval float64 `json:"interval"`
	}
	if json.Unmarshal(body, &a) != nil || a.Device == "" || a.User == "" || a.Page == "" || a.Expires <= 0 {
		return nil, e.problem(opSignIn, Retry, "the answer cannot be used: it holds no device code")
	}
	shown := Device{UserCode: printable(a.User), VerificationURI: printable(a.Page), Message: printable(a.Message),
		Expires: asked.Add(time.Duration(min(a.Expires, daily.Seconds())) * time.Second)}
	interval := time.Duration(min(a.Interval, 60)) * time.Second
	if interval <= 0 {
		interval = deviceInterval
	}
	return &deviceSignIn{shown: shown, code: a.Device, pause: interval, turn: make(chan struct{}, 1), done: make(chan struct{})}, nil
}

// printable is a text of the service as people may be shown it.
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
