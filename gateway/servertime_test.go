package gateway

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"roomgate/driver"
)

// transportFunc is an http.RoundTripper.
type transportFunc func(*http.Request) (*http.Response, error)

func (f transportFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// The time of a server is in answers that the server wrote, of every kind of service.
func TestServerTimeOfAnswers(t *testing.T) {
	const date = "Mon, 02 Nov 2026 08:00:00 GMT"
	for _, tt := range []struct {
		name    string
		status  int
		headers []string // name, value
		want    bool
	}{
		{"JSON", 200, []string{"Date", date, "Content-Type", "application/json"}, true},
		{"a calendar", 200, []string{"Date", date, "Content-Type", "text/calendar; charset=utf-8"}, true},
		{"a calendar that has not changed", 304, []string{"Date", date}, true},
		{"accepted, without content", 202, []string{"Date", date}, true},
		{"fresh from a cache", 200, []string{"Date", date, "Age", "0"}, true},
		{"the old form of a date (RFC 850)", 200, []string{"Date", "Monday, 02-Nov-26 08:00:00 GMT"}, true},
		{"from a cache", 200, []string{"Date", date, "Age", "3600", "Content-Type", "text/calendar"}, false},
		{"a sign-in that a service or a proxy refuses", 401, []string{"Date", date, "Content-Type", "application/json"}, false},
		{"a request that either finds wrong", 400, []string{"Date", date, "Content-Type", "application/json"}, false},
		{"an address that either blocks", 403, []string{"Date", date, "Content-Type", "application/json"}, false},
		{"asked by either to slow down", 429, []string{"Date", date, "Content-Type", "application/json"}, false},
		{"a proxy without a connection", 502, []string{"Date", date, "Content-Type", "application/json"}, false},
		{"a proxy wants a password", 407, []string{"Date", date}, false},
		{"the sign-in page of a network", 200, []string{"Date", date, "Content-Type", "text/html; charset=utf-8"}, false},
		{"the way to that page", 302, []string{"Date", date, "Location", "http://portal.example/"}, false},
		{"no date", 200, nil, false},
		{"not a date", 200, []string{"Date", "yesterday"}, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			var got []driver.ServerTime
			answer := func(r *http.Request) (*http.Response, error) {
				time.Sleep(3 * time.Second)
				resp := &http.Response{StatusCode: tt.status, Header: http.Header{}, Body: http.NoBody, Request: r}
				for i := 0; i < len(tt.headers); i += 2 {
					resp.Header.Set(tt.headers[i], tt.headers[i+1])
				}
				return resp, nil
			}
			elapsed := driver.WallClock{}.Stopwatch()
			time.Sleep(10 * time.Second)
			client := &http.Client{Transport: timedTransport{transportFunc(answer), elapsed, func(s driver.ServerTime) { got = append(got, s) }},
				CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
			resp, err := client.Get("https://calendar.example/rooms")
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if !tt.want {
				if len(got) != 0 {
					t.Errorf("%s: %+v", tt.name, got)
				}
				return
			}
			want := driver.ServerTime{Server: "calendar.example", Date: time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC), Sent: 10 * time.Second, Received: 13 * time.Second}
			if len(got) != 1 || !got[0].Date.Equal(want.Date) || got[0].Server != want.Server || got[0].Sent != want.Sent || got[0].Received != want.Received {
				t.Errorf("%s: %+v, want %+v", tt.name, got, want)
			}
		})
	}
}

// idle counts calls of CloseIdleConnections.
type idle struct {
	transportFunc
	closed int
}

func (i *idle) CloseIdleConnections() { i.closed++ }

// A provider that closes idle connections reaches those of the network.
func TestIdleConnectionsAreClosed(t *testing.T) {
	next := &idle{}
	client := &http.Client{Transport: timedTransport{next: next}}
	client.CloseIdleConnections()
	if next.closed != 1 {
		t.Errorf("closed %d times", next.closed)
	}
}

// clockIsReported checks what the gateway says about a clock that is wrong by the
// given time: on the page, in the point, and not at all below 30 s.
func (b *building) clockIsReported(wrong time.Duration) {
	b.t.Helper()
	h, reported := b.g.board.Health()["clock"]
	if want := wrong.Abs() > 30*time.Second; reported != want || reported && (h.OK || !strings.Contains(h.Words, "timedatectl set-ntp true")) {
		b.t.Errorf("wrong by %s, and the page shows %t %+v", wrong, reported, h)
	}
	got := time.Duration(b.point(driver.Subject{Scope: driver.OfGateway}, driver.ClockOffset).Int()) * time.Second
	if (got - wrong).Abs() > 2*time.Second {
		b.t.Errorf("wrong by %s, and clock_offset is %s", wrong, got)
	}
}
