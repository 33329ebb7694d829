package oauth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"roomgate/driver"
	"roomgate/oauth/oauthtest"
)

// daemon runs one Keeper after another over the same stores, as the gateway does
// when it reads its configuration again.
type daemon struct {
	*site
	t    *testing.T
	kind Kind

	mu      sync.Mutex
	current *Keeper
	stop    context.CancelFunc
	ended   chan struct{}
}

func newDaemon(t *testing.T, kind Kind) *daemon {
	t.Helper()
	d := &daemon{site: newSite(t), t: t, kind: kind}
	d.service.strict, d.service.latency = true, 3*time.Second
	d.tokens.BeforePut(func() error { time.Sleep(time.Second); return nil }) // a slow disk
	d.begin()
	return d
}

// build makes a Keeper.
func (d *daemon) build() *Keeper {
	o := d.options()
	o.Kind, o.Refresh = d.kind, oauthtest.Every(time.Minute)
	return d.restart(d.t, o)
}

// begin starts a Keeper and makes it the current one.
func (d *daemon) begin() { d.take(d.build()) }

func (d *daemon) take(k *Keeper) {
	ctx, cancel := context.WithCancel(d.t.Context())
	ended := make(chan struct{})
	go func() { _ = k.Run(ctx); close(ended) }()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.current, d.stop, d.ended = k, cancel, ended
}

// reload lets another Keeper take over.
func (d *daemon) reload() {
	next := d.build()
	d.stop()
	<-d.ended
	d.take(next)
}

func (d *daemon) keeperNow() *Keeper {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.current
}

// call does something with the current Keeper, again with the next one when that
// has ended.
func (d *daemon) call(do func(driver.Session) error) error {
	for {
		err := do(d.keeperNow().Session())
		if !errors.Is(err, driver.ErrSessionEnded) {
			return err
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// signInNow signs in by code.
func (d *daemon) signInNow() error {
	var address string
	err := d.call(func(s driver.Session) (err error) {
		address, err = s.(driver.CodeSignIn).Begin(driver.AuthorizationRequest{})
		return err
	})
	if err != nil {
		return err
	}
	pasted := d.service.consent(d.t, address)
	return d.call(func(s driver.Session) error { return s.(driver.CodeSignIn).Complete(d.t.Context(), pasted) })
}

// enterNow signs in by device code; the person needs 7 s.
func (d *daemon) enterNow() error {
	err := d.call(func(s driver.Session) error {
		_, err := s.(driver.DeviceSignIn).StartDevice(d.t.Context())
		return err
	})
	if err != nil {
		return err
	}
	time.AfterFunc(7*time.Second, d.service.enter)
	return d.call(func(s driver.Session) error { return s.(driver.DeviceSignIn).WaitDevice(d.t.Context()) })
}

// TestReloadAtEveryMoment lets a sign-in, another one in its place, and a device
// code each complete at every moment around a reload, while refreshes go on, with
// a service that ends every sign-in when a refresh token is used twice: nothing
// is lost, nothing is overwritten, and one refresh token is ever in use.
func TestReloadAtEveryMoment(t *testing.T) {
	for name, test := range map[string]struct {
		kind   Kind
		first  func(*daemon) error // done long before; nil: nobody is signed in
		signIn func(*daemon) error
	}{
		"a sign-in":             {Code, nil, (*daemon).signInNow},
		"another sign-in":       {Code, (*daemon).signInNow, (*daemon).signInNow},
		"a device code":         {Device, nil, (*daemon).enterNow},
		"another device code":   {Device, (*daemon).enterNow, (*daemon).enterNow},
		"only a refresh":        {Code, (*daemon).signInNow, func(*daemon) error { return nil }},
		"only a device refresh": {Device, (*daemon).enterNow, func(*daemon) error { return nil }},
	} {
		t.Run(name, func(t *testing.T) {
			for moment := time.Duration(0); moment < 25*time.Second; moment += 250 * time.Millisecond {
				synctest.Test(t, func(t *testing.T) {
					d := newDaemon(t, test.kind)
					if test.first != nil {
						if err := test.first(d); err != nil {
							t.Fatal(err)
						}
					}
					time.Sleep(time.Until(time.Now().Truncate(time.Minute).Add(4*time.Minute - 2*time.Second))) // a refresh is due soon
					reloaded := make(chan struct{})
					go func() { time.Sleep(moment); d.reload(); close(reloaded) }()
					if err := test.signIn(d); err != nil {
						t.Errorf("reload after %v: %v", moment, err)
					}
					<-reloaded
					d.check(fmt.Sprintf("reload after %v", moment))
					time.Sleep(5 * time.Minute) // through some refreshes
					d.reload()
					d.check(fmt.Sprintf("later, reload after %v", moment))
					d.stop()
					<-d.ended
				})
			}
		})
	}
}

// check wants an account that is signed in with the service's newest tokens.
func (d *daemon) check(when string) {
	d.t.Helper()
	k := d.keeperNow()
	for range 600 {
		if st := k.Status(); st.State != driver.Refreshing && st.Device == nil {
			break
		}
		time.Sleep(time.Second)
	}
	if st := k.Status(); st.State != driver.SignedIn || st.Device != nil {
		d.t.Errorf("%s: status %+v", when, st)
	}
	token, err := k.Token(d.t.Context())
	if err != nil || !d.service.accepts(token) {
		d.t.Errorf("%s: Token = %q, %v", when, token, err)
	}
	d.service.mu.Lock()
	defer d.service.mu.Unlock()
	if want := fmt.Sprint("refresh-", d.service.serial); d.tokens.RefreshToken("rooms") != want {
		d.t.Errorf("%s: the store holds %s, the service issued %s last", when, d.tokens.RefreshToken("rooms"), want)
	}
	if d.service.reused {
		d.t.Errorf("%s: a refresh token was used twice", when)
	}
}

// A device code is a secret that is kept with the tokens; another process goes on
// polling with it.
func TestADeviceCodeOutlivesItsKeeper(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		o := s.options()
		o.Kind = Device
		device := func() driver.DeviceSignIn {
			s.keeper = s.restart(t, o)
			return s.keeper.Session().(driver.DeviceSignIn)
		}
		shown, err := device().StartDevice(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for key, value := range s.pending.Values {
			if strings.Contains(string(value), "device-1") {
				t.Errorf("%s holds the device code without a seal", key)
			}
		}
		again, err := device().StartDevice(t.Context())
		if err != nil || again != shown || s.service.count() != 1 {
			t.Errorf("after a restart the code is %+v, %v; want %+v without another request", again, err, shown)
		}

		other := o
		other.ClientID = "another"
		if st := s.restart(t, other).Status(); st.Device != nil {
			t.Errorf("the code is shown for another client: %+v", st)
		}

		device()
		stop := s.run(t)
		time.Sleep(time.Minute)
		s.service.enter()
		time.Sleep(6 * time.Second)
		wantState(t, s.keeper, driver.SignedIn)
		if _, left := s.tokens.Values["device/rooms"]; left {
			t.Error("the used device code is still stored")
		}
		stop()
	})
}

func TestADeviceCodeIsDeletedWhenItIsOver(t *testing.T) {
	for name, end := range map[string]func(*testing.T, *site, driver.DeviceSignIn){
		"refused": func(t *testing.T, s *site, d driver.DeviceSignIn) {
			s.service.behave(always(func() *http.Response { return refusal(400, "access_denied", "") }))
			if err := d.WaitDevice(t.Context()); err == nil {
				t.Error("a refused code signed somebody in")
			}
		},
		"expired": func(t *testing.T, _ *site, d driver.DeviceSignIn) {
			if err := d.WaitDevice(t.Context()); err == nil || !strings.Contains(err.Error(), "not used in time") {
				t.Errorf("WaitDevice: %v", err)
			}
		},
		"signed out": func(t *testing.T, _ *site, d driver.DeviceSignIn) {
			if err := d.(driver.SignOuter).SignOut(); err != nil {
				t.Error(err)
			}
		},
		"overtaken": func(t *testing.T, s *site, d driver.DeviceSignIn) {
			s.service.live["elsewhere"] = true
			if err := d.(driver.TokenImporter).Import(t.Context(), driver.ImportedTokens{RefreshToken: "elsewhere"}); err != nil {
				t.Error(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSite(t)
				o := s.options()
				o.Kind = Device
				d := s.restart(t, o).Session().(driver.DeviceSignIn)
				if _, err := d.StartDevice(t.Context()); err != nil {
					t.Fatal(err)
				}
				if _, kept := s.tokens.Values["device/rooms"]; !kept {
					t.Error("the device code was not stored")
				}
				end(t, s, d)
				if _, left := s.tokens.Values["device/rooms"]; left {
					t.Error("the device code is still stored")
				}
				if st := d.Status(); st.Device != nil {
					t.Errorf("status %+v", st)
				}
			})
		})
	}
}

// A poll whose answer holds tokens is completed although its caller and Run end.
func TestAPollWithTokensIsCompleted(t *testing.T) {
	for _, running := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			s := newSite(t)
			o := s.options()
			o.Kind = Device
			s.keeper = s.restart(t, o)
			d := s.keeper.Session().(driver.DeviceSignIn)
			if _, err := d.StartDevice(t.Context()); err != nil {
				t.Fatal(err)
			}
			s.service.enter()
			s.service.latency = 4 * time.Second
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			stop := func() {}
			if running {
				stop = s.run(t)
			}
			waited := make(chan error, 1)
			go func() { waited <- d.WaitDevice(ctx) }()
			time.Sleep(7 * time.Second) // the answer is on its way
			cancel()
			stop()
			// Either of them polls; where it is Run, the caller does not wait for the answer.
			if err := <-waited; err != nil && !(running && errors.Is(err, context.Canceled)) {
				t.Errorf("Run %v: WaitDevice: %v", running, err)
			}
			if got := s.tokens.RefreshToken("rooms"); got != "refresh-2" {
				t.Errorf("Run %v: the store holds %q, want refresh-2", running, got)
			}
		})
	}
}
