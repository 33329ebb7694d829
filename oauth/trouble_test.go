package oauth

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"roomgate/driver"
)

// lost is a connection that broke, with another address and port at every attempt.
func lost(n int) (*http.Response, error) {
	return nil, &net.OpError{Op: "read", Net: "tcp",
		Source: &net.TCPAddr{IP: net.IPv4(10, 0, 0, 2), Port: 50000 + n}, Addr: &net.TCPAddr{IP: net.IPv4(20, 190, 1, byte(n)), Port: 443},
		Err: os.NewSyscallError("read", syscall.ECONNRESET)}
}

// A sign-in that fails for hours in ways that change costs at most ten log lines an
// hour, and its reason stands still.
func TestHoursOfChangingFailures(t *testing.T) {
	ways := []func(n int) (*http.Response, error){
		lost,
		func(n int) (*http.Response, error) {
			return nil, fmt.Errorf("lookup login.example on 10.0.0.%d:53: server misbehaving", n%250)
		},
		func(int) (*http.Response, error) { return refusal(503, "temporarily_unavailable", ""), nil },
		func(int) (*http.Response, error) { return reply(502, "text/html", "<html>"), nil },
	}
	for _, used := range []int{1, 2, 4} {
		t.Run(fmt.Sprintf("%d ways", used), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSite(t)
				s.signIn(t)
				n := 0
				s.service.behave(func(url.Values) (*http.Response, error) {
					n++
					return ways[n%used](n)
				})
				defer s.run(t)()
				time.Sleep(2 * time.Hour) // the access token expires
				before, changes, last := strings.Count(s.log.String(), "\n"), 0, ""
				for range 60 {
					time.Sleep(time.Minute)
					_, _ = s.keeper.Token(t.Context())
					synctest.Wait()
					st := s.keeper.Status()
					if st.State != driver.Retrying {
						t.Fatalf("%+v", st)
					}
					if st.Reason != last {
						changes, last = changes+1, st.Reason
					}
				}
				if n < 20 {
					t.Fatalf("only %d requests", n)
				}
				if lines := strings.Count(s.log.String(), "\n") - before; lines > 10 {
					t.Errorf("%d lines in an hour:\n%s", lines, s.log)
				}
				if changes > 5 {
					t.Errorf("the reason changed %d times", changes)
				}
			})
		})
	}
}

// The same failure is the same trouble whatever ports, addresses and references it
// has; other codes are another one.
func TestErrorIdentity(t *testing.T) {
	s := newSite(t)
	c := s.keeper.client
	_, a := lost(1)
	_, b := lost(2)
	if x, y := driver.Identity(c.unanswered(opRefresh, a, nil)), driver.Identity(c.unanswered(opUse, b, nil)); x != y {
		t.Errorf("identities %q and %q", x, y)
	}
	one := s.keeper.opts.diagnosed(opRefresh, Diagnosis{Class: Person, Reason: "expired", Codes: []string{"E700082"}, References: []string{"trace 1"}})
	same := s.keeper.opts.diagnosed(opRefresh, Diagnosis{Class: Person, Reason: "expired", Codes: []string{"E700082"}, References: []string{"trace 2"}})
	other := s.keeper.opts.diagnosed(opRefresh, Diagnosis{Class: Person, Reason: "expired", Codes: []string{"E50173"}})
	if driver.Identity(one) != driver.Identity(same) || driver.Identity(one) == driver.Identity(other) {
		t.Errorf("identities %q, %q and %q", driver.Identity(one), driver.Identity(same), driver.Identity(other))
	}
}
