package mqtt

import (
	"context"
	"net"
	"net/url"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	mochi "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"

	"roomgate/bridge"
	"roomgate/bridge/mqtt/openbroker"
	"roomgate/driver"
)

// inProcess is a real broker that lives on pipes and can lose its clients.
type inProcess struct {
	server *mochi.Server
	conns  []net.Conn
}

func newInProcess(t *testing.T, messages chan<- received) *inProcess {
	server, err := openbroker.New()
	if err != nil {
		t.Fatal(err)
	}
	err = server.Subscribe("roomgate/#", 1, func(_ *mochi.Client, _ packets.Subscription, p packets.Packet) {
		messages <- received{p.TopicName, string(p.Payload), p.FixedHeader.Qos, p.FixedHeader.Retain}
	})
	if err != nil {
		t.Fatal(err)
	}
	return &inProcess{server: server}
}

func (b *inProcess) dial(context.Context, *url.URL) (net.Conn, error) {
	client, server := net.Pipe()
	b.conns = append(b.conns, server)
	go b.server.EstablishConnection("pipe", server)
	return client, nil
}

// An hour with a booking from minute 10 to minute 40, a heartbeat a minute, and
// a network that fails at minute 20 and half.
func TestAnHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		messages := make(chan received, 1000)
		broker := newInProcess(t, messages)
		if err := broker.server.Serve(); err != nil {
			t.Fatal(err)
		}
		board := bridge.New()
		put(board, roomA, driver.BoolValue(false))
		o := options(t, "mqtt://broker.example", board)
		o.Dial = broker.dial
		stop := start(t, o)
		synctest.Wait()
		var want []string
		want = append(want, "booked=false", "status=online")
		for minute := range 60 {
			board.Publish([]driver.Update{
				{Subject: roomA, At: time.Now(), Quality: driver.QualityGood, Values: []driver.Value{driver.BoolValue(minute >= 10 && minute < 40)}},
				{Subject: gateway, At: time.Now(), Quality: driver.QualityGood, Values: []driver.Value{driver.IntValue(minute)}},
			})
			if minute == 10 || minute == 40 {
				want = append(want, "booked="+strconv.FormatBool(minute == 10))
			}
			want = append(want, "heartbeat="+strconv.Itoa(minute))
			time.Sleep(30 * time.Second)
			if minute == 20 {
				broker.conns[0].Close()
				want = append(want, "status=offline", "booked=true", "status=online")
			}
			time.Sleep(30 * time.Second)
		}
		end(stop)
		want = append(want, "status=offline")
		broker.server.Close()
		synctest.Wait()
		close(messages)
		var got []string
		for m := range messages {
			name := m.topic[len("roomgate/hq/rooms/a/"):]
			if m.topic[:len("roomgate/hq/g")] == "roomgate/hq/g" {
				name = m.topic[len("roomgate/hq/gateway/"):]
			}
			got = append(got, name+"="+m.payload)
		}
		if !slices.Equal(got, want) {
			t.Errorf("messages of the hour:\n got %v\nwant %v", got, want)
		}
	})
}
