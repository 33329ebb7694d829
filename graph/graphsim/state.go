package graphsim

import (
	"slices"
	"time"
)

// state is the content of the control page and of /sim/state.
type state struct {
	Notice    string         `json:"notice"`
	Now       time.Time      `json:"now"`
	Polite    bool           `json:"polite"`
	Throttled bool           `json:"throttled"`
	Outage    bool           `json:"outage"`
	FailToken int            `json:"fail_token,omitempty"` // AADSTS code returned by the token endpoint
	SignIns   int            `json:"sign_ins"`             // that can be refreshed
	Counts    map[string]int `json:"counts"`
	Rooms     []roomState    `json:"rooms"`
	Requests  []Request      `json:"requests"` // newest first
}

type roomState struct {
	Room     string         `json:"room"`
	Address  string         `json:"address"`
	Bookings []bookingState `json:"bookings"`
}

type bookingState struct {
	ID        string    `json:"id"`
	Subject   string    `json:"subject"`
	Start     time.Time `json:"start"`
	End       time.Time `json:"end"`
	AllDay    bool      `json:"all_day,omitempty"`
	ShowAs    string    `json:"show_as"`
	Cancelled bool      `json:"cancelled,omitempty"`
	Running   bool      `json:"running,omitempty"`
}

// recentRequests is the number of requests on the page.
const recentRequests = 25

// state returns the state with the bookings of the current UTC day.
func (s *Sim) state(now time.Time) state {
	st := state{
		Notice: "This is a simulator, not Microsoft.", Now: now, Polite: s.behaviour.Polite, Counts: s.log.counts,
		Throttled: now.Before(s.behaviour.ThrottleUntil), Outage: now.Before(s.behaviour.OutageUntil), SignIns: s.activeSignIns(),
	}
	if s.issued.failTimes != 0 {
		st.FailToken = s.issued.failCode
	}
	for _, r := range s.rooms() {
		st.Rooms = append(st.Rooms, s.roomState(r, now))
	}
	st.Requests = slices.Clone(s.log.list[max(0, len(s.log.list)-recentRequests):])
	slices.Reverse(st.Requests)
	return st
}

func (s *Sim) roomState(r Room, now time.Time) roomState {
	day := date(now)
	rs := roomState{Room: r.Name, Address: r.Address, Bookings: []bookingState{}}
	for _, e := range s.sortedView(s.mailbox(r.Address), day, day.AddDate(0, 0, 1)) {
		start, end := e.span()
		if !end.After(day) {
			continue
		}
		rs.Bookings = append(rs.Bookings, bookingState{ID: e.ID, Subject: e.Subject, Start: start, End: end, AllDay: e.AllDay,
			ShowAs: orText(e.ShowAs, "busy"), Cancelled: e.Cancelled, Running: !e.Cancelled && !start.After(now) && end.After(now)})
	}
	return rs
}

func (s *Sim) activeSignIns() int {
	live := map[*signIn]bool{}
	for _, t := range s.issued.refresh {
		if !t.revoked && !t.signIn.revoked {
			live[t.signIn] = true
		}
	}
	return len(live)
}
