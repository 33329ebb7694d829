package graph

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// batchSize is how many questions one request may hold
// (learn.microsoft.com/graph/json-batching).
const batchSize = 20

// question is a call that waits for its turn, and what becomes of its answer.
type question struct {
	call
	// read takes the answer over; the bytes are not kept. An error says that
	// they are not understood, and the question is asked again.
	read   func(body []byte) error
	failed func(err error) // it was given up
	last   print           // of the answer it had last time; what repeats it is not looked into

	tries   int
	due     time.Time // not to be asked before
	renewed bool      // with a new token
	alone   bool      // not in a batch: one that held it was not answered
}

// queue asks questions, up to twenty in a request and four requests at once,
// and sees to it that no mailbox is asked for more than it takes. What is busy
// is asked again; what is throttled waits by itself and holds up no other.
// Answers are handed over on the goroutine of run, where they may ask more.
type queue struct {
	client  *Client
	paid    *cost
	waiting []*question    // in the order they were asked
	flying  int            // requests
	busy    map[string]int // questions in flight, by mailbox
	landed  chan flight
	spare   [][]byte // buffers for answers: those of a reading are large, and alike
	ended   error    // the context's; nothing more is asked
}

// flight is a request with its questions and what came of each.
type flight struct {
	group   []*question
	token   string
	answers []answer
	errs    []*Error // of a question without an answer
	refused error    // there was no token to ask with
	buffer  []byte   // what the answers stand in
}

func (c *Client) queue(paid *cost) *queue {
	return &queue{client: c, paid: paid, busy: map[string]int{}, landed: make(chan flight, concurrent)}
}

// ask puts a question into the queue.
func (q *queue) ask(qn *question) {
	if q.ended != nil {
		qn.failed(&Error{Op: qn.op, Err: q.ended})
		return
	}
	q.waiting = append(q.waiting, qn)
}

// run asks until every question has been read or has failed. When ctx ends,
// what is left fails with its error.
func (q *queue) run(ctx context.Context) {
	for {
		wait := q.launch(ctx)
		if q.flying == 0 && len(q.waiting) == 0 {
			return
		}
		var alarm <-chan time.Time
		if wait > 0 {
			alarm = q.client.o.Clock.After(wait)
		}
		var over <-chan struct{}
		if q.ended == nil {
			over = ctx.Done()
		}
		select {
		case f := <-q.landed:
			q.land(f)
		case <-alarm:
		case <-over:
			q.end(ctx.Err())
		}
	}
}

// end gives up what waits.
func (q *queue) end(err error) {
	q.ended = err
	left := q.waiting
	q.waiting = nil
	for _, qn := range left {
		qn.failed(&Error{Op: qn.op, Err: err})
	}
}

// launch sends what may be asked now, and returns how long until more may be,
// as far as time alone decides; 0: it does not.
func (q *queue) launch(ctx context.Context) time.Duration {
	for q.flying < concurrent {
		now := q.client.o.Clock.Now()
		q.drop(now)
		group, wait := q.pick(now)
		if len(group) == 0 {
			return wait
		}
		q.flying++
		for _, qn := range group {
			q.busy[qn.mailbox]++
		}
		buffer := q.buffer(expected(group))
		go func() { q.landed <- q.client.send(ctx, group, q.paid, buffer) }()
	}
	return 0
}

// buffer returns a buffer for an answer of about the size.
func (q *queue) buffer(size int) []byte {
	n := len(q.spare)
	if n == 0 || cap(q.spare[n-1]) < size {
		return make([]byte, 0, size)
	}
	b := q.spare[n-1]
	q.spare = q.spare[:n-1]
	return b
}

// drop gives up questions of mailboxes that asked to be left alone for longer
// than a reading can wait.
func (q *queue) drop(now time.Time) {
	kept, dropped := []*question(nil), []*question(nil)
	for _, qn := range q.waiting {
		if q.client.limits.held(qn.mailbox, now) > longestWait {
			dropped = append(dropped, qn)
		} else {
			kept = append(kept, qn)
		}
	}
	if dropped == nil {
		return
	}
	q.waiting = kept
	for _, qn := range dropped {
		left := q.client.limits.held(qn.mailbox, now)
		qn.failed(&Error{Op: qn.op, Status: http.StatusTooManyRequests, Code: "TooManyRequests", RetryAfter: left,
			Message: "Microsoft asked to wait until " + now.Add(left).UTC().Format(time.RFC3339)})
	}
}

// pick takes the questions of the next request out of the queue: the first that
// may be asked, and what fits into a batch with it. A mailbox that is being
// asked is left until it has answered.
func (q *queue) pick(now time.Time) (group []*question, wait time.Duration) {
	together := map[string]int{}
	size := q.client.limits.batchSize(now)
	var rest []*question
	for i, qn := range q.waiting {
		if len(group) == size || len(group) > 0 && group[0].alone {
			rest = append(rest, q.waiting[i:]...)
			break
		}
		fits := q.busy[qn.mailbox] == 0 && together[qn.mailbox] < q.client.limits.atOnce(qn.mailbox) && !(qn.alone && len(group) > 0)
		var left time.Duration
		if fits {
			left = q.until(qn, now)
		}
		if !fits || left > 0 {
			if left > 0 && (wait == 0 || left < wait) {
				wait = left
			}
			rest = append(rest, qn)
			continue
		}
		together[qn.mailbox]++
		group = append(group, qn)
	}
	q.waiting = rest
	return group, wait
}

// until is how long to wait before the question may be asked; when it is 0 the
// mailbox's share has been taken.
func (q *queue) until(qn *question, now time.Time) time.Duration {
	own := qn.due.Sub(now)
	if own > 2*longestWait { // the clock was set back
		own = 0
	}
	if left := max(own, q.client.limits.held(qn.mailbox, now)); left > 0 {
		return left
	}
	return q.client.limits.take(qn.mailbox, now)
}

// send asks the questions in one request.
func (c *Client) send(ctx context.Context, group []*question, paid *cost, buffer []byte) flight {
	f := flight{group: group, answers: make([]answer, len(group)), errs: make([]*Error, len(group)), buffer: buffer}
	if f.token, f.refused = c.o.Tokens.Token(ctx); f.refused != nil {
		return f
	}
	if len(group) == 1 {
		f.answers[0], f.errs[0] = c.exchange(ctx, group[0].call, f.token, paid, &f.buffer)
		return f
	}
	parts, e := c.batch(ctx, &f, paid)
	for i, qn := range group {
		switch p := slices.IndexFunc(parts, func(p partAnswer) bool { return p.id == strconv.Itoa(i) }); {
		case e != nil:
			own := *e
			own.Op = qn.op
			f.errs[i] = &own
		case p < 0:
			f.errs[i] = &Error{Op: qn.op, Status: http.StatusOK, Err: &notJSONError{"the batch came back without an answer to it"}}
		default:
			f.answers[i] = parts[p].answer()
		}
	}
	return f
}

// largeAnswer is what no ordinary answer exceeds, in bytes: a buffer that had to
// grow beyond is not kept.
const largeAnswer = 4 << 20

// expected is how large the answer will be if it is what it was last time: a
// buffer that grows by doubling takes three times as much.
func expected(group []*question) int {
	const envelope, spare = 300, 4 << 10 // bytes around a part, and at the end
	n := spare
	for _, qn := range group {
		n += qn.last.length + envelope
	}
	return n
}

// answer is the part's answer as it would have come by itself.
func (p partAnswer) answer() answer {
	h := http.Header{}
	for k, v := range p.headers {
		h.Set(k, v)
	}
	return answer{p.status, h, p.body}
}

// batch sends several questions as one request. The error concerns all of them.
func (c *Client) batch(ctx context.Context, f *flight, paid *cost) ([]partAnswer, *Error) {
	type part struct {
		ID      string            `json:"id"`
		Method  string            `json:"method"`
		URL     string            `json:"url"`
		Headers map[string]string `json:"headers"`
		Body    json.RawMessage   `json:"body,omitempty"`
	}
	cl := call{op: fmt.Sprintf("asking %d questions at once", len(f.group)), path: "/$batch"}
	var doc struct {
		Requests []part `json:"requests"`
	}
	for i, qn := range f.group {
		path, err := c.local(qn.path)
		if err != nil {
			path = "/" // answered with an error; by itself the question will tell
		}
		p := part{ID: strconv.Itoa(i), Method: http.MethodGet, URL: path, Headers: map[string]string{"Prefer": prefer}, Body: qn.body}
		if qn.body != nil {
			p.Method, p.Headers["Content-Type"] = http.MethodPost, "application/json"
		}
		doc.Requests = append(doc.Requests, p)
	}
	text, err := json.Marshal(doc)
	if err != nil {
		return nil, &Error{Op: cl.op, Status: http.StatusOK, Err: err}
	}
	cl.body = text
	a, e := c.exchange(ctx, cl, f.token, paid, &f.buffer)
	if e != nil {
		return nil, e
	}
	if e := a.fault(cl.op, c.o.Clock.Now()); e != nil {
		return nil, e
	}
	parts, err := openEnvelope(a.body, func(id string) print {
		if n, err := strconv.Atoi(id); err == nil && n >= 0 && n < len(f.group) {
			return f.group[n].last
		}
		return print{}
	})
	if err != nil {
		return nil, a.error(cl.op, c.o.Clock.Now(), a.notJSON(err))
	}
	return parts, nil
}

// land hands the answers of a request over, or puts questions back.
func (q *queue) land(f flight) {
	q.flying--
	together, throttled := map[string]int{}, map[string]int{}
	for _, qn := range f.group {
		together[qn.mailbox]++
		if q.busy[qn.mailbox]--; q.busy[qn.mailbox] == 0 {
			delete(q.busy, qn.mailbox)
		}
	}
	rejected := false
	for i, qn := range f.group {
		if f.refused != nil {
			qn.failed(f.refused) // it says all by itself
			continue
		}
		e := q.understand(qn, f.answers[i], f.errs[i])
		if e == nil {
			continue
		}
		if e.Status == http.StatusUnauthorized && !qn.renewed && !rejected {
			rejected = true
			q.client.o.Tokens.Rejected(f.token)
		}
		whole := len(f.group) > 1 && f.errs[i] != nil // the error is that of the batch
		if e.throttled() {
			q.paid.throttled.Add(1)
			if !whole {
				throttled[qn.mailbox]++
			}
		}
		q.again(qn, e, whole)
	}
	for mailbox, n := range throttled {
		q.client.limits.learn(mailbox, together[mailbox], n)
	}
	if cap(f.buffer) <= largeAnswer {
		q.spare = append(q.spare, f.buffer)
	}
}

// understand has an answer read, and returns what is wrong with it.
func (q *queue) understand(qn *question, a answer, e *Error) *Error {
	now := q.client.o.Clock.Now()
	if e != nil {
		return e
	}
	if e := a.fault(qn.op, now); e != nil {
		return e
	}
	err := qn.read(a.body)
	var own *Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &own):
		return own
	}
	return a.error(qn.op, now, a.notJSON(err))
}

// again puts a question back whose answer was an error, or gives it up. batch
// tells that the error is that of the batch it was in.
func (q *queue) again(qn *question, e *Error, batch bool) {
	now := q.client.o.Clock.Now()
	switch {
	case e.Status == http.StatusUnauthorized && !qn.renewed:
		qn.renewed = true
		q.ask(qn)
		return
	case batch && e.spoiled():
		qn.alone = true
		if e.Status > http.StatusBadRequest {
			q.client.limits.noBatches(now)
		}
		q.ask(qn)
		return
	}
	qn.tries++
	wait := q.client.waitOf(e, qn.tries)
	final := !e.temporary() || qn.tries >= attempts || wait > longestWait
	if e.RetryAfter > 0 {
		q.client.limits.hold(qn.mailbox, now, e.RetryAfter)
	}
	if final {
		qn.failed(e)
		return
	}
	qn.due = now.Add(wait)
	q.ask(qn)
}

// spoiled tells whether a batch was refused as such: one of its parts is not to
// the service's liking, or something on the way lets no batches through. By
// itself each question tells.
func (e *Error) spoiled() bool {
	return e.Status >= http.StatusBadRequest && e.Status < http.StatusInternalServerError &&
		e.Status != http.StatusUnauthorized && e.Status != http.StatusTooManyRequests ||
		e.Status == http.StatusOK && e.foreign()
}
