package driver

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// refusedRead is an error of a service with an identifier for its support.
type refusedRead struct{}

func (refusedRead) Error() string      { return "access is denied" }
func (refusedRead) References() string { return "request id 5b0c0f2e" }

// What a service's support finds a failure by is logged, and in no point.
func TestReferencesAreLoggedAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, time.Minute)
		w.calendar.fail("boardroom", refusedRead{})
		w.run(t)
		pass(5 * time.Minute)
		w.expectLogged(t, `references="request id 5b0c0f2e"`, 1)
		if fault := w.published.value(boardroom, Fault).Text(); !strings.Contains(fault, "access is denied") || strings.Contains(fault, "5b0c0f2e") {
			t.Errorf("fault %q", fault)
		}
	})
}
