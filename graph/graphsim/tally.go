package graphsim

import "time"

// tallySize bounds the counters of a tally.
const tallySize = 2048

// tally counts requests over time in little memory: one counter for each second from the first request on, and when
// there are too many counters, two of them are made one and each stands for twice the time.
type tally struct {
	first  time.Time
	width  time.Duration // of time that one counter stands for
	counts []uint32
}

func (t *tally) add(now time.Time) {
	i := max(0, int(now.Sub(t.first)/t.width))
	for ; i >= tallySize; i /= 2 {
		t.halve()
	}
	for len(t.counts) <= i {
		t.counts = append(t.counts, 0)
	}
	t.counts[i]++
}

func (t *tally) halve() {
	t.width *= 2
	for i := range t.counts {
		n := t.counts[i]
		t.counts[i] = 0
		t.counts[i/2] += n
	}
	t.counts = t.counts[:(len(t.counts)+1)/2]
}

// most returns an upper bound of the requests within any window of that length: a window reaches into one counter
// more than it is long.
func (t *tally) most(window time.Duration) int {
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
