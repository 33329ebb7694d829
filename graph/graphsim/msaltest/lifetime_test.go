package msaltest

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"
	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/public"

	"roomgate/graph/graphsim"
)

const day = 24 * time.Hour

// inBubble runs a test on virtual time; the simulator is reached without a socket.
func inBubble(t *testing.T, test func(*bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		sim := newSim()
		test(&bench{T: t, sim: sim, client: &http.Client{
			Transport:     sim.Transport(),
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}})
	})
}

func TestDeviceCode(t *testing.T) {
	inBubble(t, func(b *bench) {
		c := b.publicClient(authority, defaultID)
		device, err := c.AcquireTokenByDeviceCode(b.Context(), scopes)
		b.must(err)
		if left := time.Until(device.Result.ExpiresOn); left != 15*time.Minute || device.Result.Interval != 5 {
			b.Errorf("good for %v, interval %d s, want 15m and 5", left, device.Result.Interval)
		}
		time.AfterFunc(10*time.Minute, func() {
			if err := b.sim.ApproveDevice(device.Result.UserCode, graphsim.ServiceAccount); err != nil {
				b.Error(err)
			}
		})
		start := time.Now()
		got, err := device.AuthenticationResult(b.Context())
		b.must(err)
		b.checkPerson(got)
		if took := time.Since(start); took < 10*time.Minute || took > 10*time.Minute+5*time.Second {
			b.Errorf("the token came after %v, want it with the first poll after 10m", took)
		}
		time.Sleep(day)
		next, err := c.AcquireTokenSilent(b.Context(), scopes, public.WithSilentAccount(got.Account))
		b.must(err)
		b.checkPerson(next)
	})
}

func TestDeviceCodeRefusals(t *testing.T) {
	for _, tc := range []struct {
		name    string
		spoil   func(sim *graphsim.Sim, userCode string) error
		status  int
		value   string
		numbers []int
	}{
		{"declined", (*graphsim.Sim).DeclineDevice, 400, "authorization_declined", nil},
		{"expired", func(sim *graphsim.Sim, _ string) error {
			sim.Set(func(w *graphsim.Behaviour) { w.DeviceLifetime = time.Minute })
			return nil
		}, 400, "expired_token", []int{70020}},
		{"public flows off", func(sim *graphsim.Sim, _ string) error {
			sim.ChangeApp(defaultID, func(a *graphsim.App) { a.PublicClient = false })
			return nil
		}, 401, "invalid_client", []int{7000218}},
		{"conditional access", func(sim *graphsim.Sim, _ string) error {
			sim.FailToken(53003, 1)
			return nil
		}, 400, "invalid_grant", []int{53003}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inBubble(t, func(b *bench) {
				device, err := b.publicClient(authority, defaultID).AcquireTokenByDeviceCode(b.Context(), scopes)
				b.must(err)
				b.must(tc.spoil(b.sim, device.Result.UserCode))
				_, err = device.AuthenticationResult(b.Context())
				got := refused(b.T, err)
				if got.Status != tc.status || got.Error != tc.value || len(got.Codes) != len(tc.numbers) || len(got.Codes) == 1 && got.Codes[0] != tc.numbers[0] {
					b.Errorf("%+v, want %d %s %v", got, tc.status, tc.value, tc.numbers)
				}
			})
		})
	}
}

// A sign-in that is used stays valid; one that is unused for 90 days does not.
func TestRefreshTokenLifetime(t *testing.T) {
	inBubble(t, func(b *bench) {
		c := b.publicClient(authority, defaultID)
		account := b.publicSignIn(c).Account
		silent := func() error {
			_, err := c.AcquireTokenSilent(b.Context(), scopes, public.WithSilentAccount(account))
			return err
		}
		for range 5 {
			time.Sleep(80 * day)
			b.must(silent())
		}
		time.Sleep(90 * day)
		want(b.T, silent(), 400, "invalid_grant", "bad_token", 700082)
	})
}

// An expired secret stops the refresh of a web application but does not end the sign-in.
func TestExpiredSecretKeepsTheSignIn(t *testing.T) {
	inBubble(t, func(b *bench) {
		expires := func(at time.Time) {
			b.sim.ChangeApp(defaultID, func(a *graphsim.App) { a.Secrets[0].Expires = at })
		}
		expires(time.Now().Add(30 * day))
		c := b.confidentialClient(authority, b.secret(defaultSecret))
		account := b.webSignIn(c).Account
		silent := func() error {
			_, err := c.AcquireTokenSilent(b.Context(), scopes, confidential.WithSilentAccount(account))
			return err
		}
		time.Sleep(29 * day)
		b.must(silent())
		time.Sleep(day)
		want(b.T, silent(), 401, "invalid_client", "", 7000222)
		expires(time.Time{})
		b.must(silent())
	})
}

func TestRefreshRefusals(t *testing.T) {
	for _, tc := range []struct {
		name  string
		spoil func(*graphsim.Sim)
		sub   string
		want  int
	}{
		{"sessions revoked", func(sim *graphsim.Sim) { sim.Revoke(graphsim.ServiceAccount) }, "bad_token", 50173},
		{"account disabled", func(sim *graphsim.Sim) {
			sim.AddUser(graphsim.User{UPN: graphsim.ServiceAccount, Disabled: true})
		}, "", 50057},
		{"second factor", func(sim *graphsim.Sim) { sim.FailToken(50076, 1) }, "basic_action", 50076},
		{"consent withdrawn", func(sim *graphsim.Sim) { sim.FailToken(65001, 1) }, "consent_required", 65001},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inBubble(t, func(b *bench) {
				c := b.publicClient(authority, defaultID)
				account := b.publicSignIn(c).Account
				time.Sleep(2 * time.Hour)
				tc.spoil(b.sim)
				_, err := c.AcquireTokenSilent(b.Context(), scopes, public.WithSilentAccount(account))
				want(b.T, err, 400, "invalid_grant", tc.sub, tc.want)
			})
		})
	}
}

// With a client clock that is an hour slow the service refuses the assertion.
func TestAssertionWithASlowClock(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.sim = graphsim.New(graphsim.Options{Polite: true, Now: func() time.Time { return time.Now().Add(time.Hour) }})
		b.client.Transport = b.sim.Transport()
		_, err := b.confidentialClient(authority, b.certificate(true)).AcquireTokenByCredential(b.Context(), []string{graphDefault})
		want(b.T, err, 401, "invalid_client", "", 700024)
	})
}
