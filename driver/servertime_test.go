package driver

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// answers are those of one server, a minute apart from the given minute on, each
// after a round trip of 200 ms, by a server whose clock is behind the gateway's by the
// given times.
func answers(server string, fromMinute int, behind ...time.Duration) []ServerTime {
	var all []ServerTime
	for i, b := range behind {
		sent := time.Duration(fromMinute+i) * time.Minute
		all = append(all, ServerTime{server, gatewayStart.Add(sent + 100*time.Millisecond - b).Truncate(time.Second), sent, sent + 200*time.Millisecond})
	}
	return all
}

var gatewayStart = time.Date(2026, 11, 2, 8, 0, 0, 300e6, time.UTC)

func TestClockFromAnswers(t *testing.T) {
	const graph, login, exchange = "graph.example", "login.example", "mail.example"
	outlier := time.Hour
	for _, tt := range []struct {
		name    string
		answers [][]ServerTime
		after   time.Duration // since the start of the gateway
		stepped time.Duration // of the gateway's clock since the answers
		want    clockState    // of which the offset is accurate to a second
	}{
		{"no answers", nil, time.Hour, 0, clockState{}},
		{"one answer that agrees", [][]ServerTime{answers(graph, 0, 0)}, time.Minute, 0, clockState{true, 0, "", clockIsRight}},
		{"one answer against the gateway's clock", [][]ServerTime{answers(graph, 0, time.Hour)}, time.Minute, 0, clockState{}},
		{"two answers against it", [][]ServerTime{answers(graph, 0, time.Hour, time.Hour)}, 2 * time.Minute, 0, clockState{true, time.Hour, graph, clockIsWrong}},
		{"the token endpoint confirms", [][]ServerTime{answers(login, 0, -time.Hour), answers(graph, 0, -time.Hour)}, time.Minute, 0, clockState{true, -time.Hour, login, clockIsWrong}},
		{"29 seconds", [][]ServerTime{answers(graph, 0, 29*time.Second, 29*time.Second)}, 2 * time.Minute, 0, clockState{true, 29 * time.Second, graph, clockIsRight}},
		{"32 seconds", [][]ServerTime{answers(graph, 0, 32*time.Second, 32*time.Second)}, 2 * time.Minute, 0, clockState{true, 32 * time.Second, graph, clockIsOff}},
		{"32 seconds behind", [][]ServerTime{answers(graph, 0, -32*time.Second, -32*time.Second)}, 2 * time.Minute, 0, clockState{true, -32 * time.Second, graph, clockIsOff}},
		{"ten minutes", [][]ServerTime{answers(graph, 0, 598*time.Second, 598*time.Second)}, 2 * time.Minute, 0, clockState{true, 598 * time.Second, graph, clockIsOff}},
		{"more than ten minutes", [][]ServerTime{answers(graph, 0, 602*time.Second, 602*time.Second)}, 2 * time.Minute, 0, clockState{true, 602 * time.Second, graph, clockIsWrong}},
		{"an outlier among good ones", [][]ServerTime{answers(graph, 0, 0, outlier, 0)}, 3 * time.Minute, 0, clockState{true, 0, "", clockIsRight}},
		{"an outlier first", [][]ServerTime{answers(graph, 0, outlier, 0)}, 2 * time.Minute, 0, clockState{true, 0, "", clockIsRight}},
		{"an outlier of a wrong clock", [][]ServerTime{answers(graph, 0, 20*time.Minute, 0, 20*time.Minute)}, 3 * time.Minute, 0, clockState{true, 0, "", clockIsRight}},
		{"it is displaced", [][]ServerTime{answers(graph, 0, 20*time.Minute, 0, 20*time.Minute, 20*time.Minute, 20*time.Minute)}, 5 * time.Minute, 0, clockState{true, 20 * time.Minute, graph, clockIsWrong}},
		{"one server of three is wrong", [][]ServerTime{answers(exchange, 0, outlier, outlier, outlier), answers(graph, 0, 0, 0, 0), answers(login, 0, 0)}, 3 * time.Minute, 0, clockState{true, 0, "", clockIsRight}},
		{"one server of two is wrong, and the gateway agrees with the other", [][]ServerTime{answers(exchange, 0, outlier, outlier, outlier), answers(graph, 0, 0, 0, 0)}, 3 * time.Minute, 0, clockState{true, 0, "", clockIsRight}},
		{"two servers of three against it", [][]ServerTime{answers(exchange, 0, 0, 0, 0), answers(graph, 0, outlier, outlier, outlier), answers(login, 0, outlier, outlier, outlier)}, 3 * time.Minute, 0, clockState{true, 0, "", clockIsRight}},
		{"three servers of four against it", [][]ServerTime{answers(exchange, 0, 0, 0, 0), answers(graph, 0, outlier, outlier), answers(login, 0, outlier, outlier), answers("feed.example", 0, outlier)}, 3 * time.Minute, 0, clockState{true, outlier, "feed.example", clockIsWrong}},
		{"one server of two is wrong, which answers more often", [][]ServerTime{answers(login, 0, 0), answers(graph, 1, 20*time.Minute, 20*time.Minute, 20*time.Minute)}, 4 * time.Minute, 0, clockState{true, 0, "", clockIsRight}},
		{"it has been the only one to answer since yesterday", [][]ServerTime{answers(login, 0, 0), answers(graph, 25*60, 20*time.Minute, 20*time.Minute, 20*time.Minute)}, 25*time.Hour + 3*time.Minute, 0, clockState{true, 0, "", clockIsRight}},
		{"it is behind, and the other one answered wrongly once", [][]ServerTime{answers(login, 0, 0, outlier, 0), answers(graph, 1, -20*time.Minute, -20*time.Minute)}, 4 * time.Minute, 0, clockState{true, 0, "", clockIsRight}},
		{"two servers that say that it is ahead, but contradict each other", [][]ServerTime{answers(graph, 0, outlier, outlier, outlier), answers(login, 0, 20*time.Minute, 20*time.Minute)}, 3 * time.Minute, 0, clockState{}},
		{"two servers whose clocks are a minute apart", [][]ServerTime{answers(graph, 0, outlier, outlier, outlier), answers(login, 0, outlier+time.Minute)}, 3 * time.Minute, 0, clockState{true, outlier, graph, clockIsWrong}},
		{"two servers, of which one says that it is off", [][]ServerTime{answers(graph, 0, 5*time.Minute, 5*time.Minute, 5*time.Minute), answers(login, 0, 45*time.Second)}, 3 * time.Minute, 0, clockState{true, 45 * time.Second, login, clockIsOff}},
		{"the only server says two things", [][]ServerTime{answers(graph, 0, outlier, 20*time.Minute)}, 2 * time.Minute, 0, clockState{}},
		{"two that contradict each other and the gateway", [][]ServerTime{answers(exchange, 0, outlier, outlier, outlier), answers(graph, 0, -outlier, -outlier, -outlier)}, 3 * time.Minute, 0, clockState{}},
		{"no answers for two days", [][]ServerTime{answers(graph, 0, time.Hour, time.Hour)}, 48*time.Hour + 2*time.Minute, 0, clockState{}},
		{"no answers for half a day", [][]ServerTime{answers(graph, 0, time.Hour, time.Hour)}, 12 * time.Hour, 0, clockState{true, time.Hour, graph, clockIsWrong}},
		{"the clock was set right since", [][]ServerTime{answers(graph, 0, time.Hour, time.Hour, time.Hour)}, 3 * time.Minute, -time.Hour, clockState{true, 0, "", clockIsRight}},
		{"a clock of 1970", [][]ServerTime{answers(graph, 0, 0, 0, 0)}, 3 * time.Minute, time.Unix(0, 0).Sub(gatewayStart), clockState{true, time.Unix(0, 0).Sub(gatewayStart), graph, clockIsWrong}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var all []ServerTime
			for _, a := range tt.answers {
				for _, answer := range a {
					all = addServerTime(all, answer)
				}
			}
			got := clockState{}.next(all, gatewayStart.Add(tt.after+tt.stepped), tt.after)
			if (got.offset - tt.want.offset).Abs() <= time.Second {
				got.offset = tt.want.offset
			}
			if got.known && got.level == clockIsRight {
				got.server = tt.want.server // of several that agree
			}
			if got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}

// The answer of a slow connection says little, and nothing wrong.
func TestClockFromSlowAnswers(t *testing.T) {
	slow := func(sent, took time.Duration, behind time.Duration) ServerTime {
		return ServerTime{"graph.example", gatewayStart.Add(sent + took - behind).Truncate(time.Second), sent, sent + took} // read at the end
	}
	for took, want := range map[time.Duration]clockLevel{0: clockIsOff, 3 * time.Second: clockIsOff, 10 * time.Second: clockIsRight, 50 * time.Second: clockIsRight} {
		all := []ServerTime{slow(0, took, 35*time.Second), slow(time.Minute, took, 35*time.Second)}
		if got := (clockState{}).next(all, gatewayStart.Add(2*time.Minute), 2*time.Minute); got.level != want {
			t.Errorf("after %s, 35 s ahead is %+v, want %d", took, got, want)
		}
	}
}

// A cache that answers with the same Date for an hour does not make the clock wrong, even
// if fresh answers come in between, or if all come at once.
func TestClockFromACache(t *testing.T) {
	for name, every := range map[string]time.Duration{"at once": 0, "by and by": time.Minute} {
		all := addServerTime(nil, answers("feed.example", 0, 0)[0])
		for i := range 60 {
			again := all[0]
			again.Sent, again.Received = time.Hour+time.Duration(i+1)*every, time.Hour+time.Duration(i+1)*every
			all = addServerTime(all, again)
		}
		fresh := answers("feed.example", 150, 0)[0]
		all = addServerTime(addServerTime(all, fresh), all[0])
		got := clockState{}.next(all, gatewayStart.Add(151*time.Minute), 151*time.Minute)
		if len(all) != 2 || !got.known || got.offset != 0 {
			t.Errorf("%s: %d answers, %+v", name, len(all), got)
		}
	}
}

// What is kept of the answers is bounded.
func TestServerTimesAreBounded(t *testing.T) {
	var all []ServerTime
	for i := range 1000 {
		all = addServerTime(all, answers(strings.Repeat("a", i/5), i, 0)[0])
	}
	if len(all) != readingsAtMost {
		t.Errorf("%d answers", len(all))
	}
}

// hear has the driver hear a server for a time, once a minute. The Date is cut to the
// second.
func (w *world) hear(d *Driver, length time.Duration) {
	for range length / minute {
		d.ReportServerTime(ServerTime{"graph.example", time.Now().Truncate(time.Second), d.Elapsed(), d.Elapsed()})
		pass(minute)
	}
}

// The clock deviates by 7.3 seconds a minute for two hours and is set right, and then a
// person sets it wrong. Log, report, points and quality say the same, once.
func TestClockThatDeviates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, minute)
		var reported []string
		w.ClockFault = func(words string) { reported = append(reported, time.Since(dawn).String()+" "+words) }
		d, _ := w.run(t)
		for range 120 {
			w.clock.step(7300 * time.Millisecond)
			w.hear(d, minute)
		}
		w.clock.step(-876 * second)
		w.hear(d, 2*minute)
		w.clock.step(-time.Hour)
		w.hear(d, 2*minute)
		w.expect(t, boardroom, "quality", "0s unknown, 0s good, 1h32m5.9s fault, 2h0m0s stale, 2h0m0s good, 1h2m0s stale, 1h2m0s good, 1h3m0s fault")
		for words, want := range map[string]int{"clock is off": 1, "clock is wrong": 2, "clock is right again": 1, "clock was stepped": 2} {
			if n := w.log.count(words); n != want {
				t.Errorf("%q was logged %d times, want %d", words, n, want)
			}
		}
		wants := []struct{ at, words string }{{"4m0s", "36 seconds ahead of"}, {"1h18m0s", "10 minutes ahead of"}, {"2h0m0s", ""}, {"2h3m0s", "60 minutes behind"}}
		for _, want := range wants {
			if !slices.ContainsFunc(reported, func(s string) bool { return strings.HasPrefix(s, want.at+" ") && strings.Contains(s, want.words) }) {
				t.Errorf("not reported: %v, but %q", want, reported)
			}
		}
		// The server's clock is up to a second past the Date: -3601 to -3600 s.
		if got := w.published.value(gateway, ClockOffset); got != IntValue(-3601) {
			t.Errorf("clock_offset is %v", got)
		}
		const fault = "the gateway's clock is 60 minutes behind the clocks of the calendar's servers; set the time and switch on time synchronisation: timedatectl set-ntp true"
		if got := w.published.value(boardroom, Fault).Text(); got != fault {
			t.Errorf("fault: %s", got)
		}
	})
}

// The answer by which the driver notices that the clock was set is one for the new time:
// with the one before it there are two.
func TestFirstAnswerAfterAStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, time.Hour)
		d, _ := w.run(t)
		w.hear(d, 3*minute)
		pass(10 * second)
		w.clock.step(time.Hour)
		w.hear(d, minute)
		if got := w.published.value(gateway, ClockOffset); got != IntValue(3600) && got != IntValue(3599) {
			t.Errorf("clock_offset is %v", got)
		}
	})
}

// A clock that is off by a constant time with a fraction of a second is one offset, and
// exactly 30 seconds change nothing back and forth.
func TestClockOffsetIsSteady(t *testing.T) {
	for _, off := range []time.Duration{400 * time.Millisecond, 12*second + 700*time.Millisecond, 30 * second} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, minute)
			changes := 0
			w.ClockFault = func(string) { changes++ }
			w.clock.step(off)
			d, _ := w.run(t)
			for i := range 120 {
				w.hear(d, minute)
				pass(time.Duration(i*37%100) * 10 * time.Millisecond) // all fractions of a second
			}
			if history := strings.Count(w.published.history(gateway, ClockOffset), ","); history > 2 || changes > 1 { // not known, one answer, two answers
				t.Errorf("%s: clock_offset %s; reported %d times", off, w.published.history(gateway, ClockOffset), changes)
			}
		})
	}
}
