package graph

import (
	"fmt"
	"testing"
	"time"
)

// The limits of mailboxes that are no longer asked are dropped, and what is known
// of the others stays.
func TestLimitsAreBounded(t *testing.T) {
	l := limits{mailboxes: map[string]*mailboxLimit{}}
	now := time.Date(2026, 6, 8, 9, 0, 0, 0, time.UTC)
	l.reserve("small", now)
	l.learn("small", 20, 16)
	for reload := range 200 {
		for room := range 30 {
			if wait := l.reserve(fmt.Sprintf("room-%d-%d@contoso.example", reload, room), now); wait > 0 {
				t.Fatalf("a mailbox that was never asked has to wait %s", wait)
			}
		}
		if now = now.Add(time.Minute); reload == 195 {
			l.hold("held", now, &Error{RetryAfter: 10 * time.Minute})
		}
	}
	if n := len(l.mailboxes); n > 200 {
		t.Errorf("%d mailboxes are kept for 30 rooms", n)
	}
	if left := l.held("held", now); left != 6*time.Minute {
		t.Errorf("the held mailbox is held for %s", left)
	}
	if n := l.perBatch("small"); n != concurrent {
		t.Errorf("the mailbox that refuses larger batches gets %d questions", n)
	}
	for range burst {
		l.reserve("busy", now)
	}
	for room := range 1000 {
		l.reserve(fmt.Sprint("other-", room), now)
	}
	if wait := l.reserve("busy", now); wait == 0 {
		t.Error("the quota of a busy mailbox was reset")
	}
}
