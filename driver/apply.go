package driver

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"
)

// apply stores the result of reading a room.
func (d *Driver) apply(rd roomReading, from, to, now time.Time) {
	r := d.byID[rd.room]
	r.next = time.Time{}
	snap := r.timeline.Snapshot()
	if rd.err != nil {
		snap.Failure = rd.err
		snap.Failures++
		r.timeline = r.timeline.With(snap)
		return
	}
	fresh := Snapshot{Bookings: rd.bookings, From: from, To: to, ReadAt: now.UTC()}
	if !rd.unchanged {
		d.logRefused(r, rd.refused)
	}
	if rd.unchanged || sameBookings(snap, fresh) {
		fresh.Bookings = snap.Bookings
		r.timeline = r.timeline.With(fresh)
		d.memory.wasRead(r.room.ID, false)
		return
	}
	r.timeline = NewTimeline(r.room, fresh)
	d.memory.wasRead(r.room.ID, true)
}

// sameBookings reports whether both hold the same bookings of the same window. a
// may have been stored by an earlier run.
func sameBookings(a, b Snapshot) bool {
	same := func(x, y Booking) bool { return x.Compare(y) == 0 }
	return a.From.Equal(b.From) && a.To.Equal(b.To) && slices.EqualFunc(a.Bookings, b.Bookings, same)
}

// logFailures logs which rooms of an account could not be read when that has
// changed: the points report a lasting failure, and a failure of all rooms is logged
// once.
func (d *Driver) logFailures(a *accountState) {
	failed := map[string][]string{}
	for _, room := range a.rooms {
		if err := d.byID[room.ID].timeline.Snapshot().Failure; err != nil {
			words, person := Explain(err)
			failed[words] = append(failed[words], room.ID)
			if len(failed[words]) == 1 && a.failed[words] == nil {
				log := d.o.Log.With("account", a.Name, "first", room.ID, "reason", words)
				if references := referencesOf(err); references != "" {
					log = log.With("references", references)
				}
				log.Log(context.Background(), levelOf(person), "rooms cannot be read")
			}
		}
	}
	if len(a.failed) > 0 && len(failed) == 0 {
		d.o.Log.Info("all rooms can be read again", "account", a.Name)
	}
	a.failed = failed
}

func levelOf(person bool) slog.Level {
	if person {
		return slog.LevelError
	}
	return slog.LevelWarn
}

func (d *Driver) logRefused(r *roomState, refused []string) {
	words := fmt.Sprint(refused)
	if len(refused) > 0 && words != r.refused {
		d.o.Log.Warn("events left out: they could not be understood", "room", r.room.ID, "reasons", refused)
	}
	r.refused = words
}
