package graphsim

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// authorize is the authorization endpoint (RFC 6749 §4.1.1). Errors of the client or its redirect URI are
// shown to the user on a page; all others are returned to the client.
func (s *Sim) authorize(c *call) response {
	q := c.r.URL.Query()
	if c.r.Method == http.MethodPost {
		q = c.form()
	}
	app, problem := s.application(c.path[0], q.Get("client_id"))
	if problem.code != 0 {
		return s.errorPage(c, problem)
	}
	redirect, problem := app.matchRedirect(q.Get("redirect_uri"))
	if problem.code != 0 {
		return s.errorPage(c, problem)
	}
	q.Set("redirect_uri", redirect.URI)
	if problem := checkAuthorize(q, redirect.Platform); problem.code != 0 {
		return s.redirectBack(c, q, s.errorParameters(c, problem))
	}
	who, decided := s.selectUser(q)
	switch {
	case q.Get("action") == "cancel":
		return s.redirectBack(c, q, s.errorParameters(c, refusal{code: 65004}))
	case decided && who == nil:
		return s.redirectBack(c, q, s.errorParameters(c, refusal{code: 50058}))
	case decided && who.Disabled:
		return s.errorPage(c, refusal{code: 50057})
	case decided:
		return s.redirectBack(c, q, s.approve(c, q, app, redirect.Platform, who))
	}
	return s.signInPage(c, q, app)
}

// matchRedirect applies learn.microsoft.com/entra/identity-platform/reply-url: exact except for the port of
// localhost; an empty path is "/".
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

// checkAuthorize validates a request whose redirect URI is valid.
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

// selectUser returns the user who signs in; decided is false if the page has to ask.
func (s *Sim) selectUser(q url.Values) (who *User, decided bool) {
	if q.Get("action") == "accept" {
		return s.user(q.Get("user")), true
	}
	if !s.behaviour.AutoApprove && q.Get("prompt") != "none" {
		return nil, false
	}
	if hint := q.Get("login_hint"); hint != "" {
		return s.user(hint), true
	}
	if len(s.directory.users) == 0 || len(s.directory.users) > 1 && !s.behaviour.AutoApprove {
		return nil, true
	}
	return s.directory.users[0], true
}

// approve issues a code and returns the parameters of the authorization response.
func (s *Sim) approve(c *call, q url.Values, app *App, p Platform, who *User) [][2]string {
	code := s.secretString("1.AXkA", 700)
	s.issued.codes[code] = &authCode{
		signIn:   s.newSignIn(c, app, who, q.Get("scope"), p),
		redirect: q.Get("redirect_uri"), challenge: q.Get("code_challenge"), method: q.Get("code_challenge_method"),
		nonce: q.Get("nonce"), issued: c.now,
	}
	return [][2]string{{"code", code}, {"state", q.Get("state")}, {"session_state", s.guid()}}
}

func (s *Sim) errorParameters(c *call, problem refusal) [][2]string {
	return [][2]string{{"error", lookup(problem.code).err}, {"error_description", s.description(c, problem)}, {"state", c.state()}}
}

func (c *call) state() string {
	if c.r.Method == http.MethodPost {
		return c.form().Get("state")
	}
	return c.r.URL.Query().Get("state")
}

// redirectBack sends parameters to the redirect URI in the requested response mode, without empty ones.
func (s *Sim) redirectBack(c *call, q url.Values, params [][2]string) response {
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
	a := newResponse(http.StatusFound, "text/html; charset=utf-8", nil)
	a.header.Set("Location", location)
	a.header.Set("Cache-Control", "no-store, no-cache")
	return a
}
