package oauth

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"roomgate/driver"
)

func begin(t *testing.T, k *Keeper, o driver.AuthorizationRequest) string {
	t.Helper()
	address, err := byCode(k).Begin(o)
	if err != nil {
		t.Fatal(err)
	}
	return address
}

func wantRefusal(t *testing.T, err error, words string) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) || !e.NeedsPerson() || !strings.Contains(e.Error(), words) {
		t.Errorf("got %v, want a person to be told %q", err, words)
		return
	}
	if !strings.HasSuffix(e.Action(), "run: roomgate login "+e.Account) {
		t.Errorf("%v: the next step is %q", e, e.Action())
	}
}

func TestBeginWritesTheAuthorizeAddress(t *testing.T) {
	s := newSite(t)
	u, err := url.Parse(begin(t, s.keeper, driver.AuthorizationRequest{LoginHint: "rooms@contoso.example", Prompt: "select_account"}))
	if err != nil {
		t.Fatal(err)
	}
	if got := u.Scheme + "://" + u.Host + u.Path; got != "https://login.example/authorize" {
		t.Errorf("address %s", got)
	}
	q := u.Query()
	if len(q.Get("state")) < 22 || len(q.Get("code_challenge")) != 43 {
		t.Errorf("state %q, challenge %q: too short", q.Get("state"), q.Get("code_challenge"))
	}
	q.Del("state")
	q.Del("code_challenge")
	want := url.Values{
		"client_id": {clientID}, "response_type": {"code"}, "response_mode": {"query"}, "redirect_uri": {"http://localhost"},
		"scope": {"calendar.read profile.read"}, "code_challenge_method": {"S256"},
		"login_hint": {"rooms@contoso.example"}, "prompt": {"select_account"},
	}
	if !reflect.DeepEqual(q, want) {
		t.Errorf("query %v\nwant  %v", q, want)
	}
}

func TestCompleteInAnotherProcess(t *testing.T) {
	s := newSite(t)
	first := begin(t, s.keeper, driver.AuthorizationRequest{RedirectURI: "http://localhost:41235"})
	begin(t, s.keeper, driver.AuthorizationRequest{}) // a second window
	pasted := s.service.consent(t, first)

	later := s.restart(t, s.options())
	if err := byCode(later).Complete(t.Context(), "<"+pasted+"#>"); err != nil {
		t.Fatal(err)
	}
	wantState(t, later, driver.SignedIn)
	form := s.service.posts[0]
	sum := sha256.Sum256([]byte(form.Get("code_verifier")))
	u, _ := url.Parse(first)
	if got := base64.RawURLEncoding.EncodeToString(sum[:]); got != u.Query().Get("code_challenge") {
		t.Error("the verifier does not match the challenge of Begin")
	}
	form.Del("code_verifier")
	form.Del("code")
	want := url.Values{"grant_type": {"authorization_code"}, "redirect_uri": {"http://localhost:41235"}, "client_id": {clientID}, "client_secret": {secret}}
	if !reflect.DeepEqual(form, want) {
		t.Errorf("posted %v, want %v", form, want)
	}
	for key := range s.pending.Values {
		if strings.HasPrefix(key, "state/") {
			t.Errorf("%s is left after the sign-in", key)
		}
	}
}

func TestBareCodeGoesWithTheNewestSignIn(t *testing.T) {
	s := newSite(t)
	begin(t, s.keeper, driver.AuthorizationRequest{})
	r, err := parseAuthorizationResponse(s.service.consent(t, begin(t, s.keeper, driver.AuthorizationRequest{})))
	if err != nil {
		t.Fatal(err)
	}
	if err := byCode(s.keeper).Complete(t.Context(), r.Code); err != nil {
		t.Fatal(err)
	}
	wantState(t, s.keeper, driver.SignedIn)
}

func TestCodeObtainedByHand(t *testing.T) {
	s := newSite(t)
	s.service.codes["by-hand"] = code{redirect: "http://localhost"}
	wantRefusal(t, byCode(s.keeper).Complete(t.Context(), "by-hand"), "no such sign-in was started")
	if err := byCode(s.keeper).CompleteCode(t.Context(), "by-hand"); err != nil {
		t.Fatal(err)
	}
	if _, sent := s.service.posts[0]["code_verifier"]; sent {
		t.Error("a verifier was sent for a code without a challenge")
	}
	wantRefusal(t, byCode(s.keeper).CompleteCode(t.Context(), "by-hand"), "already used")
}

// A code works only with the redirect URI it was requested with. One that came back
// elsewhere is taken where the state shows what it belongs to; otherwise it is refused
// before it is spent.
func TestCodeFromAnotherAddress(t *testing.T) {
	s := newSite(t)
	byHand := byCode(s.keeper)
	s.service.codes["by-hand"] = code{redirect: "http://localhost"}
	for _, address := range []string{
		"http://localhost/auth?code=by-hand", "https://localhost/?code=by-hand", "http://localhost:8400/?code=by-hand",
		"http://rooms.example/?code=by-hand", "rooms.example/?code=by-hand",
		"https://filter.example/?u=http%3A%2F%2Flocalhost%2Fauth%3Fcode%3Dby-hand",
	} {
		wantRefusal(t, byHand.CompleteCode(t.Context(), address), "not to the redirect URI http://localhost, with which alone the code would work, so it was not sent")
	}
	begin(t, s.keeper, driver.AuthorizationRequest{})
	wantRefusal(t, byHand.Complete(t.Context(), "http://localhost/auth?code=by-hand"), "sent to http://localhost/auth and not")
	if n := s.service.count(); n != 0 {
		t.Fatalf("%d codes were posted", n)
	}
	if err := byHand.CompleteCode(t.Context(), "localhost?code=by-hand"); err != nil {
		t.Errorf("the address as a browser shows it: %v", err)
	}
	pasted := s.service.consent(t, begin(t, s.keeper, driver.AuthorizationRequest{}))
	if err := byHand.Complete(t.Context(), strings.Replace(pasted, "http://localhost/", "https://rooms.example/auth", 1)); err != nil {
		t.Errorf("with the state of the sign-in: %v", err)
	}
}

func TestACodeIsPostedOnce(t *testing.T) {
	s := newSite(t)
	pasted := s.service.consent(t, begin(t, s.keeper, driver.AuthorizationRequest{}))
	s.service.behave(func(url.Values) (*http.Response, error) { return nil, errors.New("connection reset") })
	if err := byCode(s.keeper).Complete(t.Context(), pasted); err == nil {
		t.Fatal("Complete returned nil without an answer")
	}
	s.service.behave(nil)
	wantRefusal(t, byCode(s.restart(t, s.options())).Complete(t.Context(), pasted), "already used")
	if n := s.service.count(); n != 1 {
		t.Errorf("the code was posted %d times", n)
	}
}

func TestANewCodeForTheSameSignIn(t *testing.T) {
	s := newSite(t)
	address := begin(t, s.keeper, driver.AuthorizationRequest{})
	s.service.behave(func(url.Values) (*http.Response, error) { return nil, errors.New("connection reset") })
	_ = byCode(s.keeper).Complete(t.Context(), s.service.consent(t, address)) // fails, as the test above shows
	s.service.behave(nil)
	if err := byCode(s.keeper).Complete(t.Context(), s.service.consent(t, address)); err != nil {
		t.Errorf("the page was opened again, and yet: %v", err)
	}
}

func TestSignInsThatAreRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		o := s.options()
		o.Account = "annexe"
		other := s.restart(t, o)

		pasted := s.service.consent(t, begin(t, other, driver.AuthorizationRequest{}))
		wantRefusal(t, byCode(s.keeper).Complete(t.Context(), pasted), "started for the account annexe, not for rooms")
		wantRefusal(t, byCode(s.keeper).Complete(t.Context(), "http://localhost/?code=c&state=made-up"), "no such sign-in was started")
		wantRefusal(t, byCode(s.keeper).Complete(t.Context(), "http://localhost/?error=access_denied&state=made-up"), "no such sign-in was started")

		address := begin(t, s.keeper, driver.AuthorizationRequest{})
		state := "&state=" + func() string { u, _ := url.Parse(address); return u.Query().Get("state") }()
		wantRefusal(t, byCode(s.keeper).Complete(t.Context(), "http://localhost/?error=access_denied&error_description=User+declined.+More."+state),
			"sign in: User declined (access_denied")
		late := s.service.consent(t, address)
		time.Sleep(61 * time.Minute)
		wantRefusal(t, byCode(s.keeper).Complete(t.Context(), late), "no such sign-in was started")
		if n := s.service.count(); n != 0 {
			t.Errorf("%d codes were posted", n)
		}
		wantState(t, s.keeper, driver.NeverSignedIn)
	})
}

func TestOnlyAHandfulOfSignInsIsKept(t *testing.T) {
	s := newSite(t)
	first := s.service.consent(t, begin(t, s.keeper, driver.AuthorizationRequest{}))
	for range 50 {
		begin(t, s.keeper, driver.AuthorizationRequest{})
	}
	if n := len(s.pending.Values); n != maxPending+1 {
		t.Errorf("%d values are kept, want %d and the journal", n, maxPending)
	}
	wantRefusal(t, byCode(s.keeper).Complete(t.Context(), first), "no such sign-in was started")
}

func TestDamagedPendingStoreDoesNotBlockASignIn(t *testing.T) {
	s := newSite(t)
	s.pending.Values["account/rooms"] = []byte("rubbish")
	s.signIn(t)
	wantState(t, s.keeper, driver.SignedIn)
}

func TestSignInWithoutARefreshToken(t *testing.T) {
	s := newSite(t)
	pasted := s.service.consent(t, begin(t, s.keeper, driver.AuthorizationRequest{}))
	s.service.behave(always(func() *http.Response {
		return reply(200, "application/json", `{"token_type":"Bearer","expires_in":3599,"access_token":"bare"}`)
	}))
	wantRefusal(t, byCode(s.keeper).Complete(t.Context(), pasted), "no refresh token")
	wantState(t, s.keeper, driver.NeverSignedIn)
}

func TestSignInThatCannotBeSaved(t *testing.T) {
	s := newSite(t)
	pasted := s.service.consent(t, begin(t, s.keeper, driver.AuthorizationRequest{}))
	s.tokens.BeforePut(func() error { return errors.New("read-only file system") })
	wantRefusal(t, byCode(s.keeper).Complete(t.Context(), pasted), "read-only file system")
	wantState(t, s.keeper, driver.NeverSignedIn)
}

// A code is not sent before it is on disk that it was: until then it can be sent again.
func TestCodeWhoseUseCannotBeRecorded(t *testing.T) {
	s := newSite(t)
	pasted := s.service.consent(t, begin(t, s.keeper, driver.AuthorizationRequest{}))
	s.pending.BeforePut(func() error { return errors.New("read-only file system") })
	wantRefusal(t, byCode(s.keeper).Complete(t.Context(), pasted), "the code was not sent, because its use could not be recorded: read-only file system")
	s.pending.BeforePut(nil)
	if err := byCode(s.keeper).Complete(t.Context(), pasted); err != nil {
		t.Errorf("the same code, once the store can be written: %v", err)
	}
}

func TestUserFromTheIDToken(t *testing.T) {
	claims, _ := json.Marshal(map[string]string{"preferred_username": "rooms@contoso.example"})
	for token, want := range map[string]string{
		"e30." + base64.RawURLEncoding.EncodeToString(claims) + ".sig":                         "rooms@contoso.example",
		"e30." + base64.RawURLEncoding.EncodeToString([]byte(`{"email":"a@b.example"}`)) + ".": "a@b.example",
		"e30.e30.sig": "", "e30.%%%.sig": "", "one part": "", "e30.bm8.sig": "",
	} {
		if got := userOf(token); got != want {
			t.Errorf("userOf(%q) = %q, want %q", token, got, want)
		}
	}
}
