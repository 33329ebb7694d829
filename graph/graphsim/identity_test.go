package graphsim

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

const scope = "offline_access Calendars.Read"

// ask opens the authorization endpoint with a valid request of the default client; more adds or replaces parameters.
func (b *bench) ask(tenant string, more ...string) reply {
	b.t.Helper()
	id, _, redirect := DefaultClient()
	q := url.Values{"client_id": {id}, "response_type": {"code"}, "redirect_uri": {redirect}, "scope": {scope}, "state": {"s1&x"}}
	for i := 0; i < len(more); i += 2 {
		q.Set(more[i], more[i+1])
	}
	return b.do("GET", "/"+tenant+"/oauth2/v2.0/authorize?"+q.Encode(), "")
}

// code signs in without a page and returns the code.
func (b *bench) code(more ...string) string {
	b.t.Helper()
	r := b.ask("common", append(more, "prompt", "none")...)
	u, err := url.Parse(r.header.Get("Location"))
	if err != nil || u.Query().Get("code") == "" {
		b.t.Fatalf("no code: %d %s", r.status, r.header.Get("Location"))
	}
	return u.Query().Get("code")
}

func TestAuthorizeErrorsThatArePages(t *testing.T) {
	for _, tc := range []struct {
		name, tenant, want string
		more               []string
	}{
		{"client", "common", "AADSTS700016", []string{"client_id", "00000000-0000-0000-0000-000000000001"}},
		{"redirect", "common", "AADSTS50011", []string{"redirect_uri", "http://localhost/other"}},
		{"redirect scheme", "common", "AADSTS50011", []string{"redirect_uri", "https://localhost"}},
		{"tenant guid", "11111111-2222-3333-4444-555555555555", "AADSTS90002", nil},
		{"tenant nonsense", "nonsense", "AADSTS900023", nil},
		{"consumers", "consumers", "AADSTS9002332", nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := newBench(t).ask(tc.tenant, tc.more...)
			if r.status != 400 || !strings.Contains(r.text, tc.want) || r.header.Get("Location") != "" {
				t.Errorf("status %d, page %.200s, want 400 with %s", r.status, r.text, tc.want)
			}
			if !strings.Contains(r.text, "SIMULATOR") || !strings.HasPrefix(r.header.Get("Content-Type"), "text/html") {
				t.Error("the page does not say what it is")
			}
		})
	}
}

func TestAuthorizeSingleTenantOnCommon(t *testing.T) {
	b := newBench(t)
	id, _, _ := DefaultClient()
	b.sim.ChangeApp(id, func(a *App) { a.SingleTenant = true })
	if r := b.ask("common"); !strings.Contains(r.text, "AADSTS50194") {
		t.Errorf("page %.200s, want AADSTS50194", r.text)
	}
	if r := b.ask(TenantDomain); !strings.Contains(r.text, "would like to") {
		t.Errorf("page %.200s, want the sign-in page", r.text)
	}
}

var hidden = regexp.MustCompile(`name="(\w+)" value="([^"]*)"`)

func TestAuthorizePageAcceptAndCancel(t *testing.T) {
	b := newBench(t)
	page := b.ask("common")
	if page.status != 200 || !strings.Contains(page.text, ServiceAccount) || strings.Contains(page.text, "<script") {
		t.Fatalf("sign-in page: %d %.400s", page.status, page.text)
	}
	form := url.Values{"user": {ServiceAccount}}
	for _, m := range hidden.FindAllStringSubmatch(page.text, -1) {
		if m[1] != "action" {
			form.Set(m[1], strings.ReplaceAll(m[2], "&amp;", "&"))
		}
	}
	form.Set("action", "accept")
	r := b.post("/common/oauth2/v2.0/authorize", form)
	location := r.header.Get("Location")
	u, _ := url.Parse(location)
	if r.status != http.StatusFound || !strings.HasPrefix(location, "http://localhost/?code=") {
		t.Fatalf("accept: %d %q, want 302 to http://localhost/?code=…", r.status, location)
	}
	if u.Query().Get("state") != "s1&x" || !guidShape.MatchString(u.Query().Get("session_state")) {
		t.Errorf("state %q, session_state %q", u.Query().Get("state"), u.Query().Get("session_state"))
	}
	form.Set("action", "cancel")
	u, _ = url.Parse(b.post("/common/oauth2/v2.0/authorize", form).header.Get("Location"))
	q := u.Query()
	if q.Get("error") != "access_denied" || !strings.HasPrefix(q.Get("error_description"), "AADSTS65004:") || q.Get("state") != "s1&x" {
		t.Errorf("cancel: %v", q)
	}
}

func TestAuthorizeErrorsThatAreRedirects(t *testing.T) {
	for _, tc := range []struct{ parameter, value, want string }{
		{"response_type", "token", "unsupported_response_type"},
		{"scope", "offline_access Calendar.Read", "invalid_scope"},
		{"scope", "https://graph.microsoft.com/offline_access", "invalid_scope"},
		{"code_challenge", "short", "invalid_request"},
	} {
		u, _ := url.Parse(newBench(t).ask("common", tc.parameter, tc.value).header.Get("Location"))
		if u.Host != "localhost" || u.Query().Get("error") != tc.want {
			t.Errorf("%s=%s: %s, want error=%s", tc.parameter, tc.value, u, tc.want)
		}
	}
}

func TestRedirectMatching(t *testing.T) {
	for _, tc := range []struct {
		registered, sent string
		want             bool
	}{
		{"http://localhost", "http://localhost:8400", true},
		{"http://localhost/cb", "http://localhost:8400/cb", true},
		{"http://localhost/cb", "http://localhost:8400/CB", false},
		{"http://localhost/cb", "http://localhost/cb/", false},
		{"https://gw.example", "https://gw.example/", true},
		{"https://gw.example/cb", "https://gw.example:8443/cb", false},
		{"http://127.0.0.1/cb", "http://127.0.0.1:99/cb", false},
	} {
		if got := sameRedirect(tc.registered, tc.sent); got != tc.want {
			t.Errorf("registered %s, sent %s: %v, want %v", tc.registered, tc.sent, got, tc.want)
		}
	}
}

func TestResponseModes(t *testing.T) {
	b := newBench(t)
	if l := b.ask("common", "prompt", "none", "response_mode", "fragment").header.Get("Location"); !strings.HasPrefix(l, "http://localhost/#code=") {
		t.Errorf("fragment: %q", l)
	}
	r := b.ask("common", "prompt", "none", "response_mode", "form_post")
	if r.status != 200 || !strings.Contains(r.text, `action="http://localhost"`) || !strings.Contains(r.text, `name="code"`) {
		t.Errorf("form_post: %d %.300s", r.status, r.text)
	}
}

func TestCodeCanBeRedeemedOnce(t *testing.T) {
	b := newBench(t)
	_, _, redirect := DefaultClient()
	code := b.code("scope", "openid profile "+scope)
	r := b.tokenPost("authorization_code", "code", code, "redirect_uri", redirect, "client_info", "1")
	r.want(t, 200, "")
	if got := r.str("scope"); got != "Calendars.Read openid profile" {
		t.Errorf("scope %q: offline_access is not listed, the rest is", got)
	}
	life, _ := r.json["expires_in"].(float64)
	if life < 3600 || life > 5400 || r.str("refresh_token") == "" || strings.Count(r.str("id_token"), ".") != 2 || r.str("client_info") == "" {
		t.Errorf("answer %v", r.json)
	}
	if r.header.Get("Cache-Control") != "no-store, no-cache" {
		t.Errorf("Cache-Control %q", r.header.Get("Cache-Control"))
	}
	again := b.tokenPost("authorization_code", "code", code, "redirect_uri", redirect)
	again.want(t, 400, "invalid_grant")
	if again.aadsts() != 54005 {
		t.Errorf("second use: AADSTS%d, want 54005", again.aadsts())
	}
}

func TestCodeBindings(t *testing.T) {
	verifier := strings.Repeat("v", 43)
	sum := sha256.Sum256([]byte(verifier))
	challenge := base64.RawURLEncoding.EncodeToString(sum[:])
	_, _, redirect := DefaultClient()
	for _, tc := range []struct {
		name   string
		wait   time.Duration
		fields []string
		want   int
	}{
		{"good", 9 * time.Minute, []string{"redirect_uri", redirect, "code_verifier", verifier}, 0},
		{"too late", 10 * time.Minute, []string{"redirect_uri", redirect, "code_verifier", verifier}, 70008},
		{"other redirect", 0, []string{"redirect_uri", redirect + ":80", "code_verifier", verifier}, 70000},
		{"other verifier", 0, []string{"redirect_uri", redirect, "code_verifier", verifier + "x"}, 501481},
		{"no verifier", 0, []string{"redirect_uri", redirect}, 501481},
		{"damaged code", 0, []string{"redirect_uri", redirect, "code_verifier", verifier, "code", "1.AXkA…"}, 9002313},
		{"no code", 0, []string{"redirect_uri", redirect, "code", ""}, 900144},
		{"no secret", 0, []string{"redirect_uri", redirect, "client_secret", ""}, 7000218},
		{"wrong secret", 0, []string{"redirect_uri", redirect, "client_secret", "id-not-value"}, 7000215},
		{"consent", 0, []string{"redirect_uri", redirect, "code_verifier", verifier, "scope", "Calendars.ReadWrite"}, 65001},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := newBench(t)
			code := b.code("code_challenge", challenge, "code_challenge_method", "S256")
			b.now = b.now.Add(tc.wait)
			r := b.tokenPost("authorization_code", append([]string{"code", code}, tc.fields...)...)
			if r.aadsts() != tc.want {
				t.Errorf("AADSTS%d, want %d: %s", r.aadsts(), tc.want, r.text)
			}
		})
	}
}

func TestPublicClientSendsNoSecret(t *testing.T) {
	b := newBench(t)
	native := "https://login.microsoftonline.com/common/oauth2/nativeclient"
	code := b.code("redirect_uri", native)
	if r := b.tokenPost("authorization_code", "code", code, "redirect_uri", native); r.aadsts() != 700025 || r.status != 401 {
		t.Errorf("with a secret: %d AADSTS%d, want 401 700025", r.status, r.aadsts())
	}
	b.tokenPost("authorization_code", "code", code, "redirect_uri", native, "client_secret", "").want(t, 200, "")
}

func TestRefreshRotatesAndOldTokenStaysValid(t *testing.T) {
	b := newBench(t)
	first, err := b.sim.SignIn(clientID(), ServiceAccount, "offline_access", "Calendars.Read")
	b.must(err)
	r := b.tokenPost("refresh_token", "refresh_token", first.Refresh)
	r.want(t, 200, "")
	second := r.str("refresh_token")
	if second == "" || second == first.Refresh {
		t.Fatal("no new refresh token")
	}
	b.tokenPost("refresh_token", "refresh_token", first.Refresh).want(t, 200, "")

	b.now = b.now.Add(80 * 24 * time.Hour)
	third := b.tokenPost("refresh_token", "refresh_token", second).str("refresh_token")
	b.now = b.now.Add(10 * 24 * time.Hour)
	old := b.tokenPost("refresh_token", "refresh_token", second)
	if old.aadsts() != 700082 || old.str("suberror") != "bad_token" || !strings.Contains(old.str("error_description"), "issued on 2026-11-03T08:00:00.0000000Z and was inactive for 90.00:00:00") {
		t.Errorf("a token of 90 days: %s", old.text)
	}
	b.tokenPost("refresh_token", "refresh_token", third).want(t, 200, "")
}

func clientID() string { id, _, _ := DefaultClient(); return id }

func TestRefreshOfSinglePageApp(t *testing.T) {
	b := newBench(t)
	b.sim.ChangeApp(clientID(), func(a *App) { a.Redirects = []Redirect{{SPA, "https://spa.example/"}} })
	verifier := strings.Repeat("p", 50)
	code := b.code("redirect_uri", "https://spa.example/", "code_challenge", verifier)
	f := url.Values{"client_id": {clientID()}, "grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {"https://spa.example/"}, "code_verifier": {verifier}}
	if r := b.post("/common/oauth2/v2.0/token", f); r.aadsts() != 9002327 {
		t.Errorf("without Origin: AADSTS%d, want 9002327", r.aadsts())
	}
	r := b.post("/common/oauth2/v2.0/token", f, "Origin", "https://spa.example")
	r.want(t, 200, "")
	b.now = b.now.Add(24 * time.Hour)
	f = url.Values{"client_id": {clientID()}, "grant_type": {"refresh_token"}, "refresh_token": {r.str("refresh_token")}}
	if r := b.post("/common/oauth2/v2.0/token", f, "Origin", "https://spa.example"); r.aadsts() != 700084 {
		t.Errorf("after 24 h: AADSTS%d, want 700084", r.aadsts())
	}
}

func TestRevocationAndAccountState(t *testing.T) {
	b := newBench(t)
	tokens, err := b.sim.SignIn(clientID(), ServiceAccount, "offline_access", "Calendars.Read")
	b.must(err)
	b.sim.AddUser(User{UPN: ServiceAccount, Disabled: true})
	if r := b.tokenPost("refresh_token", "refresh_token", tokens.Refresh); r.aadsts() != 50057 {
		t.Errorf("disabled: AADSTS%d, want 50057", r.aadsts())
	}
	b.sim.AddUser(User{UPN: ServiceAccount})
	b.sim.Revoke(ServiceAccount)
	r := b.tokenPost("refresh_token", "refresh_token", tokens.Refresh)
	r.want(t, 400, "invalid_grant")
	if r.aadsts() != 50173 {
		t.Errorf("revoked: AADSTS%d, want 50173", r.aadsts())
	}
	fresh, err := b.sim.SignIn(clientID(), ServiceAccount, "offline_access", "Calendars.Read")
	b.must(err)
	b.tokenPost("refresh_token", "refresh_token", fresh.Refresh).want(t, 200, "")
}

func TestForcedTokenFailures(t *testing.T) {
	b := newBench(t)
	tokens, err := b.sim.SignIn(clientID(), ServiceAccount, "offline_access", "Calendars.Read")
	b.must(err)
	for _, tc := range []struct {
		code, status  int
		err, suberror string
	}{
		{50076, 400, "invalid_grant", "basic_action"},
		{53003, 400, "invalid_grant", "message_only"},
		{50057, 400, "invalid_grant", ""},
		{65001, 400, "invalid_grant", "consent_required"},
		{7000222, 401, "invalid_client", ""},
		{7000215, 401, "invalid_client", ""},
		{50173, 400, "invalid_grant", "bad_token"},
		{90033, 503, "temporarily_unavailable", ""},
	} {
		b.sim.FailToken(tc.code, 1)
		r := b.tokenPost("refresh_token", "refresh_token", tokens.Refresh)
		r.want(t, tc.status, tc.err)
		if r.aadsts() != tc.code || r.str("suberror") != tc.suberror {
			t.Errorf("AADSTS%d suberror %q, want %d %q", r.aadsts(), r.str("suberror"), tc.code, tc.suberror)
		}
		b.tokenPost("refresh_token", "refresh_token", tokens.Refresh).want(t, 200, "")
	}
	b.sim.FailToken(429, 1)
	r := b.tokenPost("refresh_token", "refresh_token", tokens.Refresh)
	if r.status != 429 || r.text != "Too Many Requests" || r.header.Get("Retry-After") != "60" {
		t.Errorf("429: %d %q Retry-After %q", r.status, r.text, r.header.Get("Retry-After"))
	}
}

func TestStrictRotation(t *testing.T) {
	b := newBench(t)
	b.sim.Set(func(w *Behaviour) { w.StrictRotation = true })
	tokens, err := b.sim.SignIn(clientID(), ServiceAccount, "offline_access", "Calendars.Read")
	b.must(err)
	r := b.tokenPost("refresh_token", "refresh_token", tokens.Refresh)
	b.tokenPost("refresh_token", "refresh_token", tokens.Refresh).want(t, 200, "") // nothing was used at Graph yet
	b.token = r.str("access_token")
	b.get("/me/events").want(t, 200, "")
	if r := b.tokenPost("refresh_token", "refresh_token", tokens.Refresh); r.aadsts() != 50173 {
		t.Errorf("old token after the new one was used: AADSTS%d, want 50173", r.aadsts())
	}
	b.tokenPost("refresh_token", "refresh_token", r.str("refresh_token")).want(t, 200, "")
}

func TestDeviceCode(t *testing.T) {
	b := newBench(t)
	start := func() reply {
		return b.post("/common/oauth2/v2.0/devicecode", url.Values{"client_id": {clientID()}, "scope": {scope}})
	}
	poll := func(r reply) reply {
		return b.tokenPost(deviceGrant, "device_code", r.str("device_code"), "client_secret", "")
	}
	d := start()
	d.want(t, 200, "")
	if len(d.str("user_code")) != 9 || d.json["interval"] != 5.0 || d.json["expires_in"] != 900.0 || !strings.Contains(d.str("message"), d.str("user_code")) {
		t.Errorf("answer %v", d.json)
	}
	poll(d).want(t, 400, "authorization_pending")
	typed := strings.ToLower(d.str("user_code"))
	page := b.post("/devicelogin", url.Values{"user_code": {typed}, "user": {ServiceAccount}, "action": {"accept"}})
	if !strings.Contains(page.text, "You can close this page") {
		t.Fatalf("page %.300s", page.text)
	}
	done := poll(d)
	done.want(t, 200, "")
	if done.str("refresh_token") == "" {
		t.Error("no refresh token")
	}
	if r := poll(d); r.aadsts() != 90120 {
		t.Errorf("after success: AADSTS%d, want 90120", r.aadsts())
	}
	declined := start()
	b.must(b.sim.DeclineDevice(declined.str("user_code")))
	poll(declined).want(t, 400, "authorization_declined")
	late := start()
	b.now = b.now.Add(15 * time.Minute)
	poll(late).want(t, 400, "expired_token")
	b.sim.ChangeApp(clientID(), func(a *App) { a.PublicClient = false })
	if r := poll(start()); r.aadsts() != 7000218 || r.status != 401 {
		t.Errorf("public flows off: %d AADSTS%d, want 401 7000218", r.status, r.aadsts())
	}
}

// Microsoft's library for Go polls with the grant type of the drafts of RFC 8628.
func TestOldDeviceGrantType(t *testing.T) {
	b := newBench(t)
	d := b.post("/common/oauth2/v2.0/devicecode", url.Values{"client_id": {clientID()}, "scope": {scope}})
	b.must(b.sim.ApproveDevice(d.str("user_code"), ServiceAccount))
	b.tokenPost("device_code", "device_code", d.str("device_code"), "client_secret", "").want(t, 200, "")
}

func TestDefaultScopeAtRefresh(t *testing.T) {
	b := newBench(t)
	tokens, err := b.sim.SignIn(clientID(), ServiceAccount, "offline_access", "Calendars.Read", "Place.Read.All")
	b.must(err)
	r := b.tokenPost("refresh_token", "refresh_token", tokens.Refresh, "scope", "https://graph.microsoft.com/.default offline_access")
	r.want(t, 200, "")
	want := "https://graph.microsoft.com/Calendars.Read https://graph.microsoft.com/Place.Read.All https://graph.microsoft.com/.default"
	if r.str("scope") != want {
		t.Errorf("scope %q, want all that was consented: %q", r.str("scope"), want)
	}
}

func TestClientCredentials(t *testing.T) {
	b := newBench(t)
	b.sim.ChangeApp(clientID(), func(a *App) { a.AppRoles = nil })
	r := b.tokenPost("client_credentials", "scope", "https://graph.microsoft.com/.default")
	r.want(t, 200, "")
	if r.str("refresh_token")+r.str("scope")+r.str("id_token") != "" {
		t.Errorf("an application token carries nothing else: %v", r.json)
	}
	b.token = r.str("access_token")
	b.get("/users/boardroom@contoso.example/events").want(t, 403, "ErrorAccessDenied")
	b.tokenPost("client_credentials", "scope", "https://graph.microsoft.com/.default openid offline_access profile").want(t, 200, "")
	for _, scope := range []string{"Calendars.Read", "openid", "https://graph.microsoft.com/.default https://vault.azure.net/.default"} {
		r := b.tokenPost("client_credentials", "scope", scope)
		r.want(t, 400, "invalid_scope")
		if r.aadsts() != 1002012 {
			t.Errorf("scope %q: AADSTS%d, want 1002012", scope, r.aadsts())
		}
	}
	b.tokenPost("client_credentials").want(t, 400, "invalid_request")
	b.sim.ChangeApp(clientID(), func(a *App) { a.Secrets[0].Expires = b.now })
	if r := b.tokenPost("client_credentials", "scope", "https://graph.microsoft.com/.default"); r.aadsts() != 7000222 {
		t.Errorf("expired secret: AADSTS%d, want 7000222", r.aadsts())
	}
}

func TestClientAssertion(t *testing.T) {
	b := newBench(t)
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	b.must(err)
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{SerialNumber: big.NewInt(1)}, &x509.Certificate{SerialNumber: big.NewInt(1)}, &key.PublicKey, key)
	b.must(err)
	cert, err := x509.ParseCertificate(der)
	b.must(err)
	b.sim.ChangeApp(clientID(), func(a *App) { a.Certificates = []*x509.Certificate{cert} })
	endpoint := simHost + "/" + TenantID + "/oauth2/v2.0/token"
	sum := sha256.Sum256(cert.Raw)
	thumbprint := base64.RawURLEncoding.EncodeToString(sum[:])
	for _, tc := range []struct {
		name, aud  string
		shift      time.Duration
		thumbprint string
		damage     string
		want       int
	}{
		{"good", endpoint, 0, thumbprint, "", 0},
		{"thumbprint in standard base64", endpoint, 0, base64.StdEncoding.EncodeToString(sum[:]), "", 0},
		{"other thumbprint", endpoint, 0, thumbprint[1:] + "A", "", 700027},
		{"no thumbprint", endpoint, 0, "", "", 700027},
		{"slow clock", endpoint, -time.Hour, thumbprint, "", 700024},
		{"fast clock", endpoint, time.Hour, thumbprint, "", 700024},
		{"other audience", "https://login.example/x", 0, thumbprint, "", 700027},
		{"bad signature", endpoint, 0, thumbprint, "AAAA", 700027},
	} {
		from := b.now.Add(tc.shift).Unix()
		jwt := signPS256(t, key, map[string]any{"alg": "PS256", "typ": "JWT", "x5t#S256": tc.thumbprint},
			map[string]any{"aud": tc.aud, "iss": clientID(), "sub": clientID(), "jti": "1", "nbf": from, "exp": from + 300})
		r := b.tokenPost("client_credentials", "scope", "https://graph.microsoft.com/.default", "client_secret", "", "client_assertion", jwt+tc.damage)
		if r.aadsts() != tc.want {
			t.Errorf("%s: AADSTS%d, want %d", tc.name, r.aadsts(), tc.want)
		}
	}
}

func signPS256(t *testing.T, key *rsa.PrivateKey, head, claims any) string {
	t.Helper()
	h, _ := json.Marshal(head)
	c, _ := json.Marshal(claims)
	signed := base64.RawURLEncoding.EncodeToString(h) + "." + base64.RawURLEncoding.EncodeToString(c)
	sum := sha256.Sum256([]byte(signed))
	sig, err := rsa.SignPSS(rand.Reader, key, crypto.SHA256, sum[:], nil)
	if err != nil {
		t.Fatal(err)
	}
	return signed + "." + base64.RawURLEncoding.EncodeToString(sig)
}

func TestErrorBodyShape(t *testing.T) {
	b := newBench(t)
	r := b.tokenPost("authorisation_code")
	r.want(t, 400, "unsupported_grant_type")
	if !strings.HasPrefix(r.str("error_description"), "AADSTS70003: The app requested an unsupported grant type 'authorisation_code'. Trace ID: ") {
		t.Errorf("description %q", r.str("error_description"))
	}
	if r.aadsts() != 70003 || r.str("timestamp") != "2026-11-03 08:00:00Z" || r.str("trace_id") != r.header.Get("x-ms-request-id") || !guidShape.MatchString(r.str("correlation_id")) {
		t.Errorf("body %s", r.text)
	}
	if r := b.do("GET", "/common/oauth2/v2.0/token", ""); r.aadsts() != 900561 {
		t.Errorf("GET: AADSTS%d, want 900561", r.aadsts())
	}
	if r := b.do("POST", "/common/oauth2/v2.0/token", `{"grant_type":"refresh_token"}`, "Content-Type", "application/json"); r.aadsts() != 900144 {
		t.Errorf("JSON body: AADSTS%d, want 900144", r.aadsts())
	}
}

func TestDiscovery(t *testing.T) {
	b := newBench(t)
	r := b.do("GET", "/"+TenantID+"/v2.0/.well-known/openid-configuration", "")
	if r.str("token_endpoint") != simHost+"/"+TenantID+"/oauth2/v2.0/token" || r.str("issuer") != simHost+"/"+TenantID+"/v2.0" {
		t.Errorf("document %v", r.json)
	}
	if r := b.do("GET", "/common/v2.0/.well-known/openid-configuration", ""); r.str("issuer") != simHost+"/{tenantid}/v2.0" {
		t.Errorf("issuer of common %q", r.str("issuer"))
	}
	keys, _ := b.do("GET", "/common/discovery/v2.0/keys", "").json["keys"].([]any)
	if len(keys) != 1 || !slices.Contains([]string{"RSA"}, keys[0].(map[string]any)["kty"].(string)) {
		t.Errorf("keys %v", keys)
	}
}

func TestInstanceDiscovery(t *testing.T) {
	b := newBench(t)
	ask := func(authority string) reply {
		q := url.Values{"api-version": {"1.1"}, "authorization_endpoint": {authority + "/oauth2/v2.0/authorize"}}
		return b.do("GET", "/common/discovery/instance?"+q.Encode(), "")
	}
	for _, tc := range []struct{ authority, want string }{
		{simHost + "/" + TenantID, simHost + "/" + TenantID + "/v2.0/.well-known/openid-configuration"},
		{"https://login.microsoftonline.com/common", "https://login.microsoftonline.com/common/v2.0/.well-known/openid-configuration"},
		{"https://login.microsoftonline.us/" + TenantDomain, "https://login.microsoftonline.us/" + TenantDomain + "/v2.0/.well-known/openid-configuration"},
	} {
		r := ask(tc.authority)
		if got := r.str("tenant_discovery_endpoint"); got != tc.want {
			t.Errorf("%s: %s, want %s", tc.authority, got, tc.want)
		}
		if list, _ := r.json["metadata"].([]any); len(list) != 4 {
			t.Errorf("%s: %d clouds, want the simulator's own and three of Microsoft's", tc.authority, len(list))
		}
	}
	r := ask("https://login.evil.example/" + TenantID)
	r.want(t, 400, "invalid_instance")
	if r.aadsts() != 50049 {
		t.Errorf("a host that is no cloud: AADSTS%d, want 50049", r.aadsts())
	}
}

func TestScopesAreReturnedAsRequested(t *testing.T) {
	_, _, redirect := DefaultClient()
	for _, tc := range []struct{ authorize, token, want string }{
		{"offline_access Calendars.Read", "", "Calendars.Read"},
		{"offline_access calendars.read User.READ", "", "Calendars.Read User.Read"},
		{"openid https://graph.microsoft.com/User.Read", "", "https://graph.microsoft.com/User.Read openid"},
		{"openid Calendars.Read User.Read", "https://graph.microsoft.com/User.Read openid", "https://graph.microsoft.com/User.Read openid"},
		{"openid https://graph.microsoft.com/.default", "", "https://graph.microsoft.com/Calendars.Read https://graph.microsoft.com/Calendars.Read.Shared " +
			"https://graph.microsoft.com/User.Read openid https://graph.microsoft.com/.default"},
	} {
		b := newBench(t)
		r := b.tokenPost("authorization_code", "code", b.code("scope", tc.authorize), "redirect_uri", redirect, "scope", tc.token)
		r.want(t, 200, "")
		if got := r.str("scope"); got != tc.want {
			t.Errorf("authorize with %q, token with %q: scope %q, want %q", tc.authorize, tc.token, got, tc.want)
		}
	}
}
