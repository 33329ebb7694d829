package oauth

import (
	"errors"
	"time"

	"roomgate/driver"
)

// failedAttempt is the last sign-in that failed, as it is stored.
type failedAttempt struct {
	At     time.Time `json:"at"` // UTC
	Reason string    `json:"reason"`
	Action string    `json:"action,omitempty"`
}

// attempted records how an attempt to sign in ended, and returns its error. A failed
// one is remembered, also by the next process, until one succeeds: whoever looks for
// the reason later did not see the answer to the attempt. What the service's support
// needs is logged, and nothing else: the error is the caller's.
func (k *Keeper) attempted(err error) error {
	var e *Error
	switch {
	case err == nil:
		k.remember(nil)
	case errors.As(err, &e) && !errors.Is(err, driver.ErrSessionEnded):
		k.remember(&failedAttempt{k.now(), e.Reason(), e.Action()})
		if references := e.References(); references != "" {
			k.opts.Log.Info("a sign-in failed; the service's support finds it by the references", "references", references)
		}
	}
	return err
}

// remember stores the last failed attempt; nil: the last one succeeded. Where it
// cannot be stored it is only known to this process.
func (k *Keeper) remember(f *failedAttempt) {
	k.mu.Lock()
	known := k.lastFailed == nil && f == nil
	k.lastFailed = f
	k.mu.Unlock()
	if known {
		return
	}
	if err := k.pending.setFailed(f); err != nil {
		k.opts.Log.Warn("the result of the sign-in could not be stored", "error", err)
	}
}
