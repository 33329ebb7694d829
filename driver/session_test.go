package driver

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

func TestRetryEnded(t *testing.T) {
	ended, failure := fmt.Errorf("sign in: %w", ErrSessionEnded), errors.New("refused")
	for _, c := range []struct {
		name    string
		until   time.Duration // the session has ended
		then    error
		timeout time.Duration // of the context
		want    error
		took    time.Duration
	}{
		{"at once", 0, nil, time.Hour, nil, 0},
		{"an error of its own", 0, failure, time.Hour, failure, 0},
		{"a successor", 2 * time.Second, nil, time.Hour, nil, 2 * time.Second},
		{"a successor that fails", 2 * time.Second, failure, time.Hour, failure, 2 * time.Second},
		{"no successor", time.Hour, nil, time.Hour, ended, 30 * time.Second},
		{"the caller does not wait", time.Hour, nil, time.Second, ended, time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), c.timeout)
				defer cancel()
				start := time.Now()
				err := RetryEnded(ctx, func() error {
					if time.Since(start) < c.until {
						return ended
					}
					return c.then
				})
				if took := time.Since(start); err != c.want || took != c.took {
					t.Errorf("%v after %v, want %v after %v", err, took, c.want, c.took)
				}
			})
		})
	}
}

func TestSessionOf(t *testing.T) {
	type provider struct{ Provider }
	if s := SessionOf(provider{}); s != nil {
		t.Errorf("a provider without a session has %v", s)
	}
	if s := SessionOf(nil); s != nil {
		t.Errorf("no provider has %v", s)
	}
}
