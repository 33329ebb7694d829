package web

import (
	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"
)

// setUpDocument is a page on which people sign in.
func setUpDocument(title, site, warning string, content ...g.Node) g.Node {
	return document(title+", "+site, nil, h.Class("setup"), lines(
		banner(warning),
		h.Header(h.H1(g.Text(title)), h.P(h.Class("quiet"), g.Text(site)),
			h.Nav(h.A(h.Href("/setup"), g.Text("Accounts")), g.Text(" "), h.A(h.Href("/"), g.Text("Rooms")))),
		h.Main(lines(content...)),
	))
}

// accountsPage lists the accounts.
func accountsPage(p indexPage) g.Node {
	return setUpDocument(p.Title, p.Site, p.Banner,
		h.P(g.Text("The gateway reads the calendars of the rooms with these accounts.")),
		h.Ul(h.Class("items accounts"), lines(g.Map(p.Accounts, func(a accountItem) g.Node {
			return h.Li(h.Class(condition(a.OK)), h.A(h.Href(a.Path), g.Text(a.Name)), g.Text(": "+a.Words), user(a), sentences(reason(a)))
		})...)),
		g.If(!p.MaySignIn, setUpCodeStep(p.Program, "")),
	)
}

func user(a accountItem) g.Node {
	return g.If(a.Status.User != "", g.Text(" as "+a.Status.User))
}

func reason(a accountItem) g.Node {
	return g.If(a.Status.Reason != "", g.Text(sentence(a.Status.Reason)))
}

// setUpCodeStep asks for the set-up code. The page of the account comes next, or
// the list if the account is empty.
func setUpCodeStep(program, account string) g.Node {
	return step(
		h.H2(g.Text("Allow this browser to sign in")),
		h.P(g.Text("Run "), code(program+" login --page"), g.Text(" on the gateway. It prints a code that works once.")),
		h.Form(h.Method("post"), h.Action("/setup/code"), lines(
			h.Input(h.Type("hidden"), h.Name("account"), h.Value(account)),
			h.Label(g.Text("Code "), h.Input(h.Name("code"), h.AutoComplete("one-time-code"), g.Attr("autocapitalize", "none"),
				g.Attr("spellcheck", "false"), h.Required(), h.AutoFocus())),
			h.Button(g.Text("Open")),
		)),
	)
}

func step(content ...g.Node) g.Node { return h.Section(h.Class("step"), lines(content...)) }
