package graph

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"roomgate/driver"
)

// Discover implements driver.Discoverer: it lists the rooms of the directory and the
// account's calendars. What Graph refuses is in the Notes; the error is that of the
// sign-in.
func (p *Provider) Discover(ctx context.Context) (driver.Discovery, error) {
	places, notes, err := p.places(ctx)
	if err != nil {
		return driver.Discovery{Notes: notes}, err
	}
	subject := "account " + p.o.Account + " calendars"
	if p.o.app() {
		notes = append(notes, driver.Finding{Subject: subject, Level: driver.LevelGood, Words: "an application has no calendar of its own, and none is shared with it"})
		return driver.Discovery{Rooms: p.o.foundRooms(places, nil), Notes: notes}, nil
	}
	calendars, err := p.client.Calendars(ctx)
	var refused *Error
	switch {
	case errors.As(err, &refused):
		notes = append(notes, driver.Failure(subject, err))
	case err != nil:
		return driver.Discovery{Notes: notes}, err
	}
	return driver.Discovery{Rooms: p.o.foundRooms(places, calendars), Notes: notes}, nil
}

// places lists the rooms of the directory, or the reasons why it cannot.
func (p *Provider) places(ctx context.Context) ([]Place, []driver.Finding, error) {
	subject := "account " + p.o.Account + " places"
	places, err := p.client.Places(ctx)
	var refused *Error
	switch {
	case errors.As(err, &refused) && refused.Status == http.StatusForbidden:
		return nil, []driver.Finding{p.o.placesForbidden(subject)}, nil
	case refused != nil:
		return nil, []driver.Finding{driver.Failure(subject, err)}, nil
	case err != nil:
		return nil, nil, err
	case len(places) == 0:
		return nil, []driver.Finding{{Subject: subject, Level: driver.LevelBad, Person: true, Words: "the customer's directory has no rooms",
			Action: "have the customer's IT create them: admin.microsoft.com > Resources > Rooms & equipment; a new room may appear only a day later"}}, nil
	}
	return places, nil, nil
}

// placesForbidden says how to get the permission for Places
// (learn.microsoft.com/graph/permissions-reference#placereadall).
func (o Options) placesForbidden(subject string) driver.Finding {
	f := driver.Finding{Subject: subject, Level: driver.LevelBad, Person: true, Words: "the permission Place.Read.All is missing, so only calendars can be listed",
		Action: `add "Place.Read.All" to scopes of the account, have an administrator of the customer consent to it (` + o.Program + " handover --discover " + o.Account +
			" writes how, and how to take it back), then run: " + o.login()}
	if o.app() {
		f.Words = "the permission Place.Read.All is missing, so no rooms can be listed"
		f.Action = "have the customer's IT grant it: entra.microsoft.com > Entra ID > App registrations > the app > API permissions > Add a permission > " +
			"Microsoft Graph > Application permissions > Place.Read.All, then Grant admin consent"
	}
	return f
}

// Where a room was found, the surest first.
const (
	inPlaces       = "Places"
	sharedCalendar = "shared calendar"
	ownCalendar    = "own calendar"
)

// foundRooms makes one list of the places and the calendars. A calendar whose
// owner is a place is that place.
func (o Options) foundRooms(places []Place, calendars []CalendarEntry) []driver.FoundRoom {
	rooms := []driver.FoundRoom{}
	at := map[string]int{} // index in rooms of a place, by folded address
	for _, p := range places {
		at[strings.ToLower(p.Address)] = len(rooms)
		rooms = append(rooms, driver.FoundRoom{Name: p.Name, Building: p.Building, Floor: p.Floor, Capacity: p.Capacity, RoomList: p.List,
			Address: p.Address, Source: inPlaces, Mailbox: p.Address, Directory: true})
	}
	names := map[string]int{}
	usual := "" // default name of a calendar in the account's language
	for _, c := range calendars {
		names[c.Name]++
		if c.Default {
			usual = c.Name
		}
	}
	for _, c := range calendars {
		i, place := at[strings.ToLower(c.OwnerAddress)]
		if !place {
			i = len(rooms)
			rooms = append(rooms, o.calendarRoom(c, names[c.Name] == 1, c.Name == usual))
		}
		rooms[i].Calendars = append(rooms[i].Calendars, c.Name, c.ID)
		rooms[i].Main = rooms[i].Main || c.Default
	}
	sources := []string{inPlaces, sharedCalendar, ownCalendar}
	slices.SortStableFunc(rooms, func(x, y driver.FoundRoom) int {
		return cmp.Or(cmp.Compare(slices.Index(sources, x.Source), slices.Index(sources, y.Source)),
			cmp.Compare(x.Building, y.Building), cmp.Compare(x.Name, y.Name))
	})
	return rooms
}

// calendarRoom is a calendar as a room. One with the default name of a calendar is
// named after its owner; one whose name is not unique is configured by its id.
func (o Options) calendarRoom(c CalendarEntry, unique, usual bool) driver.FoundRoom {
	r := driver.FoundRoom{Name: c.Name, Address: c.OwnerAddress, Source: sharedCalendar, Remark: "A calendar shared with the account."}
	if c.Own {
		r.Source = ownCalendar
		r.Remark = "A calendar of the account itself. Leave it out if it is not a room's; if it is several rooms', give each a match."
	}
	if usual {
		r.Name = c.OwnerName
	}
	switch {
	case o.Read == ByFreeBusy: // which knows addresses only
		r.Mailbox = c.OwnerAddress
	case unique && writable(c.Name):
		r.Calendar = c.Name
	default:
		r.Calendar = c.ID
	}
	return r
}

// writable reports whether a text can be in a configuration unescaped.
func writable(text string) bool {
	notPrintable := func(r rune) bool { return !unicode.IsPrint(r) }
	return utf8.ValidString(text) && !strings.ContainsFunc(text, notPrintable) && strings.Join(strings.Fields(text), " ") == text
}
