package mqtt

import (
	"fmt"
	"slices"
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
		values := make([]driver.Value, driver.FreeUntil+1)
		values[driver.Booked] = driver.BoolValue(booked)
		values[driver.Comfort] = driver.BoolValue(booked)
		values[driver.CurrentSubject] = driver.TextValue(text)
		values[driver.CurrentAttendees] = driver.IntValue(minutes)
		values[driver.MinutesRemaining] = driver.IntValue(minutes)
		values[driver.MinutesUntilNext] = driver.IntValue(60 - minutes)
		values[driver.NextSubject] = driver.TextValue("Daily" + text)
		updates[i] = update(driver.Subject{Scope: driver.OfRoom, ID: fmt.Sprint("room-", i)}, values...)
	}
	return updates
}
