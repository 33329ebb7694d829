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
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		var p page
		if err := json.Unmarshal(text, &p); err != nil {
			b.Fatal(err)
		}
		if rd := admit(fullRoom, p.Value, winFrom, winFrom.AddDate(0, 0, 7)); len(rd.Bookings) != 200 {
			b.Fatalf("%d bookings", len(rd.Bookings))
		}
	}
}

// canned answers every batch with the same page for each of its twenty parts.
func canned(page string) roundTrip {
	var parts []string
	for i := range batchSize {
		parts = append(parts, fmt.Sprintf(`{"id":"%d","status":200,"headers":{"Content-Type":"application/json"},"body":%s}`, i, page))
	}
	envelope := `{"responses":[` + strings.Join(parts, ",") + `]}`
	return func(*http.Request) (*http.Response, error) { return reply(http.StatusOK, envelope) }
}

// BenchmarkPoll1000 is one poll of 1,000 room mailboxes with 8 bookings a day
// over the six days that are asked for: the first, and one that finds the
// calendars unchanged.
func BenchmarkPoll1000(b *testing.B) {
	client, err := NewClient(ClientOptions{BaseURL: "https://graph.test", Tokens: oneToken(), HTTP: &http.Client{Transport: canned(pageOf(48))}, UserAgent: "roomgate",
		Clock: wall{}, Jitter: func(time.Duration) time.Duration { return 0 }, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	rooms := manyRooms(1000)
	byID := map[string][]driver.Room{}
	for i := range rooms {
		byID[rooms[i].ID] = rooms[i : i+1]
	}
	poll := func(c *Calendar, last lastReadings, want int) {
		n := 0
		t := c.Fetch(b.Context(), rooms, winFrom, winFrom.AddDate(0, 0, 4), counting{last, byID, &n})
		if n != want {
			b.Fatalf("%d bookings, want %d", n, want)
		}
		b.SetBytes(t.Bytes)
	}
	b.Run("first", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			poll(NewCalendar(client, CalendarOptions{Read: ByView}), lastReadings{}, 48000)
		}
	})
	b.Run("unchanged", func(b *testing.B) {
		b.ReportAllocs()
		c, last := NewCalendar(client, CalendarOptions{Read: ByView}), lastReadings{}
		poll(c, last, 48000)
		for b.Loop() {
			poll(c, last, 0)
		}
	})
}

// counting is a driver.Receiver that admits events, as the driver does, and
// counts their bookings.
type counting struct {
	lastReadings
	rooms    map[string][]driver.Room // by id
	bookings *int
}

func (c counting) Deliver(r driver.Reading) {
	c.lastReadings.Deliver(r)
	*c.bookings += len(admitted(r, c.rooms[r.Room], winFrom, winFrom.AddDate(0, 0, 4)).Bookings)
}
