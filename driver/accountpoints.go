package driver

import (
	"slices"
	"time"
)

// accountRow is one point of an account and how its value follows from the facts.
type accountRow struct {
	Point
	value   func(*accountFacts) Value
	summary bool // it is part of the gateway's state, where there is something to say
}

// accountRows are in the order in which they are published.
var accountRows = []accountRow{
	{Point: Point{Name: AccountState, Kind: Enum, Values: slices.Concat(sessionWords[SignedIn:], sessionWords[:SignedIn]),
		Description: "state of the sign-in", Tags: []string{"point"}, Brick: "Status", HA: "sensor", BACnet: "multi-state-value",
		Metric: Metric{Name: "state", Help: "1 for the state of the sign-in."}},
		value: func(a *accountFacts) Value { return EnumValue(a.status.State.String()) }, summary: true},
	{Point: Point{Name: AccountReason, Kind: Text, Description: "why the sign-in is not ok and what to do; or why the calendars are not swept for changes",
		Tags: []string{"point"}, Brick: "Point", HA: "sensor", BACnet: "characterstring-value"},
		value: func(a *accountFacts) Value { return TextValue(a.reason()) }, summary: true},
	{Point: Point{Name: AccessExpires, Kind: Time, Description: "end of the access token in use",
		Tags: []string{"point"}, Brick: "Point", HA: "sensor", BACnet: "datetime-value",
		Metric: Metric{Name: "access_token_expires_timestamp_seconds", Help: "End of the access token in use."}},
		value: func(a *accountFacts) Value { return TimeValue(a.status.AccessExpires) }},
	{Point: Point{Name: RefreshDaysLeft, Kind: Int, Unit: "d", Description: "whole days until an unused refresh token expires",
		Tags: []string{"point"}, Brick: "Point", HA: "sensor", BACnet: "positive-integer-value",
		Metric: Metric{Name: "refresh_days_left", Help: "Whole days until an unused refresh token expires."}},
		value: func(a *accountFacts) Value { return a.daysTo(a.status.RefreshLapses) }},
	{Point: Point{Name: SecretDaysLeft, Kind: Int, Unit: "d", Description: "whole days until the client secret expires; 65535 when its date is not configured",
		Tags: []string{"point"}, Brick: "Point", HA: "sensor", BACnet: "positive-integer-value",
		Metric: Metric{Name: "secret_days_left", Help: "Whole days until the client secret expires; absent when its date is not configured."}},
		value: func(a *accountFacts) Value { return a.daysTo(a.status.SecretExpires) }},
	{Point: Point{Name: LastRefresh, Kind: Time, Description: "last refresh of the tokens",
		Tags: []string{"point"}, Brick: "Point", HA: "sensor", BACnet: "datetime-value",
		Metric: Metric{Name: "last_refresh_timestamp_seconds", Help: "Last refresh of the tokens."}},
		value: func(a *accountFacts) Value { return TimeValue(a.status.LastRefresh) }},
	{Point: Point{Name: LastPoll, Kind: Time, Description: "end of the last poll of the calendars",
		Tags: []string{"point"}, Brick: "Point", HA: "sensor", BACnet: "datetime-value",
		Metric: Metric{Name: "last_poll_timestamp_seconds", Help: "End of the last poll of the calendars."}},
		value: func(a *accountFacts) Value { return TimeValue(a.work.lastPoll) }},
	{Point: Point{Name: Polls, Kind: Int, Description: "polls since the start of the gateway",
		Tags: []string{"point"}, Brick: "Point", HA: "sensor", BACnet: "positive-integer-value",
		Metric: Metric{Name: "polls_total", Help: "Polls of the account's calendars since the start.", Counter: true}},
		value: func(a *accountFacts) Value { return IntValue(a.work.polls) }},
	{Point: Point{Name: Throttled, Kind: Int, Description: "requests that the service throttled since the start of the gateway",
		Tags: []string{"point"}, Brick: "Point", HA: "sensor", BACnet: "positive-integer-value",
		Metric: Metric{Name: "throttled_total", Help: "Requests that the service throttled since the start.", Counter: true}},
		value: func(a *accountFacts) Value { return IntValue(a.work.throttled) }},
}

var accountPoints = pointsOf(accountRows)

// accountFacts is the state of an account at one instant.
type accountFacts struct {
	status SessionStatus
	work   accountWork
	next   earliest // when a point next changes without an event
}

// fill writes the account's points into values and returns the instant at which
// they next change through the passage of time; zero: they do not.
func (a *accountFacts) fill(values []Value) time.Time {
	for i, row := range accountRows {
		values[i] = row.value(a)
	}
	return a.next.at
}

// reason says what is wrong with the account and what to do; the sign-in comes
// first.
func (a *accountFacts) reason() string {
	switch s := &a.status; {
	case s.Reason != "" && s.Action != "":
		return s.Reason + "; " + s.Action
	case s.Reason+s.Action != "":
		return s.Reason + s.Action
	}
	return a.work.sweepProblem
}

// daysTo is DaysLeft until t.
func (a *accountFacts) daysTo(t time.Time) Value {
	if t.IsZero() {
		return NoInt(NotForeseen)
	}
	days := DaysLeft(t, a.next.now)
	if !t.Before(a.next.now) {
		a.next.add(t.Add(-time.Duration(days)*24*time.Hour + time.Nanosecond))
	}
	return IntValue(days)
}

// DaysLeft counts the whole days of 24 hours from now until end: 0 on the last day and
// once it has passed.
func DaysLeft(end, now time.Time) int { return max(0, int(end.Sub(now)/(24*time.Hour))) }

// summary renders, for the gateway's state, the account that has the values.
func summary(values []Value) Value {
	doc := newObject(128)
	for i, row := range accountRows {
		if row.summary && !values[i].Nothing() {
			doc.add(row.Name, values[i])
		}
	}
	return doc.value()
}
