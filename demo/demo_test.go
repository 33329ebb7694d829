package demo

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"roomgate/bridge"
	"roomgate/config"
	"roomgate/driver"
	"roomgate/graph/graphsim"
)

// 2026-01-16 is a Friday.
func TestStartOf(t *testing.T) {
	zone, err := time.LoadLocation("Europe/London")
	if err != nil {
		t.Fatal(err)
	}
	at := func(day, hour, minute int) time.Time { return time.Date(2026, 1, day, hour, minute, 0, 0, zone) }
	for _, tt := range []struct {
		now   time.Time
		speed float64
		want  time.Time
	}{
		{at(16, 15, 4), 60, at(16, 8, 50)},
		{at(17, 15, 4), 60, at(19, 8, 50)},
		{at(18, 0, 0), 1.5, at(19, 8, 50)},
		{at(18, 15, 4), 1, at(18, 15, 4)},
	} {
		if got := startOf(tt.now, tt.speed, zone); !got.Equal(tt.want) {
			t.Errorf("%v at speed %g: starts at %v, want %v", tt.now, tt.speed, got, tt.want)
		}
	}
}

// The configuration is one that the gateway takes, with a room for each of the
// office's.
func TestConfiguration(t *testing.T) {
	d := &demonstration{zone: time.UTC, simURL: "http://127.0.0.1:1", broker: &demoBroker{address: "127.0.0.1:1883"}, web: "127.0.0.1:8080"}
	cfg, err := config.Parse("roomgate.toml", []byte(d.configuration("/tmp/demo")), config.Env{})
	if err != nil {
		t.Fatal(err)
	}
	if len(cfg.Accounts) != 1 || cfg.Accounts[0].Name != account || len(cfg.Rooms) != len(graphsim.OfficeRooms()) {
		t.Errorf("accounts %+v, %d rooms", cfg.Accounts, len(cfg.Rooms))
	}
	if r := cfg.Rooms[0]; r.ID != "boardroom" || r.Name != "Boardroom" || r.PresenceTopic != "building/boardroom/presence" || r.Capacity != 16 {
		t.Errorf("the first room is %+v", r)
	}
	if cfg.Store.Path != "/tmp/demo/state/roomgate.db" {
		t.Errorf("the database is %s", cfg.Store.Path)
	}
}

// A broker that is stopped is not stopped again, starts once, and stays closed when the
// demonstration has ended.
func TestCutBroker(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	broker, err := newDemoBroker(address)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	d := &demonstration{o: Options{Out: &out}, broker: broker}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	cut := func(query string, wantCode int, wantWords string) {
		t.Helper()
		w := httptest.NewRecorder()
		d.cutBroker(ctx, w, httptest.NewRequest(http.MethodPost, "/demo/cut-broker?"+query, nil))
		if w.Code != wantCode || !strings.Contains(w.Body.String(), wantWords) {
			t.Errorf("%s: %d %q, want %d %q", query, w.Code, w.Body, wantCode, wantWords)
		}
	}
	cut("for=2h", http.StatusBadRequest, "up to a minute")
	cut("for=1m", http.StatusOK, "The broker is stopped for 1m0s")
	cut("for=1s", http.StatusConflict, "the broker is already stopped")
	d.startBroker(ctx)
	// Without a connection: this broker's library races if it is closed while it accepts one.
	if l, err := net.Listen("tcp", address); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("the broker does not listen again: %v, %v", l, err)
	}
	broker.close()
	cancel()
	d.startBroker(ctx)
	if broker.close() || out.Len() > 0 {
		t.Errorf("the broker was started after the end; printed %q", out.String())
	}
}

func TestBanner(t *testing.T) {
	for speed, want := range map[float64]bool{1: false, 60: true} {
		if got := strings.Contains(Banner(speed), "its clock runs fast"); got != want {
			t.Errorf("at speed %g the banner is %q", speed, Banner(speed))
		}
	}
}

func TestDescribe(t *testing.T) {
	room := func(point string, v driver.Value) bridge.Entry {
		return bridge.Entry{Subject: driver.Subject{Scope: driver.OfRoom, ID: "library"}, Index: driver.OfRoom.Index(point), Value: v}
	}
	account := func(point string, v driver.Value) bridge.Entry {
		return bridge.Entry{Subject: driver.Subject{Scope: driver.OfAccount, ID: "rooms"}, Index: driver.OfAccount.Index(point), Value: v}
	}
	c := changes{booked: map[string]bool{}, last: map[point]string{}}
	var got []string
	for _, e := range []bridge.Entry{
		room(driver.Booked, driver.BoolValue(false)), // at first that is not news
		room(driver.Booked, driver.BoolValue(true)),
		room(driver.Booked, driver.BoolValue(true)),
		room(driver.NoShow, driver.BoolValue(false)),
		room(driver.NoShow, driver.BoolValue(true)),
		room(driver.Booked, driver.Value{}),
		room(driver.Booked, driver.BoolValue(false)),
		room(driver.WalkIn, driver.BoolValue(true)),
		room(driver.Comfort, driver.BoolValue(true)),
		account(driver.AccountState, driver.EnumValue("ok")),
		account(driver.AccountState, driver.EnumValue("refreshing")),
		account(driver.AccountState, driver.EnumValue("ok")),
		account(driver.AccountReason, driver.TextValue("sign in again")),
		account(driver.AccountReason, driver.TextValue("")),
	} {
		if line := c.describe(e); line != "" {
			got = append(got, line)
		}
	}
	want := []string{"■ library is booked", "… nobody has come to library", "□ library is free", "+ somebody without a booking is in library",
		"  account rooms: ok", "  account rooms: sign in again"}
	if !slices.Equal(got, want) {
		t.Errorf("lines\n%q\nwant\n%q", got, want)
	}
}
