package graphsim

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"
	"net/url"
	"slices"
)

//go:embed templates/*.html
var templateFiles embed.FS

var templates = template.Must(template.ParseFS(templateFiles, "templates/*.html"))

// pageData fills the pages a person sees.
type pageData struct {
	Title, Text string
	Details     []string
	Action      string // where the form goes
	Hidden      [][2]string
	Users       []string
	Hint        string // the user chosen beforehand
	Control     any
}

func (s *Sim) page(name string, d pageData) answer {
	var b bytes.Buffer
	if err := templates.ExecuteTemplate(&b, name, d); err != nil {
		return newAnswer(http.StatusInternalServerError, "text/plain; charset=utf-8", []byte("the simulator cannot write its page: "+err.Error()))
	}
	return newAnswer(http.StatusOK, "text/html; charset=utf-8", b.Bytes())
}

// errorPage is what a person sees when nothing may be sent back to the client.
func (s *Sim) errorPage(c *call, no refusal) answer {
	a := s.page("message", pageData{Title: "Sign in", Text: "Sorry, but we're having trouble signing you in.", Details: []string{
		s.description(c, no), "Request Id: " + c.id, "Correlation Id: " + c.correlation(), "Timestamp: " + c.now.Format("2006-01-02T15:04:05Z"),
	}})
	a.status = http.StatusBadRequest
	return a
}

// signInPage lets a person choose an account and accept or cancel; the form carries the request on.
func (s *Sim) signInPage(c *call, q url.Values, app *App) answer {
	scopes, _ := parseScopes(q.Get("scope"))
	d := pageData{Title: "Sign in", Text: app.Name + " would like to:", Details: scopes, Action: c.r.URL.EscapedPath(), Users: s.userNames(), Hint: q.Get("login_hint")}
	names := make([]string, 0, len(q))
	for name := range q {
		if name != "action" && name != "user" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		d.Hidden = append(d.Hidden, [2]string{name, q.Get(name)})
	}
	return s.page("signin", d)
}
