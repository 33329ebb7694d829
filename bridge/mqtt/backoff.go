package mqtt

import (
	"context"
	"log/slog"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"

	"roomgate/driver"
)

// backOff decides how long to wait before the next connection. It belongs to the
// goroutine of [Sink.Run].
type backOff struct {
	first, longest time.Duration
	wait           time.Duration // before the next connection
}

// next returns how long to wait, and doubles the wait after that. A connection that
// was online for less than twice the longest wait changes nothing: two gateways of one
// client id disconnect each other, and each is online for as long as the other waits.
func (b *backOff) next(online time.Duration, jitter func(time.Duration) time.Duration) time.Duration {
	if b.wait == 0 || b.steady(online) {
		b.wait = b.first
	}
	wait := b.wait/2 + jitter(b.wait/2)
	b.wait = min(2*b.wait, b.longest)
	return wait
}

// steady reports whether a connection was online for long enough to be trusted.
func (b *backOff) steady(online time.Duration) bool { return online >= 2*b.longest }

// pause waits before the next connection; false: ctx has ended. A gateway that was
// disconnected because another one uses its client id leaves the broker to that one for
// a while: connecting would disconnect the other, with all values published again.
func (s *Sink) pause(ctx context.Context, ended ending) bool {
	if !await(ctx, s, time.After(s.back.next(ended.online, s.o.Jitter))) {
		return false
	}
	if !ended.proven || !hungUp(ended.err) {
		return true
	}
	yield := min(max(shortestYield, 2*s.yield), longestYield)
	other, alive := s.look(ctx)
	for began := time.Now(); alive && other.ID != s.o.Instance.ID && other.ClientID == s.o.ClientID; {
		s.otherIsConnected(other)
		s.reportConcerns()
		s.yield = yield
		if time.Since(began) >= yield {
			break
		}
		if !await(ctx, s, time.After(s.trust.lookEvery)) {
			return false
		}
		before := other
		if other, alive = s.look(ctx); other == before && time.Since(began) >= otherSilentFor {
			break // it no longer sends notices: it has gone, and the broker did not notice
		}
	}
	return ctx.Err() == nil
}

const (
	lookEvery      = time.Minute      // at who publishes, while another gateway is left alone
	shortestYield  = 10 * time.Minute // to another gateway of the same client id
	longestYield   = time.Hour
	otherSilentFor = 3 * time.Minute
)

// ending is how a connection ended.
type ending struct {
	err       error
	online    time.Duration // for how long the broker had the whole board
	proven    bool          // a notice had come back, so that the broker keeps what this gateway publishes
	listening bool          // it ended because of a subscription to own topics
}

// look returns the notice that the broker retains, and whether gateway/status is
// online. It uses a client id of its own, so that it disconnects nobody. A look that
// fails sees nobody.
func (s *Sink) look(ctx context.Context) (n notice, online bool) {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout) // nothing is reported of the loop meanwhile
	defer cancel()
	reader, err := s.o.dialShort(ctx, "-status")
	if err != nil {
		return notice{}, false
	}
	defer reader.client.Disconnect(100)
	values := make(chan paho.Message, 2)
	take := func(_ paho.Client, m paho.Message) {
		select {
		case values <- m:
		default:
		}
	}
	for _, topic := range []string{s.o.statusTopic(), s.o.instanceTopic()} {
		asked := reader.client.Subscribe(topic, 0, take)
		if err := reader.await(ctx, asked); err != nil || refusedBy(asked) {
			return notice{}, false
		}
	}
	timeUp := time.After(retainedTimeout)
	for range 2 {
		select {
		case m := <-values:
			if m.Topic() == s.o.statusTopic() {
				online = string(m.Payload()) == statusOnline
			} else {
				n, _ = readNotice(m.Payload())
			}
		case <-timeUp:
			return n, false
		case <-ctx.Done():
			return notice{}, false
		}
	}
	return n, online && n.ID != ""
}

// failed reports that there is no connection, and why.
func (s *Sink) failed(ended ending) {
	if s.back.steady(ended.online) {
		s.told.over()
		s.yield = 0
		if !ended.listening {
			s.trust.hangUps = 0
		}
	}
	words, person := driver.Explain(ended.err)
	s.o.Board.Report(Part, false, words, s.o.Now())
	level := slog.LevelWarn
	if person {
		level = slog.LevelError
	}
	if s.told.log(level, words, "no broker", "reason", words) {
		s.quiet = false
	}
}

// online reports that the broker holds the whole board. That is logged only after
// something else was.
func (s *Sink) online() {
	s.reportConcerns()
	if !s.quiet {
		s.quiet = true
		s.o.Log.Info("all points are published", "broker", s.o.Broker.Host)
	}
}
