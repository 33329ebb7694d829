package graph

import (
	"net/http"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// The Outlook service takes 10,000 requests in ten minutes and four at once,
// per app and mailbox (learn.microsoft.com/graph/throttling-limits). These stay
// below: no ten minutes hold more than 600·perSecond + burst requests.
const (
	perSecond = 15
	burst     = 500
)

// The four at once of one mailbox; one text of Microsoft's puts them per app,
// whatever the mailbox, so that no more requests than that are in flight at all.
const concurrent = 4

// limits keeps what is known of how much each mailbox takes.
type limits struct {
	mu     sync.Mutex
	boxes  map[string]*box
	single time.Time // until when questions are asked one by one: batches do not get through
}

// box is one mailbox's share of the service.
type box struct {
	bucket  *rate.Limiter
	until   time.Time // not to be asked before: it said so
	crowded bool      // it does not take a whole batch at once
}

// of returns the mailbox's share; the lock is held.
func (l *limits) of(mailbox string) *box {
	b := l.boxes[mailbox]
	if b == nil {
		b = &box{bucket: rate.NewLimiter(perSecond, burst)}
		l.boxes[mailbox] = b
	}
	return b
}

// hold leaves a mailbox alone for as long as it asked: requests during the wait
// count against its limit too.
func (l *limits) hold(mailbox string, now time.Time, d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.of(mailbox)
	b.until = now.Add(d)
}

// held returns how long a mailbox is still to be left alone.
func (l *limits) held(mailbox string, now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.of(mailbox)
	left := b.until.Sub(now)
	if left <= 0 || left > longestHold { // the clock was set back
		b.until = time.Time{}
		return 0
	}
	return left
}

const longestHold = 24 * time.Hour

// take takes one request from the mailbox's share, or returns how long to wait
// before there is one.
func (l *limits) take(mailbox string, now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.of(mailbox)
	r := b.bucket.ReserveN(now, 1)
	wait := r.DelayFrom(now)
	if wait > 0 {
		r.CancelAt(now)
	}
	return wait
}

// atOnce is how many questions of one mailbox a batch may hold. The service is
// to work on four at a time by itself; where it refuses the others instead, it
// gets no more than it takes.
func (l *limits) atOnce(mailbox string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.of(mailbox).crowded {
		return concurrent
	}
	return batchSize
}

// batchSize is how many questions a request may hold now.
func (l *limits) batchSize(now time.Time) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	if left := l.single.Sub(now); left > 0 && left <= withoutBatches {
		return 1
	}
	return batchSize
}

// noBatches has questions asked one by one for a while.
func (l *limits) noBatches(now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.single = now.Add(withoutBatches)
}

// withoutBatches is how long a network that lets no batch through is taken at
// its word.
const withoutBatches = time.Hour

// learn takes note of how many questions of one mailbox stood in one batch, and
// how many of them were throttled. Where it was most of those beyond the four
// that are worked on at once, it is not chance, and there will be no more than
// four.
func (l *limits) learn(mailbox string, together, throttled int) {
	if together <= concurrent || 2*throttled <= together-concurrent {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.of(mailbox).crowded = true
}

// waitOf is how long to wait after an error before the same is asked again.
func (c *Client) waitOf(e *Error, tries int) time.Duration {
	if e.RetryAfter > 0 {
		return e.RetryAfter + c.o.Jitter(e.RetryAfter/10)
	}
	base := time.Second << (tries - 1)
	return base + c.o.Jitter(base)
}

// throttled tells whether the error is the service's limit.
func (e *Error) throttled() bool { return e.Status == http.StatusTooManyRequests }
