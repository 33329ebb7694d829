package driver

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"
)

// Reconfigure replaces the site, the rooms and the accounts, also while the driver
// runs. Only what is new or has changed is published and read. Reconfigure returns
// when the new configuration is in effect. An error means that it is not, because ctx
// or the driver has ended.
//
// The id identifies a room. One whose settings have changed keeps its past, and
// its bookings as far as its new privacy allows. One that is read from another
// calendar loses its bookings. The name identifies an account, which keeps its
// counters. It is polled at once when its Provider is different (by ==), or when its
// schedules or any of its rooms have changed. A Fetch of a replaced Provider may
// still run when Reconfigure returns; its context has ended, and what it delivers
// is dropped.
func (d *Driver) Reconfigure(ctx context.Context, site Site, rooms []Room, accounts []Account) error {
	d.starting.Lock()
	if d.ctx == nil {
		defer d.starting.Unlock()
		d.rooms, d.accounts = nil, nil
		d.takeOver(site, rooms, accounts)
		return nil
	}
	d.starting.Unlock()
	switch {
	case d.onLoop(ctx, func() { d.takeOver(site, rooms, accounts) }):
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("replacing the configuration: %w", ctx.Err())
	}
	return errors.New("replacing the configuration: the driver has stopped")
}

// takeOver is Reconfigure on the loop, or before it runs.
func (d *Driver) takeOver(site Site, rooms []Room, accounts []Account) {
	if site.ID != d.site.ID || site.Name != d.site.Name {
		d.gateway.nextBeat = 0
	}
	d.site = site
	gone := slices.Concat(d.takeOverRooms(rooms), d.takeOverAccounts(accounts, rooms))
	if len(gone) > 0 {
		d.gateway.nextBeat = 0 // it counts the rooms and names the accounts
		d.o.Publisher.Remove(gone)
	}
}

// takeOverRooms replaces the rooms and returns those that were removed.
func (d *Driver) takeOverRooms(rooms []Room) (gone []Subject) {
	before, byID := d.rooms, d.byID
	d.rooms, d.byID = make([]*roomState, len(rooms)), make(map[string]*roomState, len(rooms))
	for i, room := range rooms {
		r := byID[room.ID]
		switch {
		case r == nil:
			r = d.newRoomState(room)
		case !r.room.equal(room):
			d.changeRoom(r, room)
		}
		d.rooms[i], d.byID[room.ID] = r, r
	}
	for _, r := range before {
		if id := r.room.ID; d.byID[id] == nil {
			gone = append(gone, Subject{OfRoom, id})
			d.memory.deleteRoom(id)
		}
	}
	return gone
}

// changeRoom replaces the settings of a room.
func (d *Driver) changeRoom(r *roomState, room Room) {
	snap := r.timeline.Snapshot()
	if room.source() == r.room.source() {
		snap.Complete = redactAll(snap.Complete, room.Privacy)
		redacted := redactAll(snap.Bookings, room.Privacy)
		if !slices.Equal(redacted, snap.Bookings) {
			snap.Bookings = redacted
			d.memory.wasRedacted(room.ID)
		}
	} else {
		snap, r.trouble = Snapshot{}, Trouble{}
		d.memory.deleteBookings(room.ID)
	}
	r.room, r.timeline, r.next = room, d.newTimeline(room, snap), time.Time{}
	r.values[metaIndex] = room.Meta()
}

func redactAll(bookings []Booking, p Privacy) []Booking {
	out := slices.Clone(bookings)
	for i, b := range out {
		out[i] = p.Redact(b)
	}
	return out
}

// takeOverAccounts replaces the accounts and returns those that were removed.
func (d *Driver) takeOverAccounts(accounts []Account, rooms []Room) (gone []Subject) {
	before := d.accounts
	for _, a := range before {
		if !slices.ContainsFunc(accounts, func(next Account) bool { return next.Name == a.Name }) {
			gone = append(gone, Subject{OfAccount, a.Name})
			d.stop(a)
		}
	}
	d.accounts = make([]*accountState, len(accounts))
	for i, account := range accounts {
		next := newAssignment(account, rooms, d.site.Zone)
		at := slices.IndexFunc(before, func(a *accountState) bool { return a.Name == account.Name })
		if at < 0 {
			d.accounts[i] = &accountState{values: make([]Value, len(accountPoints))}
			d.changeAccount(d.accounts[i], next)
			continue
		}
		d.accounts[i] = before[at]
		if !before[at].equal(next) {
			d.changeAccount(before[at], next)
		}
	}
	return gone
}

// changeAccount replaces the assignment of an account and starts a poller that reads
// all its rooms at once.
func (d *Driver) changeAccount(a *accountState, next assignment) {
	other := !a.sameProvider(next.Account)
	a.assignment, a.next = next, time.Time{}
	if other {
		a.lastState = nil // another sign-in
	}
	if d.ctx == nil {
		return // Run starts it
	}
	if other {
		if a.unwatch != nil {
			a.unwatch()
			a.unwatch = nil
		}
		d.watch(a)
	}
	d.startPoller(a, d.elapsed())
}

// stop ends the work for an account that was removed.
func (d *Driver) stop(a *accountState) {
	if a.unwatch != nil {
		a.unwatch()
	}
	d.stopPoller(a)
}

// sameProvider reports whether both accounts have the same Provider: equal values,
// as pointers to one provider are.
func (a Account) sameProvider(b Account) bool {
	if a.Provider == nil || b.Provider == nil {
		return a.Provider == nil && b.Provider == nil
	}
	return reflect.ValueOf(a.Provider).Comparable() && reflect.ValueOf(b.Provider).Comparable() && a.Provider == b.Provider
}

// equal reports whether both rooms have the same settings.
func (r Room) equal(o Room) bool {
	same := sameZone(r.Zone, o.Zone)
	r.Zone, o.Zone = nil, nil // a zone that was loaded twice may differ in its cache
	return same && reflect.DeepEqual(r, o)
}

// source identifies where the room's bookings are read. It holds no address.
func (r Room) source() string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %q %q %q", r.Account, r.Service, r.Mailbox, r.Calendar, r.Match))
	return hex.EncodeToString(sum[:8])
}

func sameZone(a, b *time.Location) bool { return a.String() == b.String() }
