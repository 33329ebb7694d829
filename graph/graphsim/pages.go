package graphsim

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"
)

const style = `
body{font:16px/1.5 system-ui,sans-serif;max-width:64rem;margin:2rem auto;padding:0 1rem;color:#1c2733;background:#f6f7f9}
.note{background:#fff3c4;border:1px solid #e0b400;padding:.4rem .8rem;border-radius:4px}
main{background:#fff;border:1px solid #d5dbe1;border-radius:6px;padding:1rem 1.5rem;margin-top:1rem}
table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.3rem .6rem;border-bottom:1px solid #e6eaee;vertical-align:top}
button{font:inherit;padding:.2rem .7rem;margin:.1rem}form{display:inline}input,select{font:inherit}
code{overflow-wrap:anywhere}small{color:#5a6775}
`

// page is an HTML page with the notice that this is a simulator.
func page(title string, content ...g.Node) response {
	var b strings.Builder
	_ = h.Doctype(h.HTML(h.Lang("en"),
		h.Head(
			h.Meta(h.Charset("utf-8")),
			h.Meta(h.Name("viewport"), h.Content("width=device-width, initial-scale=1")),
			h.TitleEl(g.Text(title+": simulator")),
			h.StyleEl(g.Raw(style)),
		),
		h.Body(
			h.P(h.Class("note"), h.Strong(g.Text("SIMULATOR.")), g.Text(" This is a simulator, not Microsoft. Type no real password here.")),
			h.Main(h.H1(g.Text(title)), g.Group(content)),
		),
	)).Render(&b) // a Builder takes everything
	return newResponse(http.StatusOK, "text/html; charset=utf-8", []byte(b.String()))
}

// messagePage is a page with one message.
func messagePage(title, text string, details ...string) response {
	return page(title, h.P(g.Text(text)), g.Map(details, func(d string) g.Node { return h.P(small(d)) }))
}

func small(words string) g.Node { return h.Small(g.Text(words)) }

func hiddenInput(name, value string) g.Node {
	return h.Input(h.Type("hidden"), h.Name(name), h.Value(value))
}

// errorPage is shown when an error must not be returned to the client.
func (s *Sim) errorPage(c *call, problem refusal) response {
	a := messagePage("Sign in", "Sorry, but we're having trouble signing you in.",
		s.description(c, problem), "Request Id: "+c.id, "Correlation Id: "+c.correlation(), "Timestamp: "+c.now.Format("2006-01-02T15:04:05Z"))
	a.status = http.StatusBadRequest
	return a
}

// signInPage lets a user choose an account and accept or cancel; the form repeats the request.
func (s *Sim) signInPage(c *call, q url.Values, app *App) response {
	scopes, _ := parseScopes(q.Get("scope"))
	names := make([]string, 0, len(q))
	for name := range q {
		if name != "action" && name != "user" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return page("Sign in",
		h.P(g.Text(app.Name+" would like to:")),
		h.Ul(g.Map(scopes, func(scope string) g.Node { return h.Li(g.Text(scope)) })),
		h.Form(h.Method("post"), h.Action(c.r.URL.EscapedPath()),
			g.Map(names, func(name string) g.Node { return hiddenInput(name, q.Get(name)) }),
			s.decision(q.Get("login_hint"))))
}

// devicePage lets a user enter a device code.
func (s *Sim) devicePage(text string) response {
	return page("Enter code",
		h.P(g.Text(text)),
		h.Form(h.Method("post"), h.Action("/devicelogin"),
			h.P(h.Label(g.Text("Code "), h.Input(h.Name("user_code"), h.AutoComplete("off"), h.Required()))),
			s.decision("")))
}

// decision is the form field for the account and the buttons; hint is the preselected user.
func (s *Sim) decision(hint string) g.Node {
	return g.Group{
		h.P(h.Label(g.Text("Account "), h.Select(h.Name("user"), g.Map(s.userNames(), func(name string) g.Node {
			return h.Option(g.If(name == hint, h.Selected()), g.Text(name))
		})))),
		h.Button(h.Name("action"), h.Value("accept"), g.Text("Accept")), g.Text(" "),
		h.Button(h.Name("action"), h.Value("cancel"), g.Text("Cancel")),
	}
}

// formPostPage posts to a redirect URI in the response mode form_post.
func formPostPage(redirect string, params [][2]string) response {
	return page("Continue", h.Form(h.Method("post"), h.Action(redirect), g.Map(params, func(p [2]string) g.Node { return hiddenInput(p[0], p[1]) }), h.Button(g.Text("Continue"))))
}
