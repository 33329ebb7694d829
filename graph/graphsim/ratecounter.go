package graphsim

import "time"

// maxCounters is the largest number of counters of a rateCounter.
const maxCounters = 2048

// rateCounter counts requests over time in bounded memory: one counter for each second from the first request on, and when
// there are too many counters, pairs are merged and each covers twice the time.
type rateCounter struct {
	first  time.Time
	width  time.Duration // of the time that one counter covers
	counts []uint32
}

func (t *rateCounter) add(now time.Time) {
	i := max(0, int(now.Sub(t.first)/t.width))
	for ; i >= maxCounters; i /= 2 {
		t.mergePairs()
	}
	for len(t.counts) <= i {
		t.counts = append(t.counts, 0)
	}
	t.counts[i]++
}

func (t *rateCounter) mergePairs() {
	t.width *= 2
	for i := range t.counts {
		n := t.counts[i]
		t.counts[i] = 0
		t.counts[i/2] += n
	}
	t.counts = t.counts[:(len(t.counts)+1)/2]
}

// peak returns an upper bound of the requests within any window of that length: a window can touch one counter more
// than its length.
func (t *rateCounter) peak(window time.Duration) int {
	reach := int((window+t.width-1)/t.width) + 1
	best, sum := 0, 0
	for i, n := range t.counts {
		sum += int(n)
		if i >= reach {
			sum -= int(t.counts[i-reach])
		}
		best = max(best, sum)
	}
	return best
}
