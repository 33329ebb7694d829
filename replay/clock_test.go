package replay

import (
	"testing"
	"testing/synctest"
	"time"

	"roomgate/driver"
)

var _ driver.Clock = (*Clock)(nil)

var nine = time.Date(2026, 1, 15, 9, 0, 0, 0, time.UTC)

func TestClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := NewClock(nine, 60)
		elapsed := c.Stopwatch()
		before := c.After(10 * time.Minute) // asked for while the clock stands
		time.Sleep(time.Hour)
		if got := c.Now(); !got.Equal(nine) || elapsed() != 0 {
			t.Errorf("before the start the clock shows %v, and %v have passed", got, elapsed())
		}
		c.Start()
		after := c.After(20 * time.Minute)
		time.Sleep(10*time.Second - time.Nanosecond)
		synctest.Wait()
		select {
		case <-before:
			t.Error("the first wait ended early")
		default:
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		select {
		case <-before:
		default:
			t.Error("the first wait did not end after ten minutes")
		}
		select {
		case <-after:
			t.Error("the second wait ended early")
		default:
		}
		time.Sleep(10 * time.Second)
		<-after
		if got, want := c.Now(), nine.Add(20*time.Minute); !got.Equal(want) || elapsed() != 20*time.Minute {
			t.Errorf("the clock shows %v, want %v; %v have passed", got, want, elapsed())
		}
	})
}
