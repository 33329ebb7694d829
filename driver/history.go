package driver

import (
	"time"
)

// Day is what is kept of a room's day.
type Day struct {
	Room           string `json:"room"`
	Date           string `json:"date"` // in the site's zone, as in "2026-01-14"
	BookedMinutes  int    `json:"booked_minutes"`
	UsedMinutes    int    `json:"used_minutes"` // somebody was there, booked or not
	NoShows        int    `json:"no_shows"`
	WalkIns        int    `json:"walk_ins"`
	EarlyLeaves    int    `json:"early_leaves"`
	Overruns       int    `json:"overruns"`
	ComfortMinutes int    `json:"comfort_minutes"`
	SensorMinutes  int    `json:"sensor_minutes"` // the sensor was trusted
}

// History keeps the days of rooms. A day that is appended again takes the place
// of the first.
type History interface {
	Append(days []Day) error
}

// of makes the figures a room's day.
func (f Figures) of(room Room) Day {
	return Day{Room: room.ID, Date: f.From.In(room.Zone).Format(time.DateOnly),
		BookedMinutes: int(f.Booked / time.Minute), UsedMinutes: int(f.Used / time.Minute),
		NoShows: len(f.NoShows), WalkIns: f.WalkIns, EarlyLeaves: f.EarlyLeaves, Overruns: f.Overruns,
		ComfortMinutes: int(f.Comfort / time.Minute), SensorMinutes: int(f.Sensor / time.Minute)}
}
