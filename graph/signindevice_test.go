package graph_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"roomgate/driver"
	"roomgate/graph"
	"roomgate/graph/graphsim"
	"roomgate/oauth"
)

func startDevice(t *testing.T, k *oauth.Keeper) driver.DeviceCode {
	t.Helper()
	d, err := byDeviceCode(k).StartDevice(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func (g *gateway) approve(t *testing.T, d driver.DeviceCode) {
	t.Helper()
	if err := g.sim.ApproveDevice(d.UserCode, graphsim.ServiceAccount); err != nil {
		t.Fatal(err)
	}
}

func TestDeviceInTheBackground(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGateway(t, byDevice)
		defer g.run(t)()
		d := startDevice(t, g.keeper)
		if !d.Expires.Equal(time.Now().Add(15*time.Minute)) || d.VerificationURI != "https://login.example/devicelogin" {
			t.Errorf("device %+v", d)
		}
		time.Sleep(time.Minute + time.Second)
		if again := startDevice(t, g.keeper); again != d {
			t.Errorf("a second call began another sign-in: %+v", again)
		}
		st := g.keeper.Status()
		if st.State != driver.NeverSignedIn || st.Device == nil || *st.Device != d ||
			st.Reason != "enter the code "+d.UserCode+" at https://login.example/devicelogin by 00:15 UTC" {
			t.Errorf("status %+v", st)
		}
		g.approve(t, d)
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if st := g.keeper.Status(); st.State != driver.SignedIn || st.Device != nil || st.Reason != "" || st.User != graphsim.ServiceAccount {
			t.Errorf("status %+v", st)
		}
		if n := g.asked(); n != 14 {
			t.Errorf("%d requests in 65 s, want the code and a poll each 5 s", n)
		}
		if strings.Contains(g.log.String(), d.UserCode) || !strings.Contains(g.log.String(), "a device code has not been entered yet") {
			t.Errorf("log:\n%s", g.log)
		}
	})
}

// TestDeviceSurvivesGlitches has the way to Microsoft fail in every manner
// while the person types.
func TestDeviceSurvivesGlitches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGateway(t, byDevice)
		d := startDevice(t, g.keeper)
		var ended error
		go func() { ended = byDeviceCode(g.keeper).WaitDevice(t.Context()) }()
		for _, way := range []func(*http.Request) (*http.Response, error){
			unreachable,
			func(*http.Request) (*http.Response, error) {
				return reply(502, "text/html", "<html>Bad Gateway</html>"), nil
			},
			func(*http.Request) (*http.Response, error) {
				return reply(200, "text/html", "<html>guest network</html>"), nil
			},
			func(*http.Request) (*http.Response, error) { return reply(429, "text/plain", "Too Many Requests"), nil },
			func(*http.Request) (*http.Response, error) {
				return refusal(503, "temporarily_unavailable", 90033, ""), nil
			},
			func(r *http.Request) (*http.Response, error) { <-r.Context().Done(); return nil, r.Context().Err() },
			nil,
		} {
			g.through(way)
			time.Sleep(2 * time.Minute)
			if g.keeper.Status().Device == nil {
				t.Fatalf("the sign-in was given up: %v", ended)
			}
		}
		g.approve(t, d)
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if ended != nil {
			t.Error(ended)
		}
		wantState(t, g.keeper, driver.SignedIn)
	})
}

func TestDeviceSlowsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGateway(t, byDevice)
		defer g.run(t)()
		startDevice(t, g.keeper)
		g.through(func(*http.Request) (*http.Response, error) {
			return reply(400, "application/json", `{"error":"slow_down"}`), nil
		})
		time.Sleep(51 * time.Second) // polls at 5, 15, 30 and 50 s (RFC 8628 §3.5)
		if n := g.asked(); n != 5 {
			t.Errorf("%d requests, want the code and 4 polls", n)
		}
	})
}

func TestDeviceRefusals(t *testing.T) {
	for _, test := range []struct {
		name           string
		spoil          func(*gateway, driver.DeviceCode) error
		after          time.Duration
		reason, action string
	}{
		{"declined", func(g *gateway, d driver.DeviceCode) error { return g.sim.DeclineDevice(d.UserCode) }, 5 * time.Second, "The user declined the sign-in", "run: roomgate login rooms"},
		{"not used", nil, 15 * time.Minute, "was not used in time (AADSTS70020, expired_token", "run: roomgate login rooms"},
		{"not used, without a network", func(g *gateway, _ driver.DeviceCode) error { g.through(unreachable); return nil }, 17 * time.Minute, "the device code was not used in time", "run: roomgate login rooms"},
		{"public flows are off", func(g *gateway, _ driver.DeviceCode) error {
			g.sim.ChangeApp(g.opts.ClientID, func(a *graphsim.App) { a.PublicClient = false })
			return nil
		}, 5 * time.Second, "does not allow sign-ins by device code", "Allow public client flows to Yes"},
		{"policy against device codes", func(g *gateway, _ driver.DeviceCode) error { g.sim.FailToken(530033, -1); return nil }, 5 * time.Second, "refuses sign-ins by device code", `sign_in = "code"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newGateway(t, byDevice)
				d := startDevice(t, g.keeper)
				if test.spoil != nil {
					if err := test.spoil(g, d); err != nil {
						t.Fatal(err)
					}
				}
				began := time.Now()
				err := byDeviceCode(g.keeper).WaitDevice(t.Context())
				var e *oauth.Error
				if !errors.As(err, &e) || !e.NeedsPerson() {
					t.Fatalf("WaitDevice: %v, want a person to be needed", err)
				}
				if waited := time.Since(began); waited > test.after {
					t.Errorf("noticed after %v, want %v", waited, test.after)
				}
				st := g.keeper.Status()
				if st.State != driver.NeverSignedIn || st.Device != nil {
					t.Errorf("status %+v", st)
				}
				wantWords(t, "reason", st.Reason, test.reason)
				wantWords(t, "action", st.Action, test.action)
				time.Sleep(time.Hour)
				wantWords(t, "reason an hour later", g.keeper.Status().Reason, "nobody has signed in yet")

				g.through(nil)
				g.sim.FailToken(0, 0)
				g.sim.ChangeApp(g.opts.ClientID, func(a *graphsim.App) { a.PublicClient = true })
				again := startDevice(t, g.keeper)
				if again.UserCode == d.UserCode {
					t.Error("the dead code was shown again")
				}
				g.approve(t, again)
				if err := byDeviceCode(g.keeper).WaitDevice(t.Context()); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func TestDeviceWaitersTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGateway(t, byDevice)
		d := startDevice(t, g.keeper)
		impatient, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		var first, second error
		go func() { first = byDeviceCode(g.keeper).WaitDevice(impatient) }()
		synctest.Wait()
		go func() { second = byDeviceCode(g.keeper).WaitDevice(t.Context()) }()
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if !errors.Is(first, context.DeadlineExceeded) {
			t.Errorf("the first one got %v", first)
		}
		if n := g.asked(); n != 24 && n != 25 {
			t.Errorf("%d requests in two minutes, want one each 5 s", n)
		}
		g.approve(t, d)
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if second != nil {
			t.Errorf("the second one got %v", second)
		}
		wantState(t, g.keeper, driver.SignedIn)
	})
}

func TestDeviceIsOvertaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGateway(t, byDevice)
		wantRefusal(t, byDeviceCode(g.keeper).WaitDevice(t.Context()), "no sign-in by device code is pending")
		d := startDevice(t, g.keeper)
		var ended error
		go func() { ended = byDeviceCode(g.keeper).WaitDevice(t.Context()) }()
		synctest.Wait()
		if err := g.keeper.Session().(driver.SignOuter).SignOut(); err != nil {
			t.Fatal(err)
		}
		g.approve(t, d)
		time.Sleep(time.Minute)
		synctest.Wait()
		wantRefusal(t, ended, "signed in or out in another way")
		wantState(t, g.keeper, driver.NeverSignedIn)
	})
}

func TestDeviceThatCannotBeSaved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGateway(t, byDevice)
		d := startDevice(t, g.keeper)
		g.tokens.BeforePut(func() error { return errors.New("read-only file system") })
		g.approve(t, d)
		wantRefusal(t, byDeviceCode(g.keeper).WaitDevice(t.Context()), "read-only file system")
	})
}

func TestDeviceCodeAnswersThatCannotBeUsed(t *testing.T) {
	for _, body := range []string{"", "{}", "<html>", `{"device_code":"d","user_code":"u","verification_uri":"https://x","expires_in":0}`} {
		g := newGateway(t, byDevice)
		g.through(func(*http.Request) (*http.Response, error) { return reply(200, "application/json", body), nil })
		_, err := byDeviceCode(g.keeper).StartDevice(t.Context())
		var e *oauth.Error
		if !errors.As(err, &e) || e.Class != oauth.Retry {
			t.Errorf("%q: %v, want a passing error", body, err)
		}
	}
	for body, missing := range map[string]string{
		`{"user_code":"u","verification_uri":"https://x","expires_in":900}`:                   "missing device_code",
		`{"device_code":"d","verification_uri":"https://x"}`:                                  "missing user_code",
		`{"device_code":"d","user_code":7,"expires_in":900,"interval":5}`:                     "missing user_code",
		`{"device_code":"d","user_code":"u","expires_in":"900"}`:                              "missing verification_uri",
		`{"device_code":"d","user_code":"u","verification_uri":"https://x","expires_in":"0"}`: "a lifetime of 0 s",
	} {
		g := newGateway(t, byDevice)
		g.through(func(*http.Request) (*http.Response, error) { return reply(200, "application/json", body), nil })
		if _, err := byDeviceCode(g.keeper).StartDevice(t.Context()); err == nil || !strings.Contains(err.Error(), missing) {
			t.Errorf("%s: %v, want it said: %s", body, err, missing)
		}
	}
	g := newGateway(t, byDevice)
	g.through(func(*http.Request) (*http.Response, error) {
		return reply(200, "application/json", `{"device_code":"d","user_code":"C7\u001b[31m","verification_url":"https://x\u0007","expires_in":900,"message":"a\nb"}`), nil
	})
	if d := startDevice(t, g.keeper); d.UserCode != "C7 [31m" || d.VerificationURI != "https://x" {
		t.Errorf("shown as sent: %q", fmt.Sprint(d))
	}
}

// Numbers may be written as text, and may be missing: RFC 8628 §3.2 has five seconds
// between polls, and Microsoft's codes live for 15 minutes.
func TestNumbersOfADeviceCode(t *testing.T) {
	const code = `{"device_code":"d","user_code":"u","verification_uri":"https://x"`
	for numbers, want := range map[string]struct{ life, interval time.Duration }{
		`,"expires_in":600,"interval":7}`:          {10 * time.Minute, 7 * time.Second},
		`,"expires_in":"600","interval":"7"}`:      {10 * time.Minute, 7 * time.Second},
		`,"expires_in":" 600 ","interval":"soon"}`: {10 * time.Minute, 5 * time.Second},
		`,"expires_in":null,"interval":null}`:      {15 * time.Minute, 5 * time.Second},
		`}`:                                        {15 * time.Minute, 5 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			g := newGateway(t, byDevice)
			g.through(func(*http.Request) (*http.Response, error) { return reply(200, "application/json", code+numbers), nil })
			began := time.Now()
			d := startDevice(t, g.keeper)
			if life := d.Expires.Sub(began); life != want.life {
				t.Errorf("%s: the code lives for %v, want %v", numbers, life, want.life)
			}
			var polled time.Duration
			g.through(func(*http.Request) (*http.Response, error) {
				polled = time.Since(began)
				return refusal(400, "authorization_declined", 70000, ""), nil
			})
			if err := byDeviceCode(g.keeper).WaitDevice(t.Context()); err == nil || polled != want.interval {
				t.Errorf("%s: polled after %v (%v), want %v", numbers, polled, err, want.interval)
			}
		})
	}
}

// What an account can do shows in the type of its session.
func TestSessionsShowTheirAbilities(t *testing.T) {
	for signIn, want := range map[string]string{"code": "code import sign-out", "device": "device import sign-out", "app": ""} {
		s := newGateway(t, func(o *graph.SignInOptions) { o.SignIn = signIn }).keeper.Session()
		var got []string
		if _, ok := s.(driver.CodeSignIn); ok {
			got = append(got, "code")
		}
		if _, ok := s.(driver.DeviceSignIn); ok {
			got = append(got, "device")
		}
		if _, ok := s.(driver.TokenImporter); ok {
			got = append(got, "import")
		}
		if _, ok := s.(driver.SignOuter); ok {
			got = append(got, "sign-out")
		}
		if strings.Join(got, " ") != want {
			t.Errorf("sign_in = %q can do %q, want %q", signIn, got, want)
		}
	}
}

// TestNoSecretOfTheOtherWaysGetsOut: the same for device codes, assertions and
// tokens that were obtained elsewhere.
func TestNoSecretOfTheOtherWaysGetsOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sent []string
		echo := func(r *http.Request) (*http.Response, error) {
			if err := r.ParseForm(); err != nil {
				return nil, err
			}
			all := strings.Join([]string{r.PostForm.Get("device_code"), r.PostForm.Get("client_assertion"), r.PostForm.Get("refresh_token")}, " ")
			sent = append(sent, strings.Fields(all)...)
			return reply(400, "application/json", fmt.Sprintf(`{"error":"invalid_grant %[1]s","error_description":"AADSTS999: %[1]s","suberror":"%[1]s"}`, all)), nil
		}
		g := newGateway(t, func(o *graph.SignInOptions) { byDevice(o); o.Certificate = testCertificate(t) })
		stop := g.run(t)
		startDevice(t, g.keeper)
		g.through(echo)
		failed := byDeviceCode(g.keeper).WaitDevice(t.Context())
		refused := g.keeper.Session().(driver.TokenImporter).Import(t.Context(), driver.ImportedTokens{RefreshToken: "1.AXkA-imported"})
		synctest.Wait()
		stop()
		if failed == nil || refused == nil || len(sent) < 4 {
			t.Fatalf("%v, %v: the echo was taken for tokens, or %d secrets were sent", failed, refused, len(sent))
		}
		out := fmt.Sprintf("%v %+v %#v %v %+v %+v %s", failed, failed, failed, refused, refused, g.keeper.Status(), g.log)
		for _, s := range sent {
			if strings.Contains(out, s) {
				t.Errorf("%.20s… got out: %s", s, out)
			}
		}
	})
}
