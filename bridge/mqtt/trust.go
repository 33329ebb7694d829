package mqtt

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"roomgate/driver"
)

// trust is what a Sink knows of whether the broker has what it publishes. It outlives
// connections.
type trust struct {
	concerns [concerns]string       // as reported; empty: none
	contests map[contested]*contest // topics on which something else was found
	other    notice                 // of another instance that is reported; zero: none
	heard    time.Time              // when that was last heard
	deaf     string                 // why own topics cannot be read; empty: they can
	hangUps  int                    // connections in a row that ended because of subscriptions to own topics

	noticeEvery, silentAfter, lookEvery time.Duration
}

// concern is something wrong on a connection that works, the worst first.
type concern int

const (
	writesDropped concern = iota
	otherGateway
	otherWriter
	setAside
	presenceRefused
	concerns
)

// concern records that something is wrong, or with nil that it no longer is, and
// reports the worst.
func (s *Sink) concern(k concern, err error) {
	words := ""
	if err != nil {
		words, _ = driver.Explain(err)
	}
	was := s.trust.concerns[k]
	if was == words {
		return
	}
	s.trust.concerns[k] = words
	s.reportConcerns()
	s.tellConcerns()
	if words != "" {
		s.told.log(slog.LevelError, words, concernTitles[k], "reason", words)
	} else {
		s.told.log(slog.LevelInfo, "over: "+was, concernsOver[k], "broker", s.o.Broker.Host)
	}
}

var (
	concernTitles = [concerns]string{"points do not reach the broker", "another gateway publishes", "points at the broker are changed by others", "points are set aside", "presence is not received"}
	concernsOver  = [concerns]string{"points reach the broker again", "the other gateway has gone", "points at the broker are no longer changed by others", "no point is set aside any more", "all presence topics are received"}
)

// tellConcerns passes on what is wrong.
func (s *Sink) tellConcerns() {
	if s.o.Concerns == nil {
		return
	}
	var all []string
	for _, words := range s.trust.concerns {
		if words != "" {
			all = append(all, words)
		}
	}
	s.o.Concerns(all)
}

// reportConcerns reports the worst concern as the health of the connection.
func (s *Sink) reportConcerns() {
	for _, words := range s.trust.concerns {
		if words != "" {
			s.o.Board.Report(Part, false, words, s.o.Now())
			return
		}
	}
	s.o.Board.Report(Part, true, "connected to the broker at "+s.o.Broker.Host, s.o.Now())
}

// contested is a topic: of a point, or gateway/status.
type contested struct {
	subject driver.Subject
	index   int
}

// contest is a topic on which something else than the gateway's value was found.
type contest struct {
	times int           // how often the value was published again
	wait  time.Duration // until it may be published again
	next  time.Time
	last  time.Time // when something else was last found
	state echoState
}

const (
	longestWait = 30 * time.Minute // between two corrections of a topic
	contestOver = 10 * time.Minute // without anything else on the topic, at least
	named       = 2                // corrections of a topic after which it is reported
)

// due returns those of the suspects that may be published again now.
func (t *trust) due(wrong []suspect, now time.Time) []suspect {
	var due []suspect
	for _, w := range wrong {
		if known := t.contests[contested{w.subject, w.index}]; known == nil || !now.Before(known.next) {
			due = append(due, w)
		}
	}
	return due
}

// contest records what was found wrong, and what of it is published again now. The
// first correction of a topic is made at once and the next a minute later, then at
// growing intervals: two writers must not keep each other busy.
func (s *Sink) contest(wrong, due []suspect, now time.Time) {
	t := &s.trust
	for _, w := range wrong {
		key := contested{w.subject, w.index}
		if t.contests[key] == nil {
			t.contests[key] = &contest{}
		}
		t.contests[key].last, t.contests[key].state = now, w.state
	}
	for _, w := range due {
		known := t.contests[contested{w.subject, w.index}]
		known.times++
		known.wait = min(max(t.noticeEvery, 2*known.wait), longestWait)
		known.next = now.Add(known.wait)
	}
	if len(due) > 0 {
		s.told.log(slog.LevelWarn, "set right", "values at the broker were not the gateway's, and are published again",
			"topics", len(due), "first", s.o.topicOf(due[0].subject, due[0].index))
	}
	s.judgeContests(now)
}

// judgeContests forgets contests that are over, and reports those that go on.
func (s *Sink) judgeContests(now time.Time) {
	t := &s.trust
	var goesOn *contested
	for key, known := range t.contests {
		if now.Sub(known.last) >= max(contestOver, 2*known.wait) {
			delete(t.contests, key)
		} else if known.times >= named && known.state != heardOlder {
			goesOn = &key
		}
	}
	switch {
	case goesOn == nil:
		s.concern(otherWriter, nil)
	case t.concerns[otherWriter] != "": // the topic that was reported stays
	case t.contests[*goesOn].state == heardNothing:
		s.concern(otherWriter, s.o.topicNotKept(s.o.topicOf(goesOn.subject, goesOn.index)))
	default:
		s.concern(otherWriter, s.o.changedByOthers(s.o.topicOf(goesOn.subject, goesOn.index)))
	}
}

func (o Options) topicOf(s driver.Subject, index int) string {
	if index == statusIndex {
		return o.statusTopic()
	}
	return Topic(o.Prefix, o.Site, s, driver.Catalogue(s.Scope)[index].Name)
}

// otherIsConnected records that another instance was heard, and reports whether that is
// new. Of several the first is reported.
func (s *Sink) otherIsConnected(n notice) bool {
	t := &s.trust
	fresh := t.other.ID == ""
	if fresh {
		t.other = n
		s.concern(otherGateway, s.o.anotherGateway(n))
	}
	if n.ID == t.other.ID {
		t.heard = time.Now()
	}
	return fresh
}

// otherMayHaveGone ends the report of another instance that is no longer heard, and of
// contests that are over.
func (s *Sink) otherMayHaveGone(now time.Time) {
	if t := &s.trust; t.other.ID != "" && now.Sub(t.heard) >= otherGoneFor {
		t.other = notice{}
		s.concern(otherGateway, nil)
	}
	s.judgeContests(now)
}

// notListening records that own topics cannot be read, and why, and says so once.
func (s *Sink) notListening(reason error) {
	if s.trust.deaf != "" {
		return
	}
	s.trust.deaf, _ = driver.Explain(reason)
	s.o.Log.Log(context.Background(), slog.LevelWarn, "what others change at the broker is not seen", "reason", s.trust.deaf)
}

// changedByOthers is the error for another client that writes to the gateway's topics.
func (o Options) changedByOthers(topic string) error {
	return &failure{
		words:  fmt.Sprintf("another client at the broker at %s changes or deletes values of this gateway, such as %s, again and again", o.Broker.Host, topic),
		action: fmt.Sprintf("find the client in the broker's log, and let only the gateway's user write %s in the broker's access rules", o.everything()),
		person: true,
	}
}

// ownTopicsHidden is the error for a broker that does not let the gateway read what it
// publishes.
func (o Options) ownTopicsHidden() error {
	return &failure{
		words:  fmt.Sprintf("the broker at %s does not let %s read its own topics", o.Broker.Host, o.who()),
		action: o.allowReading([]string{o.everything()}),
	}
}

// hungUpOnListening is the error for a broker that ended the connection instead of
// answering a subscription to own topics.
func (o Options) hungUpOnListening(filter string) error {
	return &failure{
		words:  "the broker at " + o.Broker.Host + " closed the connection after a subscription to " + filter,
		action: "if this happens again, " + o.allowReading([]string{o.everything()}),
	}
}

// silentOnListening is the error for a connection on which nothing arrives after a
// subscription to own topics.
func (o Options) silentOnListening(filter string, cause error) error {
	return &failure{
		words:  fmt.Sprintf("nothing arrived from the broker at %s after a subscription to %s", o.Broker.Host, filter),
		action: "if this happens again, see that the network between this machine and the broker carries large packets (the MTU of tunnels), and the broker's log",
		cause:  cause,
	}
}
