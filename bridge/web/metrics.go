package web

import (
	"net/http"
	"runtime"
	"time"

	"roomgate/driver"
)

// gauge is a point that is exposed as a number.
type gauge struct {
	index            int // in the catalogue of the scope
	name, kind, help string
}

var roomGauges = []gauge{
	{driver.Booked, "roomgate_room_booked", "gauge", "1 while a booking that counts is running."},
	{driver.Comfort, "roomgate_room_comfort", "gauge", "1 while the room is to be heated, cooled and ventilated for people."},
	{driver.Age, "roomgate_room_last_good_read_age_seconds", "gauge", "Time since the room's calendar was last read, taken at each full minute."},
}

var accountGauges = []gauge{
	{driver.Polls, "roomgate_account_polls_total", "counter", "Polls of the account's calendars since the start."},
	{driver.Throttled, "roomgate_account_throttled_total", "counter", "Requests that the service put off since the start."},
	{driver.AccessExpires, "roomgate_account_access_token_expires_timestamp_seconds", "gauge", "End of the access token in use."},
	{driver.LastRefresh, "roomgate_account_last_refresh_timestamp_seconds", "gauge", "Last refresh of the tokens."},
	{driver.LastPoll, "roomgate_account_last_poll_timestamp_seconds", "gauge", "End of the last poll of the calendars."},
	{driver.RefreshDaysLeft, "roomgate_account_refresh_days_left", "gauge", "Whole days until the refresh token would lapse unused."},
	{driver.SecretDaysLeft, "roomgate_account_secret_days_left", "gauge", "Whole days until the client secret expires; absent when its date is not configured."},
}

// metrics answers in Prometheus' text format. What is not known is absent, not
// zero. Nothing a calendar contains is exposed.
func (s *server) metrics(w http.ResponseWriter, _ *http.Request) {
	var e exposition
	e.family("roomgate_build_info", "gauge", "1; the labels tell the version.")
	e.sample(1, "version", s.Version, "goversion", runtime.Version())
	rooms := make([]subject, 0, len(s.Rooms))
	for _, room := range s.Rooms {
		rooms = append(rooms, subject{room.ID, s.points(driver.OfRoom, room.ID)})
	}
	e.gauges("room", rooms, roomGauges)
	e.states("roomgate_room_quality", "1 for the quality the room's points have.", "room", rooms, driver.OfRoom, driver.QualityPoint)
	var accounts []subject
	for _, a := range s.Board.Subjects(driver.OfAccount) {
		accounts = append(accounts, subject{a.ID, s.points(driver.OfAccount, a.ID)})
	}
	e.gauges("account", accounts, accountGauges)
	e.states("roomgate_account_state", "1 for the state the sign-in is in.", "account", accounts, driver.OfAccount, driver.AccountState)
	e.parts(s.parts())
	e.process(s.points(driver.OfGateway, "")[driver.Started])
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	w.Write(e.Bytes()) // a reader that has gone needs no answer
}

// subject is a room or an account with its points.
type subject struct {
	id     string
	points []driver.Value
}

func (e *exposition) gauges(label string, subjects []subject, gauges []gauge) {
	for _, g := range gauges {
		e.family(g.name, g.kind, g.help)
		for _, s := range subjects {
			if v := s.points[g.index]; !v.Nothing() {
				e.sample(number(v), label, s.id)
			}
		}
	}
}

// number is the value of a Bool, Int or Time; of a Time the epoch seconds.
func number(v driver.Value) float64 {
	switch {
	case v.Kind() == driver.Time:
		return float64(v.Time().UnixMilli()) / float64(time.Second/time.Millisecond)
	case v.Kind() == driver.Int:
		return float64(v.Int())
	case v.Bool():
		return 1
	}
	return 0
}

// states writes an Enum as one sample for each of its words, of which one is 1.
func (e *exposition) states(name, help, label string, subjects []subject, scope driver.Scope, index int) {
	point := driver.Catalogue(scope)[index]
	e.family(name, "gauge", help)
	for _, s := range subjects {
		for _, word := range point.Values {
			is := 0.0
			if s.points[index].Text() == word {
				is = 1
			}
			e.sample(is, label, s.id, point.Name, word)
		}
	}
}
