package driver

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// The names are what integrators wire against.
func TestCatalogueNames(t *testing.T) {
	for scope, want := range map[Scope]string{
		OfRoom: "age availability booked booked_minutes_today bookings_today comfort " +
			"current_attendees current_end current_organizer current_start current_subject early_leaves_today " +
			"fault free_until meta minutes_remaining minutes_to_next_mode minutes_until_next mode next_end next_mode next_organizer next_start next_subject " +
			"no_show no_shows_today occupied overruns_today quality schedule sensor state utilisation_today walk_in walk_ins_today",
		OfAccount: "access_expires last_poll last_refresh polls reason refresh_days_left secret_days_left state throttled",
		OfGateway: "clock_offset heartbeat rooms_good rooms_total started state version",
	} {
		var names []string
		for _, p := range Catalogue(scope) {
			names = append(names, p.Name)
		}
		slices.Sort(names)
		if got := strings.Join(names, " "); got != want {
			t.Errorf("scope %d has\n    %s\nwant %s", scope, got, want)
		}
	}
}

func TestCatalogueRows(t *testing.T) {
	for _, scope := range []Scope{OfRoom, OfAccount, OfGateway} {
		for _, p := range Catalogue(scope) {
			if p.Kind < Bool || p.Kind > JSON || p.Description == "" {
				t.Errorf("%s is a %v, described as %q", p.Name, p.Kind, p.Description)
			}
			if (p.Kind == Enum) != (len(p.Values) > 0) {
				t.Errorf("%s, a %v, has the words %q", p.Name, p.Kind, p.Values)
			}
			if p.Unit != "" && p.Kind != Int {
				t.Errorf("%s, a %v, has the unit %s", p.Name, p.Kind, p.Unit)
			}
			if p.Transient != (scope == OfGateway && p.Name == "heartbeat") {
				t.Errorf("%s is transient: %t", p.Name, p.Transient)
			}
		}
	}
	units := map[string]string{MinutesRemaining: "min", MinutesUntilNext: "min", MinutesToNextMode: "min", BookedMinutesToday: "min", UtilisationToday: "%", Age: "s"}
	for _, p := range Catalogue(OfRoom) {
		if p.Kind == Int && p.Unit != units[p.Name] {
			t.Errorf("%s has the unit %q, want %q", p.Name, p.Unit, units[p.Name])
		}
	}
}

func TestEnumWords(t *testing.T) {
	for name, c := range map[string]struct{ got, want []string }{
		"quality":       {valuesOf(OfRoom, QualityPoint), []string{"unknown", "good", "stale", "fault", "test"}},
		"mode":          {valuesOf(OfRoom, ModePoint), []string{"occupied", "standby", "unoccupied", "bypass"}},
		"next mode":     {valuesOf(OfRoom, NextMode), []string{"occupied", "standby", "unoccupied", "bypass"}},
		"sensor":        {valuesOf(OfRoom, SensorPoint), []string{"none", "good", "silent"}},
		"availability":  {valuesOf(OfRoom, Availability), []string{"online", "offline"}},
		"account state": {valuesOf(OfAccount, AccountState), []string{"ok", "refreshing", "retrying", "sign_in_needed", "never_signed_in"}},
	} {
		if !slices.Equal(c.got, c.want) {
			t.Errorf("%s is one of %q, want %q", name, c.got, c.want)
		}
	}
}

func valuesOf(s Scope, point string) []string { return Catalogue(s)[s.Index(point)].Values }

// filled are the room's points at now.
func filled(room Room, snap Snapshot, now string) []Value {
	f, _ := fresh(NewTimeline(room, snap), at(now))
	return points(f, at(now))
}

// expectPoints compares the named points.
func expectPoints(t *testing.T, got []Value, want map[string]Value) {
	t.Helper()
	for name, v := range want {
		if got := got[OfRoom.Index(name)]; got != v {
			t.Errorf("%s is %+v, want %+v", name, got, v)
		}
	}
}

func TestFillBooked(t *testing.T) {
	room := plain(t)
	now := booked("09:00-10:00")
	now.Subject, now.Organizer, now.Attendees = "Budget", "Ann", 5
	next := booked("11:00-12:00")
	next.Subject, next.Organizer = "Plan", "Bob"
	expectPoints(t, filled(room, readAt(at("09:29:50"), room.Zone, now, next), "09:30:30"), map[string]Value{
		Booked: BoolValue(true), Comfort: BoolValue(true), QualityPoint: EnumValue("good"), Availability: EnumValue("online"),
		CurrentSubject: TextValue("Budget"), CurrentOrganizer: TextValue("Ann"),
		CurrentStart: TimeValue(at("09:00")), CurrentEnd: TimeValue(at("10:00")), CurrentAttendees: IntValue(5), MinutesRemaining: IntValue(30),
		NextSubject: TextValue("Plan"), NextOrganizer: TextValue("Bob"), NextStart: TimeValue(at("11:00")), NextEnd: TimeValue(at("12:00")),
		MinutesUntilNext: IntValue(90), FreeUntil: TimeValue(time.Time{}),
		BookingsToday: IntValue(2), BookedMinutesToday: IntValue(120), UtilisationToday: IntValue(8),
		Occupied: BoolValue(true), ModePoint: EnumValue("occupied"), NextMode: EnumValue("unoccupied"), MinutesToNextMode: IntValue(30),
		NoShow: BoolValue(false), WalkIn: BoolValue(false), SensorPoint: EnumValue("none"),
		NoShowsToday: IntValue(0), WalkInsToday: IntValue(0), EarlyLeavesToday: IntValue(0), OverrunsToday: IntValue(0),
		Fault: TextValue(""), Age: IntValue(10),
	})
}

// Nothing to say is not the same as not known.
func TestFillFree(t *testing.T) {
	room := plain(t)
	nothing, noTime := TextValue(""), TimeValue(time.Time{})
	got := filled(room, readAt(at("09:00"), room.Zone), "09:00")
	expectPoints(t, got, map[string]Value{
		Booked: BoolValue(false), Comfort: BoolValue(false), Occupied: BoolValue(false),
		ModePoint: EnumValue("unoccupied"), NextMode: NoEnum(), MinutesToNextMode: NoInt(65535),
		CurrentSubject: nothing, CurrentOrganizer: nothing, CurrentStart: noTime, CurrentEnd: noTime, CurrentAttendees: NoInt(0), MinutesRemaining: NoInt(0),
		NextSubject: nothing, NextOrganizer: nothing, NextStart: noTime, NextEnd: noTime, MinutesUntilNext: NoInt(65535),
		FreeUntil: TimeValue(at("2026-01-18T00:00:00Z")), BookingsToday: IntValue(0), BookedMinutesToday: IntValue(0), UtilisationToday: IntValue(0),
	})
	for i, v := range got {
		if !v.Known() && i != metaIndex {
			t.Errorf("%s is not known", roomPoints[i].Name)
		}
	}
}

func TestFillNotKnown(t *testing.T) {
	known := []string{QualityPoint, Availability, Fault, StatePoint, SensorPoint}
	got := filled(plain(t), Snapshot{}, "09:00")
	for i, v := range got {
		if v.Known() != slices.Contains(known, roomPoints[i].Name) {
			t.Errorf("before the first read %s is %+v", roomPoints[i].Name, v)
		}
	}
	expectPoints(t, got, map[string]Value{QualityPoint: EnumValue("unknown"), Availability: EnumValue("offline"), Fault: TextValue("no read has succeeded yet")})
}

// Points filled over those of another instant keep nothing of it.
func TestFillOverwrites(t *testing.T) {
	room := plain(t)
	values := filled(room, readAt(at("09:00"), room.Zone, bookings("09:00-10:00", "11:00-12:00")...), "09:30")
	want := filled(room, Snapshot{}, "09:30")
	f, _ := fresh(NewTimeline(room, Snapshot{}), at("09:30"))
	f.Fill(values)
	values[stateIndex], values[scheduleIndex] = want[stateIndex], want[scheduleIndex]
	if !slices.Equal(values, want) {
		t.Errorf("got %+v\nwant %+v", values, want)
	}
}

func TestAvailability(t *testing.T) {
	for q, want := range map[Quality]string{QualityUnknown: "offline", QualityGood: "online", QualityStale: "online", QualityFault: "offline"} {
		if got := availability(q); got != want {
			t.Errorf("%v is %s, want %s", q, got, want)
		}
	}
}

func TestState(t *testing.T) {
	room := plain(t)
	running, next := booked("09:00-10:00"), booked("11:00-12:00")
	running.Subject, running.Organizer, running.Attendees = `"Q1" & <more>`, "Ann", 5
	for _, c := range []struct {
		name, now, want string
		snap            Snapshot
	}{
		{"booked", "09:30", `{"timestamp":"2026-01-14T08:00:00Z","quality":"good","availability":"online","fault":null,"booked":true,"comfort":true,"occupied":true,"mode":"occupied","next_mode":"unoccupied","next_mode_at":"2026-01-14T10:00:00Z",
			"no_show":false,"walk_in":false,"sensor":"none","no_shows_today":0,"walk_ins_today":0,"early_leaves_today":0,"overruns_today":0,
			"current":{"start":"2026-01-14T09:00:00Z","end":"2026-01-14T10:00:00Z","subject":"\"Q1\" & <more>","organizer":"Ann","attendees":5},
			"next":{"start":"2026-01-14T11:00:00Z","end":"2026-01-14T12:00:00Z","attendees":0},
			"free_until":null,"bookings_today":2,"booked_minutes_today":120,"utilisation_today":8}`, readAt(at("09:25"), room.Zone, running, next)},
		{"free", "12:00", `{"timestamp":"2026-01-14T08:00:00Z","quality":"good","availability":"online","fault":null,"booked":false,"comfort":false,"occupied":false,"mode":"unoccupied","next_mode":null,"next_mode_at":null,
			"no_show":false,"walk_in":false,"sensor":"none","no_shows_today":0,"walk_ins_today":0,"early_leaves_today":0,"overruns_today":0,
			"current":null,"next":null,"free_until":"2026-01-18T00:00:00Z","bookings_today":2,"booked_minutes_today":120,"utilisation_today":8}`, readAt(at("11:55"), room.Zone, running, next)},
		{"not known", "12:00", `{"timestamp":"2026-01-14T08:00:00Z","quality":"unknown","availability":"offline","fault":"no read has succeeded yet","booked":null,"comfort":null,"occupied":null,"mode":null,"next_mode":null,"next_mode_at":null,
			"no_show":null,"walk_in":null,"sensor":"none","no_shows_today":null,"walk_ins_today":null,"early_leaves_today":null,"overruns_today":null,
			"current":null,"next":null,"free_until":null,"bookings_today":null,"booked_minutes_today":null,"utilisation_today":null}`, Snapshot{}},
	} {
		f, _ := fresh(NewTimeline(room, c.snap), at(c.now))
		expectJSON(t, c.name, f.State(at("08:00")).Text(), c.want)
	}
}

// expectJSON compares two JSON texts but for their layout and order of keys.
func expectJSON(t *testing.T, name, got, want string) {
	t.Helper()
	var g, w any
	if err := json.Unmarshal([]byte(want), &w); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(got), &g); err != nil {
		t.Fatalf("%s: %v in %s", name, err, got)
	}
	a, _ := json.Marshal(g)
	b, _ := json.Marshal(w)
	if string(a) != string(b) {
		t.Errorf("%s:\n got %s\nwant %s", name, a, b)
	}
}

func TestSchedule(t *testing.T) {
	room := plain(t)
	room.Count = CountingOf(Busy)
	free := booked("14:00-15:00")
	free.ShowAs = Free
	named := booked("13:00-14:00")
	named.Subject, named.Organizer = "Plan", "Bob"
	all := append(bookings("08:00-09:00", "09:00-10:00", "2026-01-16T08:59:00Z/2026-01-16T12:00:00Z", "2026-01-16T09:00:00Z/2026-01-16T12:00:00Z"), named, free)
	f, _ := fresh(NewTimeline(room, readAt(at("09:00"), room.Zone, all...)), at("09:30"))
	expectJSON(t, "schedule", f.Schedule(at("09:30")).Text(), `{"valid_until":"2026-01-16T09:00:00Z","bookings":[
		{"start":"2026-01-14T09:00:00Z","end":"2026-01-14T10:00:00Z"},
		{"start":"2026-01-14T13:00:00Z","end":"2026-01-14T14:00:00Z","subject":"Plan","organizer":"Bob"},
		{"start":"2026-01-16T08:59:00Z","end":"2026-01-16T12:00:00Z"}]}`)
	f, _ = fresh(NewTimeline(room, readAt(at("09:00"), room.Zone)), at("09:30"))
	expectJSON(t, "empty schedule", f.Schedule(at("09:30")).Text(), `{"valid_until":"2026-01-16T09:00:00Z","bookings":[]}`)
}

func TestMeta(t *testing.T) {
	room := plain(t)
	room.Building, room.Floor, room.Capacity = "HQ", "3", 12
	var doc struct {
		ID, Name, Building, Floor string
		Capacity                  int
		Points                    []struct {
			Name, Type, Unit string
			Tags             []string
		}
	}
	if err := json.Unmarshal([]byte(room.Meta().Text()), &doc); err != nil {
		t.Fatal(err)
	}
	if got := []any{doc.ID, doc.Name, doc.Building, doc.Floor, doc.Capacity}; !slices.Equal(got, []any{"boardroom", "Boardroom", "HQ", "3", 12}) {
		t.Errorf("the room is %v", got)
	}
	types := map[string]string{}
	for _, p := range doc.Points {
		types[p.Name] = p.Type + " " + p.Unit + " " + strings.Join(p.Tags, ",")
	}
	for name, want := range map[string]string{"booked": "bool  occupied,sp,point", "minutes_remaining": "int min point", "free_until": "time  point",
		"quality": "enum  point,curStatus", "current_subject": "text  point", "schedule": "json  point,schedule"} {
		if types[name] != want {
			t.Errorf("%s is %q, want %q", name, types[name], want)
		}
	}
	if len(types) != len(Catalogue(OfRoom)) {
		t.Errorf("%d points, the catalogue has %d", len(types), len(Catalogue(OfRoom)))
	}
	var bare map[string]any
	if err := json.Unmarshal([]byte(plain(t).Meta().Text()), &bare); err != nil {
		t.Fatal(err)
	}
	if got := slices.Sorted(maps.Keys(bare)); !slices.Equal(got, []string{"id", "name", "points"}) {
		t.Errorf("a room without labels has %q", got)
	}
}

func TestGatewayState(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, minute)
		w.session.status = SessionStatus{State: SignInNeeded, Reason: "run roomgate login rooms"}
		d, _ := w.run(t)
		expectJSON(t, "gateway", w.published.value(gateway, GatewayState).Text(), `{"site":"hq","name":"Head Office","version":"1.2.3",
			"started":"2000-01-01T00:00:00Z","rooms_total":1,"rooms_good":1,"clock_offset":null,"accounts":{"rooms":{"state":"sign_in_needed","reason":"run roomgate login rooms"}},"problems":[]}`)

		d.SetProblems("mqtt", []string{"one\x00topic", "another"})
		d.SetProblems("disk", []string{"full"})
		synctest.Wait()
		expectProblems(t, w, `["full","onetopic","another"]`)
		d.SetProblems("mqtt", nil)
		synctest.Wait()
		expectProblems(t, w, `["full"]`)
	})
}

// expectProblems compares the problems in the state of the gateway.
func expectProblems(t *testing.T, w *world, want string) {
	t.Helper()
	var state struct{ Problems json.RawMessage }
	if err := json.Unmarshal([]byte(w.published.value(gateway, GatewayState).Text()), &state); err != nil || string(state.Problems) != want {
		t.Errorf("problems %s, %v, want %s", state.Problems, err, want)
	}
}

func TestValue(t *testing.T) {
	for _, c := range []struct {
		v              Value
		known, nothing bool
		said           string
	}{
		{Value{}, false, true, "?"},
		{BoolValue(false), true, false, "false"},
		{BoolValue(true), true, false, "true"},
		{IntValue(0), true, false, "0"},
		{IntValue(-7), true, false, "-7"},
		{NoInt(NotForeseen), true, true, "nothing"},
		{TextValue(""), true, true, "nothing"},
		{TextValue("x"), true, false, "x"},
		{EnumValue("good"), true, false, "good"},
		{NoEnum(), true, true, "nothing"},
		{JSONValue("{}"), true, false, "{}"},
		{TimeValue(time.Time{}), true, true, "nothing"},
		{TimeValue(at("09:00").Add(1999999)), true, false, "2026-01-14T09:00:00.001Z"},
		{TimeValue(time.Unix(0, 0)), true, false, "1970-01-01T00:00:00Z"},
	} {
		if c.v.Known() != c.known || c.v.Nothing() != c.nothing || say(c.v) != c.said {
			t.Errorf("%+v: known %t, nothing %t, %s; want %t, %t, %s", c.v, c.v.Known(), c.v.Nothing(), say(c.v), c.known, c.nothing, c.said)
		}
	}
	if !(Value{}).Time().IsZero() || !TimeValue(time.Time{}).Time().IsZero() || NoInt(NotForeseen).Int() != 65535 {
		t.Error("nothing to say is something")
	}
}
