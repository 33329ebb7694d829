package driver

import (
	"context"
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
		r.trouble = r.trouble.With(rd.err, now)
		snap.Failure = r.trouble.Shown()
		if needsPerson(rd.err) {
			snap.Refusals++
		}
		r.timeline = r.timeline.With(snap)
		return
	}
	r.trouble = Trouble{}
	fresh := Snapshot{Bookings: rd.bookings, Unread: sumUp(rd.refused, to), From: from, To: to, ReadAt: now.UTC()}
	if rd.unchanged {
		fresh.Unread, fresh.Complete = snap.Unread, snap.Complete
	} else {
		fresh.keep(snap, rd.refused)
		d.logUnread(r.room.ID, snap.Unread, fresh.Unread)
	}
	if rd.unchanged || sameBookings(snap, fresh) {
		fresh.Bookings = snap.Bookings
		r.timeline = r.timeline.With(fresh)
		d.memory.wasRead(r.room.ID, false)
		return
	}
	r.timeline = d.newTimeline(r.room, fresh)
	d.memory.wasRead(r.room.ID, true)
}

// sameBookings reports whether both hold the same bookings of the same window, and the
// same events could not be read. a may have been stored by an earlier run.
func sameBookings(a, b Snapshot) bool {
	same := func(x, y Booking) bool { return x.Compare(y) == 0 }
	return a.From.Equal(b.From) && a.To.Equal(b.To) && a.Unread.equal(b.Unread) && slices.EqualFunc(a.Bookings, b.Bookings, same)
}

// logFailures logs that rooms of an account cannot be read, once for each trouble: the
// points report a lasting failure.
func (d *Driver) logFailures(a *accountState) {
	now := d.o.Clock.Now()
	failed := map[string]bool{}
	for _, room := range a.rooms {
		err := d.byID[room.ID].timeline.Snapshot().Failure
		if err == nil || failed[Identity(err)] {
			continue
		}
		failed[Identity(err)] = true
		if a.told.Failure(Identity(err), now) {
			words, person := Explain(err)
			log := d.o.Log.With("account", a.Name, "first", room.ID, "reason", words)
			if references := referencesOf(err); references != "" {
				log = log.With("references", references)
			}
			log.Log(context.Background(), levelOf(person), "rooms cannot be read")
		}
	}
	if len(failed) == 0 && a.told.Recovered() {
		d.o.Log.Info("all rooms can be read again", "account", a.Name)
	}
}

func levelOf(person bool) slog.Level {
	if person {
		return slog.LevelError
	}
	return slog.LevelWarn
}

// logUnread logs the events of a room that cannot be read when others could not be
// before.
func (d *Driver) logUnread(room string, before, now Unread) {
	switch {
	case before.Events == now.Events && before.Reason == now.Reason:
	case now.Events > 0:
		d.o.Log.Warn("events could not be understood; the room may be shown as free at their time", "room", room,
			"events", now.Events, "until", now.Until, "reason", now.Reason)
	default:
		d.o.Log.Info("all events of the room can be understood again", "room", room)
	}
}
