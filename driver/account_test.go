package driver

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

const days = 24 * time.Hour

// Whole days of 24 hours, counted down; the instant is when the count is one
// less: just after so many whole days were left.
func TestDaysTo(t *testing.T) {
	now := at("12:00")
	for _, c := range []struct {
		left time.Duration
		want int
		next time.Duration // from now
	}{
		{90 * days, 90, 1},
		{90*days - 1, 89, days},
		{89*days + time.Hour, 89, time.Hour + 1},
		{days, 1, 1},
		{days - 1, 0, days},
		{time.Hour, 0, time.Hour + 1},
		{0, 0, 1},
	} {
		a := accountFacts{next: earliest{now: now}}
		if got := a.daysTo(now.Add(c.left)); got != IntValue(c.want) || a.next.at != now.Add(c.next) {
			t.Errorf("%s left: %d days, next in %s; want %d, %s", c.left, got.Int(), a.next.at.Sub(now), c.want, c.next)
		}
	}
	for name, c := range map[string]struct {
		t    time.Time
		want Value
	}{
		"passed":    {now.Add(-1), IntValue(0)},
		"not known": {time.Time{}, NoInt(65535)},
	} {
		a := accountFacts{next: earliest{now: now}}
		if got := a.daysTo(c.t); got != c.want || !a.next.at.IsZero() {
			t.Errorf("%s: %+v, next %v; want %+v and no next", name, got, a.next.at, c.want)
		}
	}
}

func TestDaysLeft(t *testing.T) {
	now := at("12:00")
	for left, want := range map[time.Duration]int{
		90 * days: 90, 90*days - 1: 89, 25 * time.Hour: 1, days: 1, days - 1: 0, 1: 0, 0: 0, -1: 0, -3 * days: 0,
	} {
		if got := DaysLeft(now.Add(left), now); got != want {
			t.Errorf("%v before the end: %d days, want %d", left, got, want)
		}
	}
}

// Following the instants, every count is seen once, in order.
func TestDayCountersCountDown(t *testing.T) {
	start := at("12:00")
	status := SessionStatus{State: SignedIn, RefreshLapses: start.Add(3*days + time.Hour), SecretExpires: start.Add(2*days + 2*time.Hour)}
	var got []string
	values := make([]Value, len(accountPoints))
	for now, next := start, start; !next.IsZero(); {
		now = next
		facts := accountFacts{status: status, next: earliest{now: now}}
		next = facts.fill(values)
		refresh, secret := values[OfAccount.Index(RefreshDaysLeft)], values[OfAccount.Index(SecretDaysLeft)]
		got = append(got, fmt.Sprintf("%s: %d %d", now.Sub(start), refresh.Int(), secret.Int()))
	}
	want := "[0s: 3 2 1h0m0.000000001s: 2 2 2h0m0.000000001s: 2 1 25h0m0.000000001s: 1 1 26h0m0.000000001s: 1 0" +
		" 49h0m0.000000001s: 0 0 50h0m0.000000001s: 0 0 73h0m0.000000001s: 0 0]"
	if fmt.Sprint(got) != want {
		t.Errorf("counted\n     %v\nwant %s", got, want)
	}
}

func TestAccountPoints(t *testing.T) {
	now := at("12:00")
	values := make([]Value, len(accountPoints))
	facts := accountFacts{status: SessionStatus{State: Retrying, Reason: "offline", AccessExpires: at("13:00"), LastRefresh: at("11:30")},
		work: accountWork{polls: 7, throttled: 3, lastPoll: at("11:59")}, next: earliest{now: now}}
	next := facts.fill(values)
	want := map[string]Value{
		AccountState: EnumValue("retrying"), AccountReason: TextValue("offline"), AccessExpires: TimeValue(at("13:00")),
		RefreshDaysLeft: NoInt(65535), SecretDaysLeft: NoInt(65535), LastRefresh: TimeValue(at("11:30")),
		LastPoll: TimeValue(at("11:59")), Polls: IntValue(7), Throttled: IntValue(3),
	}
	for i, p := range accountPoints {
		if values[i] != want[p.Name] {
			t.Errorf("%s is %+v, want %+v", p.Name, values[i], want[p.Name])
		}
	}
	if !next.IsZero() {
		t.Errorf("next is %v, and nothing changes by itself", next)
	}
}

func TestExplain(t *testing.T) {
	for _, c := range []struct {
		err    error
		words  string
		person bool
	}{
		{errors.New("graph: two\n\tlines  of text "), "graph: two lines of text", false},
		{errDenied, "boardroom: access is denied; grant Calendars.Read", true},
		{personError{"the mailbox is gone", ""}, "the mailbox is gone", true},
		{errors.Join(errTimeout, errDenied), "graph: reading the calendar: timeout boardroom: access is denied; grant Calendars.Read", true},
	} {
		if words, person := Explain(c.err); words != c.words || person != c.person {
			t.Errorf("%q, person %t; want %q, %t", words, person, c.words, c.person)
		}
	}
}

// feed is a Provider with nothing but calendars: no sign-in, and no sweeps.
type feed struct{ c *calendar }

func (f feed) Service() string { return "Contoso Feeds" }

func (f feed) Fetch(ctx context.Context, rooms []Room, from, to time.Time, r Receiver) Tally {
	return f.c.Fetch(ctx, rooms, from, to, r)
}

func TestAccountWithoutASignIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, minute)
		w.Accounts[0].Provider = feed{w.calendar}
		w.run(t)
		pass(minute + second)
		w.expectPolls(t, "0s 1m0s")
		w.expect(t, account, AccountState, "0s ok")
		w.expect(t, account, AccountReason, "0s nothing")
		for _, point := range []string{AccessExpires, LastRefresh} {
			w.expect(t, account, point, "0s nothing")
		}
		for _, point := range []string{RefreshDaysLeft, SecretDaysLeft} {
			w.expect(t, account, point, "0s nothing")
		}
	})
}

func TestSweepOfAProviderThatCannotBeSwept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, minute)
		w.Accounts[0].Provider, w.Accounts[0].Sweep = feed{w.calendar}, every(10*second)
		d, _ := w.run(t)
		pass(minute + second)
		d.PollNow(t.Context(), "")
		pass(minute)
		w.expectPolls(t, "0s 1m0s 1m1s 2m1s")
		w.expect(t, account, AccountState, "0s ok")
		w.expect(t, account, AccountReason, "0s sweep is configured, but Contoso Feeds cannot be swept; changes are seen at the next poll: remove sweep from this account")
	})
}

func TestActionFollowsTheReason(t *testing.T) {
	refused := accountWork{sweepProblem: "not swept"}
	for _, c := range []struct {
		status SessionStatus
		want   string
	}{
		{SessionStatus{Reason: "revoked", Action: "sign in"}, "revoked; sign in"},
		{SessionStatus{Reason: "revoked"}, "revoked"},
		{SessionStatus{Action: "sign in"}, "sign in"},
		{SessionStatus{}, "not swept"},
	} {
		facts := accountFacts{status: c.status, work: refused}
		if got := facts.reason(); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}
