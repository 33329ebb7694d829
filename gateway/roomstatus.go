package gateway

import (
	"encoding/json"
	"fmt"
	"time"

	"roomgate/driver"
)

// RoomStatus is a room as the commands see it, out of the page's JSON. What is
// not known is nil.
type RoomStatus struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Quality string `json:"quality"`
	Fault   string `json:"fault"`
	Points  struct {
		Booked    *bool      `json:"booked"`
		Comfort   *bool      `json:"comfort"`
		Subject   *string    `json:"current_subject"`
		End       *time.Time `json:"current_end"`
		NextStart *time.Time `json:"next_start"`
		NextEnd   *time.Time `json:"next_end"`
		FreeUntil *time.Time `json:"free_until"`
		Age       *int       `json:"age"`
	} `json:"points"`
}

// ReadRooms reads the document that [Client.Rooms] returns.
func ReadRooms(doc json.RawMessage) ([]RoomStatus, error) {
	var all struct{ Rooms []RoomStatus }
	if err := json.Unmarshal(doc, &all); err != nil {
		return nil, fmt.Errorf("reading the rooms: %w", err)
	}
	return all.Rooms, nil
}

// Now is the current state of the room for display, with times in the site's zone.
// That of a room whose quality is fault is marked as the last one that was known.
func (r RoomStatus) Now(zone *time.Location) string {
	switch {
	case r.Points.Booked == nil:
		return "not known"
	case r.Quality == driver.QualityFault.String():
		return "last known: " + r.state(zone)
	}
	return r.state(zone)
}

// state is what the points say, which are known.
func (r RoomStatus) state(zone *time.Location) string {
	p := r.Points
	switch {
	case *p.Booked && p.Subject != nil:
		return "booked until " + clockTime(p.End, zone) + " (" + OneLine(*p.Subject) + ")"
	case *p.Booked:
		return "booked until " + clockTime(p.End, zone)
	}
	return "free until " + clockTime(p.FreeUntil, zone)
}

// Next is when the next booking starts and ends, in the site's zone; "-": none is
// known.
func (r RoomStatus) Next(zone *time.Location) string {
	if r.Points.NextStart == nil {
		return "-"
	}
	return clockTime(r.Points.NextStart, zone) + " to " + clockTime(r.Points.NextEnd, zone)
}

func clockTime(t *time.Time, zone *time.Location) string {
	if t == nil {
		return "-"
	}
	return t.In(zone).Format("Mon 15:04")
}

// WithoutCounters returns the document of [Client.Rooms] without the points that change all the time,
// those with a unit: ages and minutes.
func WithoutCounters(doc json.RawMessage) ([]byte, error) {
	var all struct{ Rooms []map[string]any }
	if err := json.Unmarshal(doc, &all); err != nil {
		return nil, fmt.Errorf("reading the rooms: %w", err)
	}
	for _, room := range all.Rooms {
		points, _ := room["points"].(map[string]any)
		for _, p := range driver.Catalogue(driver.OfRoom) {
			if p.Unit != "" {
				delete(points, p.Name)
			}
		}
	}
	return json.Marshal(all)
}
