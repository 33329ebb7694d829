package graphsim

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// authorize is the authorization endpoint (RFC 6749 §4.1.1). What is wrong with the client or its redirect URI is
// told to the person on a page; everything else goes back to the client.
func (s *Sim) authorize(c *call) answer {
	q := c.r.URL.Query()
	if c.r.Method == http.MethodPost {
		q = c.form()
	}
	app, no := s.application(c.path[0], q.Get("client_id"))
	if no.code != 0 {
		return s.errorPage(c, no)
	}
	redirect, no := app.matchRedirect(q.Get("redirect_uri"))
	if no.code != 0 {
		return s.errorPage(c, no)
	}
	q.Set("redirect_uri", redirect.URI)
	if no := checkAuthorize(q, redirect.Platform); no.code != 0 {
		return s.back(c, q, s.backError(c, no))
	}
	who, decided := s.whoSigns(q)
	switch {
	case q.Get("action") == "cancel":
		return s.back(c, q, s.backError(c, refusal{code: 65004}))
	case decided && who == nil:
		return s.back(c, q, s.backError(c, refusal{code: 50058}))
	case decided && who.Disabled:
		return s.errorPage(c, refusal{code: 50057})
	case decided:
		return s.back(c, q, s.approve(c, q, app, redirect.Platform, who))
	}
	return s.signInPage(c, q, app)
}

// matchRedirect applies learn.microsoft.com/entra/identity-platform/reply-url: exact but for the port of
// localhost, and a missing path is "/".
func (a *App) matchRedirect(sent string) (Redirect, refusal) {
	switch {
	case len(a.Redirects) == 0:
		return Redirect{}, refusal{code: 500113}
	case sent == "":
		return a.Redirects[0], refusal{}
	}
	for _, r := range a.Redirects {
		if sameRedirect(r.URI, sent) {
			return Redirect{r.Platform, sent}, refusal{}
		}
	}
	return Redirect{}, refusal{50011, "The redirect URI '" + sent + "' specified in the request does not match the redirect URIs configured for the application '" + a.ClientID + "'."}
}

func sameRedirect(registered, sent string) bool {
	r, err1 := url.Parse(registered)
	u, err2 := url.Parse(sent)
	if err1 != nil || err2 != nil {
		return false
	}
	for _, x := range []*url.URL{r, u} {
		if x.Path == "" {
			x.Path = "/"
		}
		if x.Hostname() == "localhost" {
			x.Host = "localhost"
		}
	}
	return r.String() == u.String()
}

// checkAuthorize finds what the client did wrong in a request whose redirect URI is good.
func checkAuthorize(q url.Values, p Platform) refusal {
	_, badScope := parseScopes(q.Get("scope"))
	size := len(q.Get("code_challenge"))
	switch {
	case q.Get("response_type") == "":
		return missing("response_type")
	case !slices.Contains(strings.Fields(q.Get("response_type")), "code"):
		return refusal{code: 700054}
	case q.Get("scope") == "":
		return missing("scope")
	case badScope != "":
		return refusal{70011, "The provided value for the input parameter 'scope' is not valid. The scope '" + badScope + "' does not exist."}
	case !slices.Contains([]string{"", "query", "fragment", "form_post"}, q.Get("response_mode")):
		return refusal{9002313, "The response_mode is not one of query, fragment, form_post."}
	case p == SPA && size == 0:
		return refusal{code: 9002325}
	case size != 0 && (size < 43 || size > 128):
		return refusal{code: 501491}
	}
	return refusal{}
}

// whoSigns returns the person, and whether that is settled: chosen on the page, or without asking.
func (s *Sim) whoSigns(q url.Values) (who *User, decided bool) {
	if q.Get("action") == "accept" {
		return s.user(q.Get("user")), true
	}
	if !s.sw.AutoApprove && q.Get("prompt") != "none" {
		return nil, false
	}
	if hint := q.Get("login_hint"); hint != "" {
		return s.user(hint), true
	}
	if len(s.world.users) == 0 || len(s.world.users) > 1 && !s.sw.AutoApprove {
		return nil, true
	}
	return s.world.users[0], true
}

// approve makes the code and the parameters that bring it home.
func (s *Sim) approve(c *call, q url.Values, app *App, p Platform, who *User) [][2]string {
	code := s.secretString("1.AXkA", 700)
	s.grants.codes[code] = &authCode{
		signIn:   s.newSignIn(c, app, who, q.Get("scope"), p),
		redirect: q.Get("redirect_uri"), challenge: q.Get("code_challenge"), method: q.Get("code_challenge_method"),
		nonce: q.Get("nonce"), issued: c.now,
	}
	return [][2]string{{"code", code}, {"state", q.Get("state")}, {"session_state", s.guid()}}
}

func (s *Sim) backError(c *call, no refusal) [][2]string {
	return [][2]string{{"error", lookup(no.code).err}, {"error_description", s.description(c, no)}, {"state", c.state()}}
}

func (c *call) state() string {
	if c.r.Method == http.MethodPost {
		return c.form().Get("state")
	}
	return c.r.URL.Query().Get("state")
}

// back carries parameters to the redirect URI in the response mode asked for. Empty ones are left out.
func (s *Sim) back(c *call, q url.Values, params [][2]string) answer {
	params = slices.DeleteFunc(params, func(p [2]string) bool { return p[1] == "" })
	if q.Get("response_mode") == "form_post" {
		return formPostPage(q.Get("redirect_uri"), params)
	}
	var b strings.Builder
	for _, p := range params {
		if b.Len() > 0 {
			b.WriteByte('&')
		}
		b.WriteString(p[0] + "=" + url.QueryEscape(p[1]))
	}
	target, _ := url.Parse(q.Get("redirect_uri")) // matchRedirect has parsed it
	if target.Path == "" {
		target.Path = "/"
	}
	location := ""
	switch {
	case q.Get("response_mode") == "fragment":
		location = target.String() + "#" + b.String()
	case target.RawQuery != "":
		location = target.String() + "&" + b.String()
	default:
		location = target.String() + "?" + b.String()
	}
	a := newAnswer(http.StatusFound, "text/html; charset=utf-8", nil)
	a.header.Set("Location", location)
	a.header.Set("Cache-Control", "no-store, no-cache")
	return a
}
