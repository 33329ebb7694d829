package driver

import (
	"context"
	"time"
)

// Explain explains the points of a room as they are now. The error is
// ErrNoRoom or ErrStopped.
func (d *Driver) Explain(ctx context.Context, room string) (whys []Why, at time.Time, err error) {
	var explain func() ([]Why, time.Time)
	if !d.onLoop(ctx, func() {
		if r := d.byID[room]; r != nil {
			explain = d.explainer(r)
		}
	}) {
		return nil, time.Time{}, ErrStopped
	}
	if explain == nil {
		return nil, time.Time{}, ErrNoRoom
	}
	whys, at = explain()
	return whys, at, nil
}

// ExplainShown is [Driver.Explain] for a driver that does not run, after
// [Driver.Show].
func (d *Driver) ExplainShown(room string) (whys []Why, at time.Time, err error) {
	r := d.byID[room]
	if r == nil {
		return nil, time.Time{}, ErrNoRoom
	}
	whys, at = d.explainer(r)()
	return whys, at, nil
}

// explainer copies the state of a room from the loop, so that the loop does not wait
// for the texts.
func (d *Driver) explainer(r *roomState) func() ([]Why, time.Time) {
	timeline, past, now := r.timeline, r.past, d.o.Clock.Now()
	return func() ([]Why, time.Time) { return timeline.Why(past, now), now }
}
