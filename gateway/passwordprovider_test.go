package gateway

import (
	"context"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"roomgate/driver"
)

// passwordProvider signs in with a user name and a password: it has a session,
// which a person cannot sign in to.
type passwordProvider struct {
	timetable
	session *passwordSession
}

// Session implements driver.HasSession.
func (p passwordProvider) Session() driver.Session { return p.session }

// passwordSession is refused at its first attempt, and accepted at the next.
type passwordSession struct {
	mu       sync.Mutex
	attempts int
	status   driver.SessionStatus
	changed  chan struct{}
}

// Status implements driver.Session.
func (s *passwordSession) Status() driver.SessionStatus {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.status
}

// Changed implements driver.Session.
func (s *passwordSession) Changed() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed
}

// Run implements driver.Session: it signs in once.
func (s *passwordSession) Run(ctx context.Context) error {
	_ = s.Verify(ctx) // a failure is in the status
	<-ctx.Done()
	return ctx.Err()
}

// Verify implements driver.Session.
func (s *passwordSession) Verify(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.attempts++
	close(s.changed)
	s.changed = make(chan struct{})
	if s.attempts > 1 {
		s.status = driver.SessionStatus{State: driver.SignedIn, User: "gateway"}
		return nil
	}
	err := refusal{Words: "account lessons: sign in: the password of user gateway is wrong", Next: "correct password_file of account lessons"}
	s.status = driver.SessionStatus{State: driver.SignInNeeded, Reason: err.Error(), Action: err.Action()}
	return err
}

var passwordKind = Kind{Name: "timetable", Build: func(b Building) (driver.Provider, error) {
	if old, ok := b.Old.(passwordProvider); ok {
		return old, nil
	}
	return passwordProvider{timetable{"Lesson"}, &passwordSession{changed: make(chan struct{})}}, nil
}}

// TestProviderWithPassword has a session that fails once.
func TestProviderWithPassword(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSchool(t, timetableTable, passwordKind)
		s.pass(time.Second)
		if state, reason := s.account(driver.AccountState).Text(), s.account(driver.AccountReason).Text(); state != "sign_in_needed" ||
			!strings.Contains(reason, "the password of user gateway is wrong") || !strings.Contains(reason, "correct password_file of account lessons") {
			t.Errorf("the account is %q: %q", state, reason)
		}
		for _, path := range []string{"/", "/setup"} {
			if got := s.page(path); !strings.Contains(got, "the password of user gateway is wrong") || strings.Contains(got, "needs no sign-in") {
				t.Errorf("%s reads\n%s", path, got)
			}
		}
		c, ctx := s.g.Client(), t.Context()
		all, err := c.Accounts(ctx)
		if err != nil || len(all) != 1 || all[0].SignIn != SignInAutomatic || all[0].State != driver.SignInNeeded || all[0].Action != "correct password_file of account lessons" {
			t.Errorf("accounts: %+v, %v", all, err)
		}
		_, err = c.Begin(ctx, "lessons", driver.AuthorizationRequest{})
		refused(t, "login", err, "account lessons does not support signing in with a browser", "roomgate login lessons")
		refused(t, "logout", c.SignOut(ctx, "lessons"), "account lessons does not support signing out", "revoke the access of the gateway at Contoso Timetable")
		if err := c.Verify(ctx, "lessons"); err != nil {
			t.Errorf("login: %v", err)
		}
		s.pass(time.Second)
		if state, reason := s.account(driver.AccountState).Text(), s.account(driver.AccountReason).Text(); state != "ok" || reason != "" {
			t.Errorf("the account is %q: %q", state, reason)
		}
		want := driver.Finding{Subject: "account lessons", Level: driver.LevelGood, Words: "ok, signed in as gateway"}
		if got := s.findings("account"); len(got) != 1 || got[0] != want {
			t.Errorf("check: %+v", got)
		}
	})
}
