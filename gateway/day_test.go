package gateway

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	broker "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"

	"roomgate/bridge/mqtt"
	"roomgate/bridge/mqtt/openbroker"
	"roomgate/driver"
	"roomgate/graph/graphsim"
)

// onePoll is the longest time from one poll to the next: a minute and the
// jitter, which is at most a tenth of it.
const onePoll = 66 * time.Second

// A working day of the office, with a Microsoft that misbehaves, an outage of
// two hours, a broker that goes, and people who change their minds. What is
// shown is compared with Microsoft's own calendar every minute, and every change
// with the edges of the bookings.
func TestDay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDay(t)
		d.broker = newPipeBroker(t, d.now)
		d.time(-20 * time.Minute)
		d.start(d.broker.serve)
		d.firstSignIn()
		d.time(0)
		script := map[string]func(){
			"00:00": func() { d.polite(false) },
			"09:57": func() { d.polite(true) },
			"10:00": d.outage,
			"12:00": d.recovery,
			"12:10": func() { d.polite(false) },
			"12:33": func() { d.broker.drop() },
			"13:10": func() { d.polite(true) },
			"13:20": func() { d.cancel("workshop") },
			"14:50": func() { d.add("boardroom") },
			"15:05": func() { d.cancel("terrace") },
			"15:17": func() { d.add("library") },
			"15:40": func() { d.polite(false) },
		}
		for minute := range 24 * 60 {
			if act := script[d.now().In(d.zone).Format("15:04")]; act != nil {
				act()
			}
			d.time(time.Duration(minute+1) * time.Minute)
			d.compare()
		}
		d.stop()
		d.judge()
	})
}

// newDay is the last day for which the office has bookings, a Tuesday, with a
// booking of the whole day, one across each midnight and two with odd seconds besides.
func newDay(t *testing.T) *day {
	zone := london(t)
	d := &day{building: newBuilding(t, 20260616, time.Date(2026, 6, 3, 0, 0, 0, 0, zone), 6, ""), zone: zone,
		begin: time.Date(2026, 6, 16, 0, 0, 0, 0, zone), calendar: map[string][]stretch{},
		edges: map[string][]time.Time{}, edited: map[string]time.Time{}, stale: map[string]time.Time{}}
	tomorrow := d.begin.AddDate(0, 0, 1)
	d.book("atrium", graphsim.Event{AllDay: true, Zone: zone.String(), Start: d.begin, End: tomorrow})
	d.book("workshop", graphsim.Event{Start: d.begin.Add(-2 * time.Hour), End: d.begin.Add(time.Hour)})
	d.book("terrace", graphsim.Event{Start: tomorrow.Add(-time.Hour), End: tomorrow.Add(time.Hour)})
	for _, room := range []string{"boardroom", "library"} { // between the full minutes, at which every room is looked at anyway
		d.book(room, graphsim.Event{Start: d.begin.Add(20*time.Hour + 17*time.Second), End: d.begin.Add(20*time.Hour + 5*time.Minute + 43*time.Second)})
	}
	return d
}

// day is a working day of a building.
type day struct {
	*building
	broker   *pipeBroker
	zone     *time.Location
	begin    time.Time
	calendar map[string][]stretch   // Microsoft's, as it stands
	edges    map[string][]time.Time // when a booking ever began or ended
	edited   map[string]time.Time   // when somebody changed a running booking

	stale map[string]time.Time // when each room's knowledge grows too old
	back  time.Time            // the end of the outage
}

// time goes to a time of day.
func (d *day) time(since time.Duration) { d.until(d.begin.Add(since)) }

// firstSignIn sees the gateway before and after a person signs in.
func (d *day) firstSignIn() {
	synctest.Wait()
	if state := d.account(driver.AccountState).Text(); state != "never_signed_in" {
		d.t.Errorf("state at the first start: %q, want never_signed_in", state)
	}
	for _, r := range d.cfg.Rooms {
		fault := d.room(r.ID, driver.Fault).Text()
		if d.room(r.ID, driver.Booked).Known() || !strings.HasSuffix(fault, "run: roomgate login rooms") {
			d.t.Errorf("before the sign-in %s shows a value, or no way out: %q", r.ID, fault)
		}
		d.learn(r.ID)
	}
	d.signIn()
	d.sameAsCalendar("right after the sign-in")
}

// learn reads Microsoft's calendar of a room again.
func (d *day) learn(room string) {
	d.calendar[room] = d.taken(room, d.begin.Add(-24*time.Hour), d.begin.Add(48*time.Hour))
	for _, s := range d.calendar[room] {
		d.edges[room] = append(d.edges[room], s.from, s.to)
	}
}

func (d *day) book(room string, e graphsim.Event) {
	d.t.Helper()
	if _, err := d.sim.Book(graphsim.ServiceAccount, []string{address(room)}, e); err != nil {
		d.t.Fatal(err)
	}
}

// compare holds the board against Microsoft's calendar.
func (d *day) compare() {
	now := d.now()
	for _, r := range d.cfg.Rooms {
		edit, edited := d.edited[r.ID]
		want, got := takenAt(d.calendar[r.ID], now), d.room(r.ID, driver.Booked)
		if (!got.Known() || got.Bool() != want) && (!edited || now.Sub(edit) > onePoll) {
			d.t.Errorf("%s: %s shows booked %+v, the calendar says %t", now.Format(time.TimeOnly), r.ID, got, want)
		}
		if got, want := d.room(r.ID, driver.QualityPoint).Text(), d.quality(r.ID, now); want != "" && got != want {
			d.t.Errorf("%s: quality of %s is %q, want %q", now.Format(time.TimeOnly), r.ID, got, want)
		}
	}
}

// retryWithin is the longest pause between two tries to refresh a sign-in.
const retryWithin = 5 * time.Minute

// quality is what a room's must be; empty: either good or stale is right.
func (d *day) quality(room string, now time.Time) string {
	switch stale := d.stale[room]; {
	case stale.IsZero(), now.Before(stale), now.Sub(d.back) > retryWithin+time.Minute:
		return "good"
	case now.Before(d.back):
		return "stale"
	}
	return ""
}

// outage begins two hours in which Microsoft answers with errors or not at all.
// What was read before it is good for ten minutes more.
func (d *day) outage() {
	d.back = d.now().Add(2 * time.Hour)
	for _, q := range d.sim.Requests() {
		for _, r := range d.cfg.Rooms {
			if q.Status == 200 && (q.Mailbox == r.Mailbox || r.Mailbox == "" && q.Mailbox == graphsim.ServiceAccount) {
				d.stale[r.ID] = q.Time.Add(10 * time.Minute)
			}
		}
	}
	d.sim.Set(func(w *graphsim.Behaviour) { w.OutageUntil, w.Polite = d.back, false })
}

func (d *day) recovery() {
	if state := d.account(driver.AccountState).Text(); state != "retrying" {
		d.t.Errorf("state at the end of the outage: %q, want retrying", state)
	}
	d.polite(true)
}

// add books a free room from now on.
func (d *day) add(room string) {
	d.t.Helper()
	now := d.now()
	if takenAt(d.calendar[room], now) {
		d.t.Fatalf("%s is taken at %s and cannot be booked: choose another", room, now)
	}
	d.book(room, graphsim.Event{Subject: "Ad hoc", Start: now, End: now.Add(7 * time.Minute), Response: "accepted"})
	d.learn(room)
	d.edited[room] = now
}

// cancel gives a room back that is in use.
func (d *day) cancel(room string) {
	d.t.Helper()
	now := d.now()
	for _, e := range d.sim.View(address(room), now, now.Add(time.Second)) {
		if !e.Cancelled && e.Start.Before(now) && now.Before(e.End) {
			if err := d.sim.CancelBooking(address(room), e.ID); err != nil {
				d.t.Fatal(err)
			}
			d.learn(room)
			d.edited[room] = now
			return
		}
	}
	d.t.Fatalf("%s is free at %s and cannot be given back: choose another", room, now)
}

// judge looks back on the day: nothing changed but at the edge of a booking, or
// within a poll of an edit, and the broker was told each change as it came.
func (d *day) judge() {
	for _, r := range d.cfg.Rooms {
		flips := d.seen.booked[r.ID]
		for _, f := range flips[1:] { // the first was the sign-in's
			late := f.at.Sub(d.edited[r.ID])
			if !slices.ContainsFunc(d.edges[r.ID], f.at.Equal) && (late <= 0 || late > onePoll) {
				d.t.Errorf("%s became booked=%s at %s, when nothing began or ended", r.ID, f.value, f.at.Format(time.TimeOnly))
			}
		}
		if got := d.broker.flips(r.ID); !slices.EqualFunc(got, flips, sameFlip) {
			d.t.Errorf("%s at the broker:\n got %v\nwant %v", r.ID, got, flips)
		}
		d.judgeQuality(r.ID)
	}
	for room, edit := range d.edited {
		if !slices.ContainsFunc(d.seen.booked[room], func(f flip) bool { return f.at.After(edit) && f.at.Sub(edit) <= onePoll }) {
			d.t.Errorf("%s: the change at %s was not seen within one poll", room, edit.Format(time.TimeOnly))
		}
	}
}

// judgeQuality checks that the quality of a room, once good, went stale at the
// very second, and came back soon after the outage.
func (d *day) judgeQuality(room string) {
	all := d.seen.quality[room]
	first := slices.IndexFunc(all, func(f flip) bool { return f.value == "good" })
	q := all[first+1:]
	if len(q) != 2 || !sameFlip(q[0], flip{d.stale[room], "stale"}) || q[1].value != "good" || q[1].at.Sub(d.back) > retryWithin+time.Minute {
		d.t.Errorf("quality of %s went %v, want stale at %s and good soon after %s", room, q, d.stale[room], d.back)
	}
}

func sameFlip(a, b flip) bool { return a.value == b.value && a.at.Equal(b.at) }

// pipeBroker is a real broker that is reached through pipes. It is not served:
// its housekeeping, every second of the virtual day, is for listeners it has not.
type pipeBroker struct {
	server *broker.Server
	now    func() time.Time

	mu    sync.Mutex
	conns []net.Conn
	told  map[string][]flip // of booked, by topic
}

func newPipeBroker(t *testing.T, now func() time.Time) *pipeBroker {
	server, err := openbroker.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	b := &pipeBroker{server: server, now: now, told: map[string][]flip{}}
	if err := b.server.Subscribe("roomgate/hq/rooms/+/booked", 1, b.note); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *pipeBroker) note(_ *broker.Client, _ packets.Subscription, p packets.Packet) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.told[p.TopicName] = noted(b.told[p.TopicName], b.now(), string(p.Payload))
}

// flips are the changes a subscriber saw of a room's point booked; what came
// before anything was known is not among them.
func (b *pipeBroker) flips(room string) []flip {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(b.told["roomgate/hq/rooms/"+room+"/booked"]), func(f flip) bool { return strings.TrimSpace(f.value) == "" })
}

func (b *pipeBroker) dial(context.Context, *url.URL) (net.Conn, error) {
	client, server := net.Pipe()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.conns = append(b.conns, server)
	go b.server.EstablishConnection("pipe", server)
	return client, nil
}

// drop cuts the connection.
func (b *pipeBroker) drop() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range b.conns {
		c.Close()
	}
}

// serve runs the gateway's way to the broker, over a pipe.
func (b *pipeBroker) serve(ctx context.Context, g *Gateway) {
	sink, err := mqtt.New(mqtt.Options{Site: "hq", Prefix: "roomgate", Broker: &url.URL{Scheme: "mqtt", Host: "broker"},
		Format: mqtt.Format{Bool: mqtt.BoolWords(g.parts().cfg.MQTT.Bool), Time: mqtt.TimeStyle(g.parts().cfg.MQTT.Time), Zone: g.parts().cfg.Site.Timezone},
		Board:  g.board, Now: g.d.Clock.Now, Jitter: driver.RandomJitter, Log: g.d.Log, Dial: b.dial, Sensors: sensorsOf(g.parts().cfg, g.driver.Presence)})
	if err != nil {
		panic(fmt.Sprint("the options of the sink are wrong: ", err))
	}
	_ = sink.Run(ctx)
}

// A hundred days of one sign-in, with a Microsoft that hands out a new refresh
// token each time and kills the older ones. A person is asked for twice: when the
// consent is gone, and when the sign-in was revoked. Only then must one come.
func TestHundredDays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
		h := &years{newBuilding(t, 100, begin, 2, "refresh = \"0 */4 * * *\"\npoll = \"@every 3h\"\n[defaults.room]\nstale_after = \"7h\""), begin}
		h.sim.Set(func(w *graphsim.Behaviour) { w.StrictRotation, w.AccessLifetime = true, 12*time.Hour })
		h.start()
		h.stands("never_signed_in", "nobody has signed in yet", "run: roomgate login rooms")
		h.signIn()
		h.well()
		h.ordinary(12)
		h.identityOutage(15)
		h.ordinary(18)
		h.noInternet(25)
		h.ordinary(28)
		h.throttled()
		h.ordinary(35)
		h.consentWithdrawn()
		h.ordinary(40)
		h.revoked(41)
		h.ordinary(50)
		h.clockAYearAhead()
		h.ordinary(55)
		h.bootIn1970()
		h.ordinary(100)
		h.stop()
		for _, f := range h.seen.states {
			if day := int(f.at.Sub(begin) / (24 * time.Hour)); f.value == "sign_in_needed" && day != 35 && day != 36 && day != 40 {
				t.Errorf("on day %d a person was asked to sign in", day)
			}
		}
	})
}

// firstTry is when a refresh has come for certain: every four hours, and a tenth.
const firstTry = 5 * time.Hour

// years are the life of a sign-in.
type years struct {
	*building
	begin time.Time
}

// day goes to the beginning of a day.
func (y *years) day(n int) { y.until(y.begin.AddDate(0, 0, n)) }

// stands checks how the sign-in stands, as people are told.
func (y *years) stands(state, reason, action string) {
	y.t.Helper()
	synctest.Wait()
	v := y.g.accountStatuses()[0]
	if v.State.String() != state || !strings.Contains(v.Reason, reason) || v.Action != action {
		y.t.Errorf("day %.2f: the sign-in is %q because %q, to do %q;\nwant %q because %q, to do %q",
			y.now().Sub(y.begin).Hours()/24, v.State, v.Reason, v.Action, state, reason, action)
	}
}

// well checks that nothing is wrong at all.
func (y *years) well() {
	y.t.Helper()
	y.stands("ok", "", "")
	if reason := y.g.accountStatuses()[0].Reason; reason != "" {
		y.t.Errorf("the sign-in is ok, and yet: %s", reason)
	}
	y.sameAsCalendar(y.now().Format(time.DateTime))
}

// tried checks how many refreshes there were since it was last asked.
func (y *years) tried(least, most int) {
	y.t.Helper()
	if n := y.way.count(); n < least || n > most {
		y.t.Errorf("until %s: %d refreshes were tried, want %d to %d", y.now().Format(time.DateTime), n, least, most)
	}
}

// ordinary is a time up to a day with nothing but passing troubles, and a
// restart every third night.
func (y *years) ordinary(until int) {
	y.t.Helper()
	y.polite(false)
	for n := int(y.now().Sub(y.begin)/(24*time.Hour)) + 1; n < until; n++ {
		y.day(n)
		if n%3 == 0 {
			y.restart()
		}
	}
	y.pass(12 * time.Hour)
	y.polite(true)
	y.day(until)
	y.well()
	y.way.count()
}

// Three days without Microsoft's sign-in service: it is tried again every few
// minutes, and nobody is called.
func (y *years) identityOutage(until int) {
	y.pass(6 * time.Hour) // into the day, so that the bookings of four days are known
	y.sim.Fail(func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/token") }, graphsim.Fault{Status: 503}, -1)
	y.pass(firstTry)
	y.stands("retrying", "Microsoft's sign-in service has a temporary fault (AADSTS90033", "")
	y.day(until)
	y.stands("retrying", "Microsoft's sign-in service has a temporary fault (AADSTS90033", "")
	y.tried(61*12, 66*24+20) // every 2.5 to 5 minutes, but for a handful at the start
	y.shown("stale", "")
	y.sim.ClearFaults()
	y.pass(5 * time.Minute)
	y.well()
}

// shown checks the quality of the rooms and the words that come with it.
func (y *years) shown(quality, words string) {
	y.t.Helper()
	for _, r := range y.cfg.Rooms {
		q, fault := y.room(r.ID, driver.QualityPoint).Text(), y.room(r.ID, driver.Fault).Text()
		if q != quality || !strings.Contains(fault, words) {
			y.t.Errorf("%s: quality of %s is %q because %q, want %q because %q", y.now().Format(time.DateTime), r.ID, q, fault, quality, words)
		}
	}
}

// A week without internet, with a restart in its middle. Bookings are known for
// four days; after that nothing is claimed.
func (y *years) noInternet(until int) {
	y.pass(6 * time.Hour)
	y.way.cut(true)
	y.pass(12 * time.Hour)
	y.stands("retrying", "no answer from the sign-in service: ", "")
	y.shown("stale", "no such host")
	y.day(until - 4)
	y.restart()
	y.pass(10 * time.Minute)
	y.stands("retrying", "no answer from the sign-in service: ", "")
	y.shown("stale", "no such host")
	y.day(until)
	y.shown("fault", "the known bookings ended at 2026-03-24T00:00:00Z")
	for _, r := range y.cfg.Rooms {
		if y.room(r.ID, driver.Booked).Known() {
			y.t.Errorf("%s is shown as booked or free beyond what is known", r.ID)
		}
	}
	y.tried(157*12, 162*24+40)
	y.way.cut(false)
	y.pass(5 * time.Minute)
	y.well()
}

// Six hours of throttling, in plain text and with Retry-After.
func (y *years) throttled() {
	y.sim.FailToken(429, -1)
	y.pass(6 * time.Hour)
	y.stands("retrying", "Microsoft 365 asks to slow down (status 429)", "")
	y.tried(1, 6*24+10)
	y.sim.FailToken(0, 0)
	y.pass(5 * time.Minute)
	y.well()
}

// The consent is withdrawn for a day and given back. It is asked for hourly, so
// that giving it back is enough.
func (y *years) consentWithdrawn() {
	words, next := "the permissions have not been consented to, or the consent was withdrawn (AADSTS65001", "for the customer's IT: press entra.microsoft.com > Entra ID > App registrations > the app > API permissions > Grant admin consent, or let the user accept them at the sign-in, then run: roomgate login rooms"
	y.sim.FailToken(65001, -1)
	y.pass(firstTry)
	y.stands("sign_in_needed", words, next)
	y.day(36)
	y.stands("sign_in_needed", words, next)
	y.tried(18, 24)
	y.sim.FailToken(0, 0)
	y.pass(time.Hour)
	y.well()
}

// Somebody ends all sessions of the account. What is stored is kept, in case
// that the revocation was an error, and a person signs in a day later.
func (y *years) revoked(until int) {
	words, next := "the sign-in was revoked (password changed or sessions ended) (AADSTS50173", "run: roomgate login rooms"
	y.sim.Revoke(graphsim.ServiceAccount)
	y.pass(firstTry)
	y.stands("sign_in_needed", words, next)
	kept := y.way.lastSent()
	y.pass(10 * time.Hour)
	y.restart()
	y.stands("sign_in_needed", words, next)
	y.day(until)
	y.stands("sign_in_needed", words, next)
	y.shown("fault", "run: roomgate login rooms")
	y.tried(18, 25)
	if y.way.lastSent() != kept {
		y.t.Error("the refused refresh token was not kept")
	}
	y.signIn()
	y.well()
}

const setTheClock = "check the gateway's clock (timedatectl) and set up NTP"

// The gateway's clock runs a year ahead for a day: no certificate is good.
func (y *years) clockAYearAhead() {
	y.own.set(365 * 24 * time.Hour)
	y.pass(24 * time.Hour)
	y.stands("retrying", "certificate has expired or is not yet valid", setTheClock)
	y.own.set(0)
	y.pass(time.Minute)
	y.well()
}

// The gateway boots without a battery for its clock, and gets the time later.
func (y *years) bootIn1970() {
	y.own.set(time.Unix(10, 0).Sub(y.now()))
	y.restart()
	y.pass(time.Hour)
	y.stands("retrying", "certificate has expired or is not yet valid", setTheClock)
	y.shown("fault", "the gateway's clock was set back")
	y.own.set(0)
	y.pass(time.Minute)
	y.well()
}

// A gateway on a shelf: after 89 days the sign-in works, after 91 it has expired.
func TestGatewayThatWasOffForMonths(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
		y := &years{newBuilding(t, 1, begin, 2, ""), begin}
		y.start()
		y.signIn()
		y.stop()
		y.day(89)
		y.start()
		y.well()
		y.stop()
		y.day(89 + 91)
		y.start()
		y.stands("sign_in_needed", "the sign-in has expired: it was not used for 90 days (AADSTS700082", "run: roomgate login rooms")
	})
}

// Refreshing the sign-in is no reason to read calendars: a customer who was
// promised a poll every three hours sees no more.
func TestPollsKeepToTheirSchedule(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBuilding(t, 1, time.Date(2026, 6, 8, 0, 0, 0, 0, time.UTC), 2, "poll = \"@every 3h\"\n[defaults.room]\nstale_after = \"7h\"")
		b.start()
		b.signIn()
		before := b.account(driver.Polls).Int()
		b.pass(24 * time.Hour)
		if n := b.account(driver.Polls).Int() - before; n < 7 || n > 8 { // every 3 h to 3 h 18 min
			t.Errorf("%d polls in a day, want 7 or 8", n)
		}
	})
}

// The gateway's clock is set, wrong and right again, by seconds and by decades.
// A minute later every room shows what the calendar says for the time the clock
// has, and goes on by that clock to the second. One that is wrong is reported.
func TestClockSteps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Date(2026, 6, 8, 0, 0, 0, 0, london(t))
		y := &years{newBuilding(t, 1, begin, 4, ""), begin}
		y.way.trusted = true
		y.start()
		y.until(begin.Add(34 * time.Hour))
		y.signIn()
		for _, wrong := range []time.Duration{
			3*time.Hour + 17*time.Second, 0, -3*time.Hour - 17*time.Second, 0, 20 * time.Second, 0, -20 * time.Second, 0, 45 * time.Second, 0,
			27 * time.Hour, 0, -27 * time.Hour, 0, 10 * 365 * 24 * time.Hour, 0, -56 * 365 * 24 * time.Hour, 0,
		} {
			y.way.count()
			y.own.set(wrong)
			y.pass(time.Minute)
			y.stands("ok", "", "")
			y.clockIsReported(wrong)
			y.sameAsCalendar(fmt.Sprintf("a minute after the clock became wrong by %s", wrong))
			y.tried(0, 2)
			for range 35 {
				now := y.own.Now()
				y.pass(now.Truncate(time.Minute).Add(time.Minute).Sub(now))
				y.sameAsCalendar(fmt.Sprintf("at %s, with the clock wrong by %s", y.own.Now(), wrong))
			}
			y.tried(1, 4) // every half hour, or because the token seems to be near its end
		}
	})
}
