package graph

import (
	"context"
	"errors"
	"net/http"
	"time"

	"roomgate/driver"
)

// asker handles the result of its question. It may ask more.
type asker interface {
	// answered reads the answer, whose bytes must not be kept. An error means
	// that they are invalid, and the question is repeated.
	answered(body []byte) error
	// failed is called with the error when the question is given up.
	failed(err error)
}

// question is a call in a queue.
type question struct {
	call
	asker
	last driver.Digest // of the answer it had last time; the same answer need not be parsed

	tries     int       // that failed
	due       time.Time // earliest time to send it
	renewed   bool      // repeated with a new token
	unbatched bool      // to be sent alone, because a batch with it was refused
}

// decoding is an asker that decodes JSON into out.
type decoding struct {
	out any
	err error // why there was no answer
}

// answered implements asker.
func (d *decoding) answered(body []byte) error { return decode(body, d.out) }

// failed implements asker.
func (d *decoding) failed(err error) { d.err = err }

// queue sends questions, up to twenty in a request and four requests at once, within
// the rate limit of each mailbox. A question is repeated if the service was busy; a
// throttled one waits alone and delays no other. Answers are handled on the goroutine
// of run.
type queue struct {
	client   *Client
	cost     *cost
	waiting  []*question    // in the order they were asked
	inFlight int            // requests
	asked    map[string]int // questions in flight, by mailbox
	atOnce   bool           // a person is waiting: a question is asked once although its mailbox should wait
	done     chan sentRequest
	buffers  [][]byte // reused for answers: those of one Fetch are large and of similar size
	ended    error    // error of the context; nothing more is sent
}

func (c *Client) queue(cost *cost) *queue {
	return &queue{client: c, cost: cost, asked: map[string]int{}, done: make(chan sentRequest, concurrent)}
}

// ask puts a question into the queue.
func (q *queue) ask(qn *question) {
	if q.ended != nil {
		qn.failed(&Error{Op: qn.op, Err: q.ended})
		return
	}
	q.waiting = append(q.waiting, qn)
}

// run sends questions until each has been answered or has failed. When ctx ends, the
// rest fail with its error.
func (q *queue) run(ctx context.Context) {
	q.atOnce = driver.IsAtOnce(ctx)
	for {
		wait := q.sendReady(ctx)
		if q.inFlight == 0 && len(q.waiting) == 0 {
			return
		}
		var timer <-chan time.Time
		if wait > 0 {
			timer = q.client.o.Clock.After(wait)
		}
		var cancelled <-chan struct{}
		if q.ended == nil {
			cancelled = ctx.Done()
		}
		select {
		case r := <-q.done:
			q.handle(r)
		case <-timer:
		case <-cancelled:
			q.end(ctx.Err())
		}
	}
}

// end fails the waiting questions.
func (q *queue) end(err error) {
	q.ended = err
	waiting := q.waiting
	q.waiting = nil
	for _, qn := range waiting {
		qn.failed(&Error{Op: qn.op, Err: err})
	}
}

// sendReady sends the questions that may be sent now, and returns the time until more
// may be; 0: that depends on an answer, not on time.
func (q *queue) sendReady(ctx context.Context) time.Duration {
	for q.inFlight < concurrent {
		now := q.client.o.Clock.Now()
		q.dropHeld(now)
		questions, wait := q.pick(now)
		if len(questions) == 0 {
			return wait
		}
		q.inFlight++
		for _, qn := range questions {
			q.asked[qn.mailbox]++
		}
		buffer := q.buffer(expectedSize(questions))
		go func() { q.done <- q.client.send(ctx, questions, q.cost, buffer) }()
	}
	return 0
}

// dropHeld gives up questions of mailboxes whose Retry-After is longer than a
// reading can wait.
func (q *queue) dropHeld(now time.Time) {
	var kept, dropped []*question
	var refusals []*Error
	for _, qn := range q.waiting {
		if e := q.client.limits.refusal(qn, now); e != nil && !q.ignoresHold(qn) {
			dropped, refusals = append(dropped, qn), append(refusals, e)
		} else {
			kept = append(kept, qn)
		}
	}
	if dropped == nil {
		return
	}
	q.waiting = kept
	for i, qn := range dropped {
		qn.failed(refusals[i])
	}
}

// ignoresHold reports whether a question is asked although its mailbox should wait:
// the first time, when a person is waiting for the answer.
func (q *queue) ignoresHold(qn *question) bool { return q.atOnce && qn.tries == 0 }

// hold is how long a question waits for its mailbox.
func (q *queue) hold(qn *question, now time.Time) time.Duration {
	if q.ignoresHold(qn) {
		return 0
	}
	return q.client.limits.held(qn.mailbox, now)
}

// pick takes the questions of the next request out of the queue, the first that
// may be asked and those that fit into a batch with it, and takes their requests
// from the mailboxes' quotas. A mailbox that is being asked is left until it has
// answered. wait is how long until another question may be asked.
func (q *queue) pick(now time.Time) (questions []*question, wait time.Duration) {
	inBatch := map[string]int{} // questions, by mailbox
	size := q.client.limits.batchSize(now)
	var rest []*question
	for i, qn := range q.waiting {
		if len(questions) == size || len(questions) > 0 && questions[0].unbatched {
			rest = append(rest, q.waiting[i:]...)
			break
		}
		if q.asked[qn.mailbox] > 0 || inBatch[qn.mailbox] >= q.client.limits.perBatch(qn.mailbox) || qn.unbatched && len(questions) > 0 {
			rest = append(rest, qn)
			continue
		}
		left := max(qn.delay(now), q.hold(qn, now))
		if left <= 0 {
			left = q.client.limits.reserve(qn.mailbox, now)
		}
		if left > 0 {
			if wait == 0 || left < wait {
				wait = left
			}
			rest = append(rest, qn)
			continue
		}
		inBatch[qn.mailbox]++
		questions = append(questions, qn)
	}
	q.waiting = rest
	return questions, wait
}

// delay is how long the question is still to wait before it is tried again.
func (qn *question) delay(now time.Time) time.Duration {
	left := qn.due.Sub(now)
	if left > 2*longestWait { // the clock was set back
		return 0
	}
	return left
}

// buffer returns a buffer for an answer of about the size.
func (q *queue) buffer(size int) []byte {
	n := len(q.buffers)
	if n == 0 || cap(q.buffers[n-1]) < size {
		return make([]byte, 0, size)
	}
	b := q.buffers[n-1]
	q.buffers = q.buffers[:n-1]
	return b
}

// largeAnswer is the largest buffer, in bytes, that is kept for reuse; ordinary answers
// are smaller.
const largeAnswer = 4 << 20

// expectedSize is the size of the answer if it is the same as last time: a
// buffer that grows by doubling takes three times as much.
func expectedSize(questions []*question) int {
	const envelope, spare = 300, 4 << 10 // bytes around a part, and at the end
	n := spare
	for _, qn := range questions {
		n += qn.last.Length + envelope
	}
	return n
}

// handle passes the answers of a request to their askers, or repeats questions.
func (q *queue) handle(r sentRequest) {
	q.inFlight--
	inBatch, throttled := map[string]int{}, map[string]int{}
	for _, qn := range r.questions {
		inBatch[qn.mailbox]++
		if q.asked[qn.mailbox]--; q.asked[qn.mailbox] == 0 {
			delete(q.asked, qn.mailbox)
		}
	}
	rejected := false
	answered, held := map[string]bool{}, map[string]bool{} // mailboxes; held: that asked to wait
	for i, qn := range r.questions {
		if r.tokenErr != nil {
			qn.failed(r.tokenErr) // has no Op: it is an error of the sign-in
			continue
		}
		e := q.read(qn, r.answers[i], r.errs[i])
		if e == nil {
			answered[qn.mailbox] = true
			continue
		}
		if e.Status == http.StatusUnauthorized && !qn.renewed && !rejected {
			rejected = true
			q.client.o.Tokens.Rejected(r.token)
		}
		held[qn.mailbox] = held[qn.mailbox] || e.RetryAfter > 0
		ofBatch := len(r.questions) > 1 && r.errs[i] != nil
		if e.throttled() {
			q.cost.throttled.Add(1)
			if !ofBatch {
				throttled[qn.mailbox]++
			}
		}
		q.retry(qn, e, ofBatch)
	}
	for mailbox := range answered {
		if q.atOnce && !held[mailbox] {
			q.client.limits.release(mailbox)
		}
	}
	for mailbox, n := range throttled {
		q.client.limits.learn(mailbox, inBatch[mailbox], n)
	}
	if cap(r.buffer) <= largeAnswer {
		q.buffers = append(q.buffers, r.buffer)
	}
}

// read passes an answer to its asker, and returns its error.
func (q *queue) read(qn *question, a answer, e *Error) *Error {
	now := q.client.o.Clock.Now()
	if e != nil {
		return e
	}
	if e := a.fault(qn.op, now); e != nil {
		return e
	}
	err := qn.answered(a.body)
	if err == nil {
		return nil
	}
	if unusable := (*Error)(nil); errors.As(err, &unusable) {
		return unusable
	}
	if errors.Is(err, errTooMany) {
		return a.error(qn.op, err)
	}
	return a.error(qn.op, a.notJSON(err))
}

// retry repeats a question that failed, or gives it up. ofBatch means that its batch
// failed as a whole.
func (q *queue) retry(qn *question, e *Error, ofBatch bool) {
	now := q.client.o.Clock.Now()
	switch {
	case e.Status == http.StatusUnauthorized && !qn.renewed:
		qn.renewed = true
		q.ask(qn)
		return
	case ofBatch && e.refusesBatch():
		qn.unbatched = true
		if e.Status > http.StatusBadRequest && e.Status != http.StatusFailedDependency {
			q.client.limits.noBatches(now)
		}
		q.ask(qn)
		return
	}
	qn.tries++
	wait := q.client.retryDelay(e, qn.tries)
	final := !e.temporary() || qn.tries >= attempts || wait > longestWait
	if e.RetryAfter > 0 {
		q.client.limits.hold(qn.mailbox, now, e)
	}
	if final {
		e.login = q.client.o.Login
		qn.failed(e)
		return
	}
	qn.due = now.Add(wait)
	q.ask(qn)
}

// refusesBatch reports whether a batch was refused as a whole: one of its parts is
// malformed, or a proxy blocks batches. Sending each question alone shows which.
func (e *Error) refusesBatch() bool {
	return e.Status >= http.StatusBadRequest && e.Status < http.StatusInternalServerError &&
		e.Status != http.StatusUnauthorized && e.Status != http.StatusTooManyRequests ||
		e.Status == http.StatusOK && e.foreign()
}
