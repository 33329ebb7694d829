package graph

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// Place is a room of the directory. Fields that are not filled in are empty.
type Place struct {
	Address  string // of the room's mailbox; never empty
	Name     string
	Building string
	Floor    string // its label, else its number
	Capacity int    // persons; 0: not known
	List     string // names of the room lists that contain it, separated by commas
}

// CalendarEntry is one of the calendars of the signed-in user. Fields that Graph
// leaves out are empty.
type CalendarEntry struct {
	ID           string
	Name         string
	OwnerName    string
	OwnerAddress string
	Own          bool // it belongs to the user and is not shared by somebody else
	Default      bool // invitations go to it
}

// Places returns every room of the directory, those in room lists first
// (learn.microsoft.com/graph/api/place-list). A room without an address is left
// out, because it cannot be read. Without the permission Place.Read.All
// the error is an [*Error] of status 403.
func (c *Client) Places(ctx context.Context) ([]Place, error) {
	cost := &cost{} // of a command
	const all = "/places/microsoft.graph."
	lists, err := everyPage[placeRow](ctx, c, cost, call{op: "reading the room lists", mailbox: "places", path: all + "roomlist"}, url.Values{})
	if err != nil {
		return nil, err
	}
	var places []Place
	at := map[string]int{} // index in places by folded address
	add := func(rows []placeRow, list string) {
		for _, r := range rows {
			key := strings.ToLower(r.EmailAddress)
			i, again := at[key]
			switch {
			case r.EmailAddress == "":
			case !again:
				at[key] = len(places)
				places = append(places, r.place(list))
			case list != "" && places[i].List != list:
				places[i].List += ", " + list
			}
		}
	}
	for _, l := range lists {
		rows, err := everyPage[placeRow](ctx, c, cost, call{op: "reading the rooms of a room list", mailbox: "places",
			path: "/places/" + url.PathEscape(cmp.Or(l.EmailAddress, l.ID)) + "/microsoft.graph.roomlist/rooms"}, url.Values{})
		if err != nil {
			return nil, err
		}
		add(rows, cmp.Or(l.DisplayName, l.EmailAddress))
	}
	rows, err := everyPage[placeRow](ctx, c, cost, call{op: "reading the rooms of the directory", mailbox: "places", path: all + "room"}, url.Values{})
	if err != nil {
		return nil, err
	}
	add(rows, "")
	return places, nil
}

// placeRow is a room or a room list as Graph sends it
// (learn.microsoft.com/graph/api/resources/room); nulls leave zero values.
type placeRow struct {
	ID, EmailAddress, DisplayName, Building, FloorLabel string
	FloorNumber, Capacity                               *int
}

func (r placeRow) place(list string) Place {
	p := Place{Address: r.EmailAddress, Name: r.DisplayName, Building: r.Building, Floor: r.FloorLabel, List: list}
	if p.Floor == "" && r.FloorNumber != nil {
		p.Floor = strconv.Itoa(*r.FloorNumber)
	}
	if r.Capacity != nil {
		p.Capacity = *r.Capacity
	}
	return p
}

// Calendars returns the calendars of the signed-in user, those that others have
// shared with the user among them (learn.microsoft.com/graph/api/user-list-calendars).
// An application has none: Graph refuses with BadRequest.
func (c *Client) Calendars(ctx context.Context) ([]CalendarEntry, error) {
	return c.calendars(ctx, &cost{})
}

// calendars is Calendars with its cost.
func (c *Client) calendars(ctx context.Context, cost *cost) ([]CalendarEntry, error) {
	type calendarRow struct {
		ID, Name          string
		IsDefaultCalendar bool
		Owner             struct{ Name, Address string }
	}
	rows, err := everyPage[calendarRow](ctx, c, cost, call{op: "reading the list of calendars", mailbox: signedInMailbox, path: "/me/calendars"},
		url.Values{"$select": {"id,name,isDefaultCalendar,owner"}})
	if err != nil {
		return nil, err
	}
	user := "" // address
	for _, r := range rows {
		if r.IsDefaultCalendar {
			user = r.Owner.Address
		}
	}
	var entries []CalendarEntry
	for _, r := range rows {
		// Graph always names the owner of a shared calendar
		// (learn.microsoft.com/graph/api/resources/calendar).
		own := r.IsDefaultCalendar || r.Owner.Address == "" || strings.EqualFold(r.Owner.Address, user)
		entries = append(entries, CalendarEntry{ID: r.ID, Name: r.Name, OwnerName: r.Owner.Name, OwnerAddress: r.Owner.Address,
			Own: own, Default: r.IsDefaultCalendar})
	}
	return entries, nil
}

// rowsPerPage is the page size asked for, the default of places.
const rowsPerPage = 100

// everyPage follows a list to its end. A page may be empty and still have a next
// one. Places often leaves the next link out where there is more, so what
// follows a full page is asked for (github.com/microsoftgraph/microsoft-graph-docs/issues/18604).
func everyPage[T any](ctx context.Context, c *Client, cost *cost, cl call, query url.Values) ([]T, error) {
	path := cl.path
	query.Set("$top", strconv.Itoa(rowsPerPage))
	cl.path = pathOf(path, query)
	var rows []T
	for range maxPages {
		var p struct {
			Value    []T
			NextLink string `json:"@odata.nextLink"`
		}
		if err := c.do(ctx, cl, cost, &p); err != nil {
			return nil, err
		}
		if p.Value == nil {
			return nil, &Error{Op: cl.op, Status: http.StatusOK, Err: errors.New("the answer contains no list")}
		}
		if rows = append(rows, p.Value...); len(rows) > mostRows {
			return nil, &Error{Op: cl.op, Status: http.StatusOK, Err: fmt.Errorf("the list has more than %d entries", mostRows)}
		}
		switch {
		case p.NextLink != "":
			cl.path = p.NextLink
		case len(p.Value) < rowsPerPage:
			return rows, nil
		default:
			query.Set("$skip", strconv.Itoa(len(rows)))
			cl.path = pathOf(path, query)
		}
	}
	return nil, &Error{Op: cl.op, Status: http.StatusOK, Err: fmt.Errorf("the list does not end (%d pages)", maxPages)}
}
