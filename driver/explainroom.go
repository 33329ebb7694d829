package driver

import (
	"context"
	"time"
)

// Explain explains the points of a room as they are now. It returns false when there
// is no such room, or the driver has stopped.
func (d *Driver) Explain(ctx context.Context, room string) (whys []Why, at time.Time, ok bool) {
	var explain func() ([]Why, time.Time)
	taken := d.onLoop(ctx, func() {
		if r := d.byID[room]; r != nil {
			explain = d.explainer(r)
		}
	})
	if !taken || explain == nil {
		return nil, time.Time{}, false
	}
	whys, at = explain()
	return whys, at, true
}

// ExplainShown is [Driver.Explain] for a driver that does not run, after
// [Driver.Show].
func (d *Driver) ExplainShown(room string) (whys []Why, at time.Time, ok bool) {
	r := d.byID[room]
	if r == nil {
		return nil, time.Time{}, false
	}
	whys, at = d.explainer(r)()
	return whys, at, true
}

// explainer copies the state of a room from the loop, so that the loop does not wait
// for the texts.
func (d *Driver) explainer(r *roomState) func() ([]Why, time.Time) {
	timeline, past, now := r.timeline, r.past, d.o.Clock.Now()
	return func() ([]Why, time.Time) { return timeline.Why(past, now), now }
}
