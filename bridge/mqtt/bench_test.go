package mqtt

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"roomgate/bridge"
	"roomgate/driver"
)

// BenchmarkBoardToBroker lets a thousand rooms become booked or free in the same
// instant. It reports how long after it a subscriber of a real broker has been
// told of a room, and the time until all points of all rooms are told.
func BenchmarkBoardToBroker(b *testing.B) {
	broker := startMosquitto(b, anybody)
	messages := subscribe(b, "tcp://"+broker.addr)
	board := bridge.New()
	board.Publish(flip(false))
	start(b, options(b, "mqtt://"+broker.addr, board))
	for m := range messages {
		if m.topic == "roomgate/hq/gateway/status" {
			break
		}
	}
	var took []time.Duration
	booked := false
	for b.Loop() {
		booked = !booked
		updates := flip(booked)
		began := time.Now()
		board.Publish(updates)
		for range len(updates) * flipped {
			if m := <-messages; strings.HasSuffix(m.topic, "/booked") {
				took = append(took, time.Since(began))
			}
		}
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
}

// flipped is how many points of a room change in flip.
const flipped = 7

// flip is a thousand rooms at the start or the end of a booking.
func flip(booked bool) []driver.Update {
	updates := make([]driver.Update, 1000)
	minutes := 0
	text := ""
	if booked {
		minutes, text = 60, "Weekly"
	}
	for i := range updates {
		values := make([]driver.Value, driver.OfRoom.Index(driver.FreeUntil)+1)
		values[driver.OfRoom.Index(driver.Booked)] = driver.BoolValue(booked)
		values[driver.OfRoom.Index(driver.Comfort)] = driver.BoolValue(booked)
		values[driver.OfRoom.Index(driver.CurrentSubject)] = driver.TextValue(text)
		values[driver.OfRoom.Index(driver.CurrentAttendees)] = driver.IntValue(minutes)
		values[driver.OfRoom.Index(driver.MinutesRemaining)] = driver.IntValue(minutes)
		values[driver.OfRoom.Index(driver.MinutesUntilNext)] = driver.IntValue(60 - minutes)
		values[driver.OfRoom.Index(driver.NextSubject)] = driver.TextValue("Daily" + text)
		updates[i] = update(driver.Subject{Scope: driver.OfRoom, ID: fmt.Sprint("room-", i)}, values...)
	}
	return updates
}

// BenchmarkBoundary lets bookings of all rooms begin, or end, at the same instant,
// and reports how long after it a subscriber to everything, mosquitto_sub, is told
// `booked`: through the driver's clock and rules, the board, the sink and a broker.
func BenchmarkBoundary(b *testing.B) {
	for _, rooms := range []int{100, 1000} {
		b.Run(fmt.Sprintf("rooms=%d", rooms), func(b *testing.B) {
			broker := startMosquitto(b, anybody)
			told := listen(b, broker.addr)
			board := bridge.New()
			first := time.Now().Truncate(time.Second).Add(4 * time.Second)
			drive(b, board, rooms, first)
			start(b, options(b, "mqtt://"+broker.addr, board))
			var took []time.Duration
			for edge := first; b.Loop(); edge = edge.Add(everyEdge) {
				for n := 0; n < rooms; {
					if at := <-told; !at.Before(edge) {
						took = append(took, at.Sub(edge))
						n++
					}
				}
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
			b.ReportMetric(float64(took[len(took)-1].Microseconds())/1000, "max-ms")
		})
	}
}

// listen has mosquitto_sub subscribe to everything, and tells when it heard of
// each `booked`.
func listen(b *testing.B, broker string) <-chan time.Time {
	host, port, _ := net.SplitHostPort(broker)
	c := exec.Command("mosquitto_sub", "-h", host, "-p", port, "-t", "roomgate/#", "-q", "1", "-F", "%U %t")
	out, err := c.StdoutPipe()
	if err := errors.Join(err, c.Start()); err != nil {
		b.Fatalf("mosquitto_sub, of mosquitto-clients: %v", err)
	}
	b.Cleanup(func() { _ = c.Process.Kill(); _ = c.Wait() })
	heard := make(chan time.Time, 100_000)
	go func() {
		for lines := bufio.NewScanner(out); lines.Scan(); {
			at, topic, _ := strings.Cut(lines.Text(), " ")
			if seconds, nanos, _ := strings.Cut(at, "."); strings.HasSuffix(topic, "/booked") {
				s, _ := strconv.ParseInt(seconds, 10, 64)
				n, _ := strconv.ParseInt(nanos, 10, 64)
				heard <- time.Unix(s, n)
			}
		}
	}()
	return heard
}

// everyEdge is the time between the edges of busy rooms.
const everyEdge = 2 * time.Second

// drive runs a driver of rooms that are booked every other everyEdge from first.
func drive(b *testing.B, board *bridge.Board, rooms int, first time.Time) {
	o := driver.Options{Site: driver.Site{ID: "hq", Zone: time.UTC}, Publisher: board, Memory: forgetful{}, Clock: driver.WallClock{},
		Jitter: func(time.Duration) time.Duration { return 0 }, Log: slog.New(slog.DiscardHandler)}
	var busy rhythm
	for i := range 20 { // a busy room, and edges enough
		start := first.UTC().Add(time.Duration(2*i) * everyEdge)
		busy = append(busy, driver.Event{ID: fmt.Sprint(i), Start: start, End: start.Add(everyEdge), ShowAs: driver.Busy, Subject: "Weekly", Organizer: "Priya Rao"})
	}
	for i := range rooms {
		o.Rooms = append(o.Rooms, driver.Room{ID: fmt.Sprintf("room-%d", i), Account: "a", Zone: time.UTC, Count: driver.CountingOf(driver.Busy),
			Lead: 20 * time.Minute, Gap: 15 * time.Minute, StaleAfter: time.Hour, FailAfter: 4 * time.Hour, Privacy: driver.PrivacySubject})
	}
	o.Accounts = []driver.Account{{Name: "a", Provider: busy, Poll: hourly{}}}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- driver.New(o).Run(ctx) }()
	b.Cleanup(func() { cancel(); <-done })
}

// rhythm is a driver.Provider that has the same events for every room.
type rhythm []driver.Event

func (rhythm) Service() string { return "Contoso Calendar" }

func (c rhythm) Fetch(_ context.Context, rooms []driver.Room, from, to time.Time, r driver.Receiver) (t driver.Tally) {
	for _, room := range rooms {
		r.Deliver(driver.Reading{Room: room.ID, Events: c})
	}
	return t
}

type hourly struct{}

func (hourly) Next(t time.Time) time.Time { return t.Truncate(time.Hour).Add(time.Hour) }

// forgetful is a driver.Memory that keeps nothing.
type forgetful struct{}

func (forgetful) Get(string) ([]byte, error)  { return nil, fs.ErrNotExist }
func (forgetful) Put(map[string][]byte) error { return nil }
func (forgetful) Delete(...string) error      { return nil }
