package web

import (
	"strings"
	"testing"
	"time"

	"roomgate/driver"
)

func TestRoomInWords(t *testing.T) {
	at := func(d time.Duration) driver.Value { return driver.TimeValue(noon.Add(d)) }
	const hour = time.Hour
	for _, c := range []struct {
		name   string
		points points
		want   string
	}{
		{"nothing published", points{}, "Boardroom 12 seats Not known The room has not been published yet. Quality unknown"},
		{"free until a booking", free(), "Boardroom 12 seats Free until 13:30 Next 13:30–14:00 Quality good"},
		{"free, nothing in sight", with(points{driver.FreeUntil: at(84 * hour)}),
			"Boardroom 12 seats Free Nothing booked in the days ahead Quality good"},
		{"free until tomorrow", with(points{driver.FreeUntil: at(21 * hour), driver.NextStart: at(21 * hour), driver.NextEnd: at(22 * hour)}),
			"Boardroom 12 seats Free until Tue 24 Nov 09:00 Next Tue 24 Nov 09:00–10:00 Quality good"},
		{"next goes over midnight", with(points{driver.FreeUntil: at(10 * hour), driver.NextStart: at(10 * hour), driver.NextEnd: at(14 * hour)}),
			"Boardroom 12 seats Free until 22:00 Next 22:00–Tue 24 Nov 02:00 Quality good"},
		{"comfort ahead of a booking", with(points{driver.Comfort: driver.BoolValue(true), driver.FreeUntil: at(hour / 4), driver.NextStart: at(hour / 4),
			driver.NextEnd: at(hour), driver.NextSubject: driver.TextValue("Budget"), driver.NextOrganizer: driver.TextValue("Grace Hopper")}),
			"Boardroom 12 seats Free until 12:15 Next 12:15–13:00 Budget · Grace Hopper Quality good · comfort on"},
		{"booked", booked(""), "Boardroom 12 seats Booked until 12:45 Nothing else booked in the days ahead Quality good"},
		{"people without a booking", with(points{driver.SensorPoint: driver.EnumValue("good"), driver.Occupied: driver.BoolValue(true),
			driver.WalkIn: driver.BoolValue(true), driver.NoShow: driver.BoolValue(false), driver.ModePoint: driver.EnumValue("bypass")}),
			"Boardroom 12 seats Free Somebody is there without a booking Nothing booked in the days ahead Quality good · mode bypass"},
		{"people who have just left", with(points{driver.SensorPoint: driver.EnumValue("good"), driver.Occupied: driver.BoolValue(false),
			driver.WalkIn: driver.BoolValue(true), driver.NoShow: driver.BoolValue(false), driver.ModePoint: driver.EnumValue("bypass")}),
			"Boardroom 12 seats Free Nobody is there Nothing booked in the days ahead Quality good · mode bypass"},
		{"no-show", with(booked(""), points{driver.SensorPoint: driver.EnumValue("good"), driver.Occupied: driver.BoolValue(false),
			driver.NoShow: driver.BoolValue(true), driver.ModePoint: driver.EnumValue("standby"), driver.Comfort: driver.BoolValue(true)}),
			"Boardroom 12 seats Booked until 12:45 Nobody has come Nothing else booked in the days ahead Quality good · mode standby · comfort on"},
		{"people at their meeting", with(booked(""), points{driver.SensorPoint: driver.EnumValue("good"), driver.Occupied: driver.BoolValue(true),
			driver.NoShow: driver.BoolValue(false), driver.ModePoint: driver.EnumValue("occupied")}),
			"Boardroom 12 seats Booked until 12:45 Somebody is there Nothing else booked in the days ahead Quality good · mode occupied"},
		{"a silent sensor", with(points{driver.SensorPoint: driver.EnumValue("silent"), driver.Occupied: driver.BoolValue(false), driver.ModePoint: driver.EnumValue("unoccupied")}),
			"Boardroom 12 seats Free The presence sensor is silent, or reports neither presence nor absence Nothing booked in the days ahead Quality good · mode unoccupied"},
		{"no sensor", with(points{driver.SensorPoint: driver.EnumValue("none"), driver.Occupied: driver.BoolValue(false), driver.ModePoint: driver.EnumValue("unoccupied")}),
			"Boardroom 12 seats Free Nothing booked in the days ahead Quality good · mode unoccupied"},
		{"booked until midnight", with(points{driver.Booked: driver.BoolValue(true), driver.CurrentStart: at(-hour), driver.CurrentEnd: at(12 * hour),
			driver.CurrentOrganizer: driver.TextValue("Grace Hopper")}),
			"Boardroom 12 seats Booked until midnight Grace Hopper Nothing else booked in the days ahead Quality good"},
		{"stale is shown with its reason", with(points{driver.QualityPoint: driver.EnumValue("stale"), driver.Fault: driver.TextValue("last read an hour ago")}),
			"Boardroom 12 seats Free Nothing booked in the days ahead Last read an hour ago. Quality stale"},
		{"in a fault the last known state stays, marked", points{driver.QualityPoint: driver.EnumValue("fault"), driver.Availability: driver.EnumValue("offline"),
			driver.Booked: driver.BoolValue(true), driver.CurrentEnd: at(hour), driver.CurrentStart: at(-hour), driver.Fault: driver.TextValue("no such mailbox; check the address")},
			"Boardroom 12 seats Not known Last known: booked until 13:00 Nothing else booked in the days ahead No such mailbox; check the address. Quality fault"},
		{"in a fault nothing is said to be free", with(points{driver.QualityPoint: driver.EnumValue("fault"), driver.Availability: driver.EnumValue("offline"),
			driver.FreeUntil: at(hour), driver.NextStart: at(hour), driver.NextEnd: at(2 * hour), driver.NextSubject: driver.TextValue("Budget"),
			driver.ModePoint: driver.EnumValue("unoccupied"), driver.Fault: driver.TextValue("the sign-in was revoked")}),
			"Boardroom 12 seats Not known Last known: no booking until 13:00 Next 13:00–14:00 Budget The sign-in was revoked. Quality fault · mode unoccupied"},
		{"in a fault after the known bookings nothing is known", points{driver.QualityPoint: driver.EnumValue("fault"), driver.Availability: driver.EnumValue("offline"),
			driver.Fault: driver.TextValue("the known bookings have ended")},
			"Boardroom 12 seats Not known The known bookings have ended. Quality fault"},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := options(t)
			publish(o, driver.OfRoom, "boardroom", c.points)
			got := render(roomCard(viewRoom(o.Rooms[0], o.points(driver.OfRoom, "boardroom"), noon, o.Site.Zone)))
			if w := words(got); w != c.want {
				t.Errorf("the room reads\n%s\nwant\n%s", w, c.want)
			}
		})
	}
}

func TestTimesAreInTheSitesZone(t *testing.T) {
	summer := time.Date(2026, 7, 1, 22, 30, 0, 0, time.UTC) // 23:30 in London
	for _, c := range []struct {
		at   time.Time
		want string
	}{
		{summer.Add(10 * time.Minute), "23:40"},
		{summer.Add(30 * time.Minute), "midnight"},
		{summer.Add(60 * time.Minute), "Thu 2 Jul 00:30"},
		{summer.Add(24*time.Hour + 30*time.Minute), "Fri 3 Jul 00:00"},
	} {
		if got := momentOf(c.at, summer, london(t)).Words; got != c.want {
			t.Errorf("%v reads %q, want %q", c.at, got, c.want)
		}
	}
	if got := momentOf(summer, summer, london(t)).ISO; got != "2026-07-01T22:30:00Z" {
		t.Errorf("for machines: %q", got)
	}
}

func TestLegible(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"plain", "Budget 2027", "Budget 2027"},
		{"lines and tabs", " a\r\n\tb\u00a0c\u2028d ", "a b c d"},
		{"control characters", "a\x00b\x1b[31mc", "ab[31mc"},
		{"direction marks", "\u202eevil\u202c \u2067x\u2069 \u200fשלום", "evil x שלום"},
		{"exactly as long as allowed", strings.Repeat("é", 120), strings.Repeat("é", 120)},
		{"too long", strings.Repeat("é", 121), strings.Repeat("é", 119) + "…"},
	} {
		if got := legible(c.in); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestSentence(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"the password was changed", "The password was changed."},
		{"the password was changed.", "The password was changed."},
		{"who was it?", "Who was it?"},
		{"the text was cut…", "The text was cut…"},
		{"übertragung gestört", "Übertragung gestört."},
		{"mqtt.broker has no port", "mqtt.broker has no port."},
		{"client_secret_file cannot be read", "client_secret_file cannot be read."},
		{"graph: the mailbox is unknown", "graph: the mailbox is unknown."},
		{"2 rooms cannot be read", "2 rooms cannot be read."},
		{"", ""},
	} {
		if got := sentence(c.in); got != c.want {
			t.Errorf("%q: %q, want %q", c.in, got, c.want)
		}
	}
}

func TestAccountInWords(t *testing.T) {
	state := func(s, reason string) points {
		return points{driver.AccountState: driver.EnumValue(s), driver.AccountReason: driver.TextValue(reason)}
	}
	ending := func(s string, refresh, secret int) points {
		p := state(s, "")
		p[driver.RefreshDaysLeft], p[driver.SecretDaysLeft] = driver.IntValue(refresh), driver.IntValue(secret)
		return p
	}
	f := &fakeService{all: []fakeAccount{byCode(""), byDevice(), {name: "rooms"}}}
	f.all[1].status.Device = deviceCodeOf("https://contoso.example/device")
	accounts := f.accounts()
	signIn, device, none := &accounts[0], &accounts[1], &accounts[2]
	for _, c := range []struct {
		name    string
		points  points
		account *Account // nil: there is no set-up page
		ok      bool
		want    string
	}{
		{"well", state("ok", ""), nil, true, "Account rooms: signed in"},
		{"without a sign-in", state("ok", ""), none, true, "Account rooms: Contoso Calendar needs no sign-in"},
		{"not published yet", points{}, signIn, false, "Account rooms: not known yet"},
		{"being renewed", state("refreshing", ""), nil, true, "Account rooms: signed in, refreshing"},
		{"retrying", state("retrying", "no answer from the sign-in service"), signIn, false, "Account rooms: refresh failed, trying again. No answer from the sign-in service."},
		{"sign-in needed", state("sign_in_needed", "the password was changed"), nil, false, "Account rooms: sign-in needed. The password was changed. Run roomgate --config /srv/hq.toml login rooms on the gateway."},
		{"the reason has the command", state("never_signed_in", "run roomgate --config /srv/hq.toml login rooms"), nil, false, "Account rooms: never signed in. Run roomgate --config /srv/hq.toml login rooms."},
		{"with a set-up page", state("never_signed_in", "run roomgate --config /srv/hq.toml login rooms"), signIn, false,
			"Account rooms: never signed in. Run roomgate --config /srv/hq.toml login rooms. Or use the set-up page."},
		{"with a device code", state("never_signed_in", "enter the code C7KQ4RHDN"), device, false,
			"Account rooms: never signed in. Enter the code C7KQ4RHDN at https://contoso.example/device by 12:15. Or use the set-up page."},
		{"ends are far", ending("ok", 60, 60), nil, true, "Account rooms: signed in"},
		{"ends are in sight", ending("ok", 59, 59), nil, true, "Account rooms: signed in. Unless it is refreshed, the sign-in expires in 59 days." +
			" The client secret or certificate expires in 59 days; have the customer's IT create a new one."},
		{"a month to go", ending("ok", 89, 31), nil, true, "Account rooms: signed in. The client secret or certificate expires in 31 days; have the customer's IT create a new one."},
		{"secret about to expire", ending("ok", 89, 30), nil, false, "Account rooms: signed in. The client secret or certificate expires in 30 days; have the customer's IT create a new one."},
		{"one day", ending("retrying", 1, 65), nil, false, "Account rooms: refresh failed, trying again. Unless it is refreshed, the sign-in expires in 1 day."},
		{"no day", ending("retrying", 0, 65), nil, false, "Account rooms: refresh failed, trying again. Unless it is refreshed, the sign-in expires within a day, unless it already has."},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := options(t)
			publish(o, driver.OfAccount, "rooms", c.points)
			v := viewAccount("rooms", "roomgate --config /srv/hq.toml", o.points(driver.OfAccount, "rooms"), c.account, noon, o.Site.Zone)
			got := render(itemLine(v))
			if v.OK != c.ok || words(got) != c.want {
				t.Errorf("well %v, reads\n%s\nwant well %v\n%s", v.OK, words(got), c.ok, c.want)
			}
		})
	}
}
