package graph

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"roomgate/driver"
)

// pageOf is a page of n events of half an hour, as asked for of a room that may
// show subject and organizer.
func pageOf(n int) string {
	const text = `{"@odata.etag":"W/\"kq3TzX0b70+o2vUwAAD9Qg==\"","id":"AAkALgAAAAAAHYQDEapmEc2byACqAC-EWg0A%04d","changeKey":"kq3TzX0b70+o2vUwAAD9Qg==",` +
		`"subject":"Priya Rao","sensitivity":"normal","isAllDay":false,"isCancelled":false,"showAs":"busy","type":"singleInstance","responseStatus":{"response":"accepted","time":"2026-10-20T08:01:04.1Z"},` +
		`"start":{"dateTime":"%s.0000000","timeZone":"UTC"},"end":{"dateTime":"%s.0000000","timeZone":"UTC"},` +
		`"location":{"displayName":"Room 3A","locationType":"default","uniqueId":"Room 3A","uniqueIdType":"private"},` +
		`"locations":[{"displayName":"Room 3A","locationType":"conferenceRoom","locationEmailAddress":"room-3a@contoso.example"}],` +
		`"attendees":[{"type":"required","status":{"response":"none","time":"0001-01-01T00:00:00Z"},"emailAddress":{"name":"Ben Okafor","address":"ben@contoso.example"}},` +
		`{"type":"resource","status":{"response":"accepted","time":"2026-10-20T08:01:04Z"},"emailAddress":{"name":"Room 3A","address":"room-3a@contoso.example"}}],` +
		`"organizer":{"emailAddress":{"name":"Priya Rao","address":"priya@contoso.example"}}}`
	var rows []string
	for i := range n {
		start := winFrom.Add(time.Duration(i) * 30 * time.Minute)
		rows = append(rows, fmt.Sprintf(text, i, start.Format("2006-01-02T15:04:05"), start.Add(30*time.Minute).Format("2006-01-02T15:04:05")))
	}
	return `{"@odata.context":"https://graph.microsoft.com/v1.0/$metadata#users('room-3a%40contoso.example')/events","value":[` + strings.Join(rows, ",") + `]}`
}

func BenchmarkDecodeEvents(b *testing.B) {
	text := []byte(pageOf(200))
	s := source{mailbox: fullRoom.Mailbox, rooms: []driver.Room{fullRoom}}
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		var p page
		if err := json.Unmarshal(text, &p); err != nil {
			b.Fatal(err)
		}
		if rd := s.reading(fullRoom, p.Value, nil, winFrom, winFrom.AddDate(0, 0, 7)); len(rd.Bookings) != 200 {
			b.Fatalf("%d bookings", len(rd.Bookings))
		}
	}
}

// canned answers like a service without a network.
type canned string

func (c canned) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.Contains(r.URL.RawQuery, "seriesMaster") {
		return reply(http.StatusOK, noEvents)
	}
	return reply(http.StatusOK, string(c))
}

// BenchmarkFetch1000 is one poll of 1,000 room mailboxes with 8 bookings a day
// over the four days that are read.
func BenchmarkFetch1000(b *testing.B) {
	client, err := NewClient(Options{BaseURL: "https://graph.test", Tokens: oneToken(), HTTP: &http.Client{Transport: canned(pageOf(32))}, UserAgent: "roomgate",
		Clock: wall{}, Jitter: func(time.Duration) time.Duration { return 0 }, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	rooms := make([]driver.Room, 1000)
	for i := range rooms {
		rooms[i] = mailboxRoom(fmt.Sprint("room-", i))
	}
	c := NewCalendar(client, CalendarOptions{Read: ByEvents})
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		c.Fetch(b.Context(), rooms, winFrom, winFrom.AddDate(0, 0, 4), func(r driver.Reading) { n += len(r.Bookings) })
		if n != 32000 {
			b.Fatalf("%d bookings, want 32,000", n)
		}
	}
}
