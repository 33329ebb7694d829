package gateway

import (
	"strings"

	"roomgate/bridge/mqtt"
	"roomgate/config"
	"roomgate/driver"
)

// Rooms are the rooms of a configuration.
func Rooms(cfg *config.Config) []driver.Room {
	rooms := make([]driver.Room, len(cfg.Rooms))
	for i, r := range cfg.Rooms {
		rooms[i] = driver.Room{ID: r.ID, Name: r.Name, Account: r.Account, Service: serviceOf(cfg, r.Account), Mailbox: r.Mailbox, Calendar: r.Calendar, Match: r.Match,
			Building: r.Building, Floor: r.Floor, Capacity: r.Capacity, Zone: cfg.Site.Timezone,
			Lead: r.Lead, Lag: r.Lag, Gap: r.Gap, Release: checked(driver.ParseRelease(r.Release)),
			MinOn: r.MinOn, MinOff: r.MinOff,
			Count: countingOf(r.Count), Rules: rulesOf(r.Rules), Privacy: checked(driver.ParsePrivacy(r.Privacy)), StaleAfter: r.StaleAfter,
			FailSafe: checked(driver.ParseFailSafe(r.FailSafe)), FailAfter: r.FailAfter, Weekly: weeklyOf(r.Week),
			SensorID: strings.TrimSpace(r.PresenceTopic + " " + r.PresencePath),
			Grace:    r.Grace, PresenceHold: r.Hold, PresenceTimeout: r.PresenceTimeout}
	}
	return rooms
}

// serviceOf identifies the servers that an account reads.
func serviceOf(cfg *config.Config, account string) string {
	for _, a := range cfg.Accounts {
		if a.Name == account {
			return strings.TrimSpace(a.Provider + " " + a.Settings.Abilities().Service)
		}
	}
	return ""
}

// checked returns the value of a word that config has checked. A test makes sure
// that every word which config allows has a value.
func checked[T any](value T, err error) T {
	if err != nil {
		panic("a checked configuration: " + err.Error())
	}
	return value
}

func countingOf(words []string) driver.Counting {
	var count []driver.ShowAs
	for _, w := range words {
		count = append(count, checked(driver.ParseShowAs(w)))
	}
	return driver.CountingOf(count...)
}

func rulesOf(rules []config.Rule) []driver.Rule {
	var out []driver.Rule
	for _, r := range rules {
		out = append(out, driver.Rule{Words: r.Subject, Comfort: r.Comfort})
	}
	return out
}

func weeklyOf(w config.Week) driver.Weekly {
	out := driver.Weekly{Exceptions: map[string][]driver.HoursRange{}}
	for i, stretches := range w.Days {
		out.Days[i] = stretchesOf(stretches)
	}
	for date, stretches := range w.Exceptions {
		out.Exceptions[date] = stretchesOf(stretches)
	}
	return out
}

func stretchesOf(stretches []config.HoursRange) []driver.HoursRange {
	var out []driver.HoursRange
	for _, s := range stretches {
		out = append(out, driver.HoursRange(s))
	}
	return out
}

// sensorsOf are the presence sensors of the rooms. Their reports go to receive.
func sensorsOf(cfg *config.Config, receive func(room string, p driver.Presence)) []mqtt.Sensor {
	var all []mqtt.Sensor
	for _, r := range cfg.Rooms {
		if r.PresenceTopic == "" {
			continue
		}
		all = append(all, mqtt.Sensor{Topic: r.PresenceTopic,
			Reading: mqtt.Reading{Path: r.PresencePath, Above: r.PresenceAbove, On: r.PresenceOn, Off: r.PresenceOff},
			Receive: func(p driver.Presence) { receive(r.ID, p) }})
	}
	return all
}

// siteOf is the building of a configuration.
func siteOf(cfg *config.Config) driver.Site {
	return driver.Site{ID: cfg.Site.ID, Name: cfg.Site.Name, Zone: cfg.Site.Timezone}
}
