package graph

import (
	"encoding/json"
	"testing"
	"time"

	"roomgate/driver"
)

// FuzzEvents: whatever a page holds, the bookings made of it overlap the window,
// have a length, are in UTC and sorted, and hold what privacy allows.
func FuzzEvents(f *testing.F) {
	for _, text := range []string{
		nine(""), nine(`,"isAllDay":true,"showAs":"tentative"`), nine(`,"sensitivity":"private","location":{"displayName":"Atrium; Boardroom"}`),
		event("2026-11-03T00:00:00.0000000", "2026-11-04T00:00:00.0000000", "New Zealand Standard Time", `,"isAllDay":true`),
		event("0001-01-01T00:00:00", "9999-12-31T23:59:59.9999999", "tzone://Microsoft/Custom", ""), `{}`, `null`,
		nine(`,"attendees":[{"type":"resource","status":{"response":"declined"},"emailAddress":{"address":"atrium@contoso.example"}}]`),
	} {
		f.Add([]byte(`{"value":[` + text + `]}`))
	}
	f.Add([]byte(`{"value":null,"@odata.nextLink":1}`))
	auckland, err := time.LoadLocation("Pacific/Auckland")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var p page
		if json.Unmarshal(text, &p) != nil {
			return
		}
		room := driver.Room{ID: "atrium", Zone: auckland, Match: atrium.Match, Privacy: driver.PrivacySubject}
		rd := admitted(driver.Reading{Room: room.ID, Events: eventsOf(p.Value)}, []driver.Room{room, boardroom}, winFrom, winTo)
		if len(rd.Bookings)+len(rd.Refused) > len(p.Value) {
			t.Errorf("%d bookings and %d refused rows of %d", len(rd.Bookings), len(rd.Refused), len(p.Value))
		}
		for i, b := range rd.Bookings {
			switch {
			case !b.Start.Before(b.End) || !b.Start.Before(winTo) || !b.End.After(winFrom):
				t.Errorf("booking %v to %v is not of the window", b.Start, b.End)
			case b.Start.Location() != time.UTC || b.End.Location() != time.UTC:
				t.Errorf("booking %v to %v is not in UTC", b.Start, b.End)
			case b.Organizer != "" || b.Private && b.Subject != "":
				t.Errorf("booking has subject %q and organizer %q", b.Subject, b.Organizer)
			case i > 0 && rd.Bookings[i-1].Compare(b) >= 0:
				t.Errorf("bookings %d and %d are not in order", i-1, i)
			}
		}
	})
}
