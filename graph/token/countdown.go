package token

import (
	"math"
	"time"
)

const day = 24 * time.Hour

// warnings are the days before an end at which people are warned.
var warnings = []int{0, 1, 3, 7, 14, 30, 60}

// stage returns the warning that is due at now for something that ends: the
// days of the last threshold that was passed, 0 after the end; false while the
// end is far, or not known.
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

// countdown remembers what was warned of, so that each threshold is told once.
type countdown struct {
	due  bool
	days int
}

// passed reports that a threshold was passed since the last call. A later end,
// or a clock that is set back, starts the countdown anew.
func (c *countdown) passed(end, now time.Time) bool {
	days, due := stage(end, now)
	news := due && (!c.due || days < c.days)
	c.due, c.days = due, days
	return news
}

// warn logs what ends before long: the app's secret or certificate, and a
// sign-in that could not be refreshed for weeks.
func (k *Keeper) warn(proof, sign *countdown) {
	st, now := k.Status(), k.now()
	log := k.opts.Log.With("account", k.opts.Account)
	if proof.passed(st.SecretExpires, now) {
		what, next := "client secret", rows[7000222].action(k.opts.Account, k.opts.Kind)
		if k.opts.Certificate != nil {
			what = "certificate"
		}
		log.Warn("the "+what+" of the app ends", "ends", st.SecretExpires, "days_left", daysLeft(st.SecretExpires, now), "action", next)
	}
	if st.State != Retrying && st.State != SignInNeeded { // it does not lapse while it can be refreshed
		st.RefreshLapses = time.Time{}
	}
	if sign.passed(st.RefreshLapses, now) {
		log.Warn("the sign-in lapses unless it can be refreshed", "lapses", st.RefreshLapses,
			"days_left", daysLeft(st.RefreshLapses, now), "reason", st.Reason, "action", st.Action)
	}
}

// daysLeft counts the days that have begun; it is negative after the end.
func daysLeft(end, now time.Time) int {
	return int(math.Ceil(end.Sub(now).Hours() / 24))
}
