package mqtt

import (
	"hash/maphash"
	"slices"
	"strings"
	"sync"
	"time"

	"roomgate/driver"
)

// echo is what comes back from the broker on the topics that a connection publishes.
// Payloads are compared by their hashes and not kept, so that memory is bounded by the
// number of points. It is safe for concurrent use.
type echo struct {
	root string // of all topics, with a slash at the end
	id   string // of this instance
	conn string // random, of this connection
	seed maphash.Seed
	back chan struct{} // holds one when an instance has sent a notice

	mu       sync.Mutex
	subjects map[driver.Subject]*subjectEcho
	status   pointEcho
	any      bool      // a payload of a point has come
	odd      bool      // a payload came that is not a recent one of this connection
	progress time.Time // when a payload of this connection came last
	sent     uint64    // count of the newest notice of this connection
	count    uint64    // of the newest notice of this connection that came
	other    notice    // of another instance, that is connected; zero: none came
}

// subjectEcho is the echo of a subject's points.
type subjectEcho struct {
	points  []pointEcho // by the point's index
	refused bool        // the broker does not allow them to be read
}

// pointEcho is the echo of a point.
type pointEcho struct {
	heard uint64    // hash of the newest payload that came; 0: none
	own   [4]uint64 // hashes of the newest payloads that the broker acknowledged, the newest first
}

// statusIndex is the index of gateway/status, which is not a point.
const statusIndex = -1

func newEcho(o Options) *echo {
	return &echo{root: o.Prefix + "/" + o.Site + "/", id: o.Instance.ID, conn: randomID(), seed: maphash.MakeSeed(),
		back: make(chan struct{}, 1), subjects: map[driver.Subject]*subjectEcho{}, progress: time.Now()}
}

// hash is never 0.
func (e *echo) hash(payload []byte) uint64 { return max(1, maphash.Bytes(e.seed, payload)) }

// take takes a message that came; false: it is not on a topic of this site.
func (e *echo) take(topic string, payload []byte, retained bool) bool {
	rest, ok := strings.CutPrefix(topic, e.root)
	if !ok {
		return false
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if rest == "gateway/instance" {
		e.takeNotice(payload, retained)
		return true
	}
	p := e.find(rest)
	if p == nil {
		return true
	}
	p.heard, e.any = e.hash(payload), true
	if slices.Contains(p.own[:], p.heard) {
		e.progress = time.Now()
	} else {
		e.odd = true
	}
	return true
}

// takeNotice takes a notice. A retained one may be of an earlier connection, or of a
// predecessor.
func (e *echo) takeNotice(payload []byte, retained bool) {
	n, ok := readNotice(payload)
	switch {
	case !ok, retained:
		return
	case n.ID == e.id && (n.Connection != e.conn || n.Count > e.sent): // of an earlier connection, or not of this instance
		return
	case n.ID == e.id:
		e.count, e.progress = max(e.count, n.Count), time.Now()
	default:
		e.other = n
	}
	select {
	case e.back <- struct{}{}:
	default:
	}
}

// next returns the count of the next notice.
func (e *echo) next() uint64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.sent++
	return e.sent
}

// find returns the echo of a topic, given without the root; nil: nothing was published
// there.
func (e *echo) find(rest string) *pointEcho {
	if rest == "gateway/status" {
		return &e.status
	}
	s, name := driver.Subject{Scope: driver.OfGateway}, ""
	switch parts := strings.Split(rest, "/"); {
	case len(parts) == 2 && parts[0] == "gateway":
		name = parts[1]
	case len(parts) == 3 && parts[0] == "rooms":
		s, name = driver.Subject{Scope: driver.OfRoom, ID: parts[1]}, parts[2]
	case len(parts) == 3 && parts[0] == "accounts":
		s, name = driver.Subject{Scope: driver.OfAccount, ID: parts[1]}, parts[2]
	}
	i := s.Scope.Index(name)
	if known := e.subjects[s]; known != nil && i >= 0 && !driver.Catalogue(s.Scope)[i].Transient {
		return &known.points[i]
	}
	return nil
}

// subject returns the echo of a subject.
func (e *echo) subject(s driver.Subject) *subjectEcho {
	known := e.subjects[s]
	if known == nil {
		known = &subjectEcho{points: make([]pointEcho, len(driver.Catalogue(s.Scope)))}
		e.subjects[s] = known
	}
	return known
}

// point returns the echo of a point or of gateway/status.
func (e *echo) point(s driver.Subject, index int) *pointEcho {
	if index == statusIndex {
		return &e.status
	}
	return &e.subject(s).points[index]
}

// published records that the broker has acknowledged a payload.
func (e *echo) published(s driver.Subject, index int, payload string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	p, h := e.point(s, index), max(1, maphash.String(e.seed, payload))
	if p.own[0] != h {
		copy(p.own[1:], p.own[:])
		p.own[0] = h
	}
}

// refuse records that the topics of a subject cannot be read.
func (e *echo) refuse(s driver.Subject) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.subject(s).refused = true
}

// suspect is a topic whose newest payload that came is not the one that the broker has
// acknowledged last.
type suspect struct {
	subject driver.Subject
	index   int
	own     uint64 // hash of the payload that should have come
	state   echoState
}

// echoState is what has come of a payload.
type echoState uint8

const (
	heardNothing echoState = iota
	heardOlder             // an older payload of this connection
	heardForeign           // a payload that somebody else wrote, or a deletion
)

// suspects returns the suspects for which settled is true: nothing of them is due or
// on its way to the broker.
func (e *echo) suspects(settled func(s driver.Subject, index int) bool) []suspect {
	e.mu.Lock()
	defer e.mu.Unlock()
	var found []suspect
	add := func(s driver.Subject, index int, p *pointEcho) {
		if p.own[0] != 0 && p.heard != p.own[0] && settled(s, index) {
			found = append(found, suspect{s, index, p.own[0], p.state()})
		}
	}
	add(driver.Subject{Scope: driver.OfGateway}, statusIndex, &e.status)
	for s, of := range e.subjects {
		if of.refused {
			continue
		}
		for i := range of.points {
			add(s, i, &of.points[i])
		}
	}
	return found
}

func (p *pointEcho) state() echoState {
	switch {
	case p.heard == 0:
		return heardNothing
	case slices.Contains(p.own[1:], p.heard):
		return heardOlder
	}
	return heardForeign
}

// still returns those of the suspects that are the same as before: nothing else was
// published since, and the payload that should have come has not.
func (e *echo) still(were []suspect, settled func(s driver.Subject, index int) bool) []suspect {
	e.mu.Lock()
	defer e.mu.Unlock()
	var found []suspect
	for _, was := range were {
		if p := e.point(was.subject, was.index); p.own[0] == was.own && p.heard != was.own && settled(was.subject, was.index) {
			was.state = p.state()
			found = append(found, was)
		}
	}
	return found
}

// notices returns the newest own count that has come, and the notice of another
// instance that came since the last call.
func (e *echo) notices() (count uint64, other notice, came bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	other, e.other = e.other, notice{}
	return e.count, other, other.ID != ""
}

// strange reports whether payloads have come since the last call that are not recent
// ones of this connection.
func (e *echo) strange() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	was := e.odd
	e.odd = false
	return was
}

// readable reports whether anything has come on the topics of points.
func (e *echo) readable() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.any
}

// lastProgress is when a payload of this connection came last.
func (e *echo) lastProgress() time.Time {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.progress
}
