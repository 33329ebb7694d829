package graph

import (
	"maps"
	"net/http"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"roomgate/oauth"
)

// The Outlook service takes 10,000 requests in ten minutes and four at once,
// per app and mailbox (learn.microsoft.com/graph/throttling-limits). These stay
// below: no ten minutes hold more than 600·perSecond + burst requests.
const (
	perSecond = 15
	burst     = 500
)

// concurrent is the four requests at once that one mailbox takes. One page of
// the documentation counts them per app, whatever the mailbox, so no more
// requests than that are in flight at all.
const concurrent = 4

// limits is the rate limits of the mailboxes.
type limits struct {
	mu             sync.Mutex
	mailboxes      map[string]*mailboxLimit
	pruneAt        int       // number of mailboxes at which those that are idle are dropped
	unbatchedUntil time.Time // until then questions are sent one by one, because batches are blocked
}

// mailboxLimit is the rate limit of one mailbox.
type mailboxLimit struct {
	quota      *rate.Limiter
	heldUntil  time.Time // its Retry-After
	heldBy     Error     // the answer with the Retry-After
	smallBatch bool      // it refuses more than four questions of one batch
}

// of returns the mailbox's limit; the lock is held.
func (l *limits) of(mailbox string, now time.Time) *mailboxLimit {
	m := l.mailboxes[mailbox]
	if m == nil {
		l.prune(now)
		m = &mailboxLimit{quota: rate.NewLimiter(perSecond, burst)}
		l.mailboxes[mailbox] = m
	}
	return m
}

// leastPruned is the least number of mailboxes that are pruned.
const leastPruned = 64

// prune drops the mailboxes of which nothing is known that a new limit would not
// say, such as those of rooms that were removed, whenever their number has
// doubled; the lock is held.
func (l *limits) prune(now time.Time) {
	if len(l.mailboxes) < max(l.pruneAt, leastPruned) {
		return
	}
	maps.DeleteFunc(l.mailboxes, func(_ string, m *mailboxLimit) bool {
		return !m.smallBatch && !m.heldUntil.After(now) && m.quota.TokensAt(now) >= burst
	})
	l.pruneAt = 2 * len(l.mailboxes)
}

// hold stops requests to a mailbox for the Retry-After of an error: requests during
// that time count against its limit too.
func (l *limits) hold(mailbox string, now time.Time, e *Error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	m := l.of(mailbox, now)
	m.heldUntil, m.heldBy = now.Add(e.RetryAfter), *e
}

// release ends the hold of a mailbox that has answered.
func (l *limits) release(mailbox string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if m := l.mailboxes[mailbox]; m != nil {
		m.heldUntil = time.Time{}
	}
}

// held returns how long requests to a mailbox must still wait.
func (l *limits) held(mailbox string, now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.of(mailbox, now).held(now)
}

// held is how long the mailbox must still wait; the lock is held.
func (m *mailboxLimit) held(now time.Time) time.Duration {
	left := m.heldUntil.Sub(now)
	if left <= 0 || left > oauth.MaxRetryAfter { // the clock was set back
		m.heldUntil = time.Time{}
		return 0
	}
	return left
}

// refusal is the error of a question that is not asked, because its mailbox must wait
// for longer than a reading can; nil: it may be asked.
func (l *limits) refusal(q *question, now time.Time) *Error {
	l.mu.Lock()
	defer l.mu.Unlock()
	m := l.of(q.mailbox, now)
	left := m.held(now)
	if left <= longestWait {
		return nil
	}
	e := m.heldBy
	e.Op, e.RetryAfter = q.op, left
	e.Message = "Microsoft asked for a pause, and requests wait until " + now.Add(left).UTC().Format(time.RFC3339)
	return &e
}

// reserve takes one request from the mailbox's quota, or returns how long to
// wait until there is one.
func (l *limits) reserve(mailbox string, now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.of(mailbox, now).quota.ReserveN(now, 1)
	wait := r.DelayFrom(now)
	if wait > 0 {
		r.CancelAt(now)
	}
	return wait
}

// perBatch is how many questions of one mailbox a batch may hold. The service is
// documented to queue those beyond four; where it refuses them instead, it gets no
// more than four.
func (l *limits) perBatch(mailbox string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	if m := l.mailboxes[mailbox]; m != nil && m.smallBatch {
		return concurrent
	}
	return batchSize
}

// batchSize is how many questions a request may hold now.
func (l *limits) batchSize(now time.Time) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	if left := l.unbatchedUntil.Sub(now); left > 0 && left <= withoutBatches {
		return 1
	}
	return batchSize
}

// noBatches makes requests hold one question each for withoutBatches.
func (l *limits) noBatches(now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.unbatchedUntil = now.Add(withoutBatches)
}

// withoutBatches is how long no batch is sent after one was blocked.
const withoutBatches = time.Hour

// learn records how many questions of one mailbox were in one batch, and how
// many of them were throttled. If most of those beyond four were, later
// batches have at most four for the mailbox.
func (l *limits) learn(mailbox string, inBatch, throttled int) {
	if inBatch <= concurrent || 2*throttled <= inBatch-concurrent {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if m := l.mailboxes[mailbox]; m != nil {
		m.smallBatch = true
	}
}

// retryDelay is how long to wait after an error before the question is asked
// again.
func (c *Client) retryDelay(e *Error, tries int) time.Duration {
	if e.RetryAfter > 0 {
		return e.RetryAfter + c.o.Jitter(e.RetryAfter/10)
	}
	base := time.Second << (tries - 1)
	return base + c.o.Jitter(base)
}

// throttled reports whether the error is the service's limit.
func (e *Error) throttled() bool { return e.Status == http.StatusTooManyRequests && e.Code != "" }
