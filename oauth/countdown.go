package oauth

import (
	"cmp"
	"time"

	"roomgate/driver"
)

const day = 24 * time.Hour

// warnings are the days before an expiry at which a warning is logged.
var warnings = []int{0, 1, 3, 7, 14, 30, 60}

// stage returns the warning that is due at now for something that ends: the
// days of the last threshold that was passed, 0 after the end; false while the
// end is further away than all thresholds, or not known.
func stage(end, now time.Time) (days int, due bool) {
	if end.IsZero() {
		return 0, false
	}
	left := end.Sub(now)
	for _, days := range warnings {
		if left <= time.Duration(days)*day {
			return days, true
		}
	}
	return 0, false
}

// countdown records the last warning, so that each threshold is logged once.
type countdown struct {
	due  bool
	days int
}

// passed reports that a threshold was passed since the last call. A later end,
// or a clock that is set back, restarts the countdown.
func (c *countdown) passed(end, now time.Time) bool {
	days, due := stage(end, now)
	crossed := due && (!c.due || days < c.days)
	c.due, c.days = due, days
	return crossed
}

// warn logs what expires soon: the client's secret or certificate, and a sign-in that
// cannot be refreshed or whose end a refresh does not extend.
func (k *Keeper) warn(credential, signIn *countdown) {
	st, now := k.Status(), k.now()
	log := k.opts.Log
	if credential.passed(st.SecretExpires, now) {
		what := "client secret"
		if k.opts.Authentication.Certificate != nil {
			what = "client certificate"
		}
		log.Warn("the "+what+" ends", "ends", st.SecretExpires, "days_left", driver.DaysLeft(st.SecretExpires, now), "action", k.opts.Service.RenewCredential)
	}
	if st.State != driver.Retrying && st.State != driver.SignInNeeded && !k.endIsFixed() {
		st.RefreshLapses = time.Time{}
	}
	if signIn.passed(st.RefreshLapses, now) {
		log.Warn("the sign-in ends", "ends", st.RefreshLapses, "days_left", driver.DaysLeft(st.RefreshLapses, now),
			"reason", st.Reason, "action", cmp.Or(st.Action, k.opts.login()))
	}
}

// endIsFixed reports that the sign-in ends at a known instant although it can be
// refreshed.
func (k *Keeper) endIsFixed() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.rec != nil && k.rec.endIsFixed()
}
