package oauth

import (
	"context"
	"errors"
	"fmt"
	"time"

	"roomgate/driver"
)

// Token returns a valid access token, refreshing the sign-in first where
// needed. All callers share one refresh, which continues when a caller's ctx ends.
// While a pause after a failure lasts, the error of that failure is returned at once,
// unless a person is waiting (driver.AtOnce). Errors are an *Error, or the ctx's own,
// wrapped.
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

// tokenOrRefresh returns the current token, the error to return, or the refresh to
// wait for.
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
	case k.inFlight == nil && k.pausing(now) && (!driver.IsAtOnce(ctx) || recent(k.failedAt, now)):
		e := *k.fault
		e.RetryAfter = k.nextTry.Sub(now)
		return "", nil, &e
	}
	r := k.startRefresh(ctx)
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

// pausing reports whether a pause after a failure lasts; called with mu held.
func (k *Keeper) pausing(now time.Time) bool {
	return k.fault != nil && stillWaiting(k.failedAt, k.nextTry, now)
}

// recent reports whether something was just now, so that its repetition would not
// say more.
func recent(at, now time.Time) bool { return stillWaiting(at, at.Add(minGap), now) }

// Verify checks for a person that the service accepts the sign-in: by a refresh, unless
// the last one is less than 10 s old.
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
	switch {
	case k.inFlight != nil:
	case k.fault != nil && recent(k.failedAt, now):
		return nil, k.fault
	case k.fault == nil && recent(k.rec.LastRefresh, now) && k.rec.AccessToken != k.rejected && k.rec.usable(now):
		return nil, nil
	}
	if r := k.startRefresh(ctx); r != nil {
		return r, nil
	}
	return nil, k.opts.endedProblem(opRefresh)
}

// Rejected reports that the service answered 401 to an access token. The next
// Token then refreshes. A token that was already replaced is ignored, and so is
// a second rejection within five minutes of the first: a service that rejects
// every token must not cause a refresh per request.
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
