package web

import (
	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"
)

// oneAccountPage shows how an account stands and the way in that it has.
func oneAccountPage(p accountPage) g.Node {
	return setUpDocument(p.Title, p.Site, p.Banner,
		g.Iff(p.Outcome != nil, func() g.Node { return outcomeLine(p.Outcome) }),
		h.Ul(h.Class("items"), standing(p)),
		g.Iff(p.OK && p.Next != nil, func() g.Node {
			return h.P(h.Class("next"), g.Text("Account "), h.A(h.Href(p.Next.Path), g.Text(p.Next.Name)), g.Text(" waits for somebody, too."))
		}),
		wayIn(p),
	)
}

func wayIn(p accountPage) g.Node {
	switch {
	case !p.Open:
		return setUpCodeStep(p.Name)
	case p.Until != nil:
		return deviceStep(p, enterCode(p))
	case p.Kind == "device":
		return deviceStep(p, showCode(p))
	case p.Kind == "app":
		return applicationStep(p)
	}
	return lines(registerStep(p), microsoftStep(p), pasteStep(p))
}

func outcomeLine(o *outcome) g.Node {
	return h.P(h.Class("outcome "+condition(o.OK)), h.Role("status"), g.Text(o.Words+"."), nextStep(o.Next))
}

func nextStep(words string) g.Node {
	return g.If(words != "", g.Group{g.Text(" "), h.Span(g.Text("Next: " + words + "."))})
}

// standing tells how the account stands. An open device code says all that the
// reason does.
func standing(p accountPage) g.Node {
	return h.Li(h.Class(condition(p.OK)), h.B(g.Text("Now")), g.Text(": "+p.Words), asUser(p.signInItem),
		g.If(p.Until == nil, g.Group{reason(p.signInItem), nextStep(p.Action)}),
		g.If(len(p.MissingScopes) > 0, g.Group{g.Text(" "),
			h.Span(g.Text("Not granted yet: "), codes(p.MissingScopes), g.Text(". Sign in again to grant it."))}))
}

// codes are words to copy, with commas between them.
func codes(words []string) g.Group {
	var out g.Group
	for i, w := range words {
		out = append(out, g.If(i > 0, g.Text(", ")), code(w))
	}
	return out
}

// quietly is a remark below a step.
func quietly(content ...g.Node) g.Node { return h.P(h.Class("quiet"), g.Group(content)) }

// entra links to where the customer's IT registers applications.
func entra() g.Node { return elsewhere("https://entra.microsoft.com", g.Text("entra.microsoft.com")) }

func registerStep(p accountPage) g.Node {
	return step(
		h.H2(g.Text("1. Register where Microsoft sends the browser back to")),
		h.P(g.Text("Once, by the customer's IT: at "), entra(), g.Text(", App registrations, application "), code(p.ClientID),
			g.Text(", Authentication, add this redirect URI, exactly so:")),
		h.P(h.Code(h.Class("copy"), g.Text(p.RedirectURI))),
		quietly(g.Text("Under Web when the gateway has a client secret or a certificate, else under Mobile and desktop applications.")),
	)
}

func microsoftStep(p accountPage) g.Node {
	ends := "The browser ends on an empty page, or on one that cannot be shown: that is as it should be."
	if p.ComesBack {
		ends = "The browser comes back to this page by itself."
	}
	begin := beginForm(p)
	if p.SignIn != "" {
		begin = h.P(elsewhere(p.SignIn, h.Class("button"), g.Text("Open Microsoft's sign-in")), g.Text(" "),
			h.Span(h.Class("quiet"), g.Text("It opens beside this page.")))
	}
	return step(
		h.H2(g.Text("2. Sign in at Microsoft")),
		begin,
		quietly(g.Text(ends+" An error that stays on Microsoft's own page, with a number beginning with AADSTS: "),
			code("roomgate explain AADSTS…"), g.Text(" says what it means.")),
	)
}

func beginForm(p accountPage) g.Node {
	return h.Form(h.Method("post"), h.Action(p.Path+"/begin"), lines(
		h.P(g.Text("Sign in as the account that may see the rooms. It will be asked for: "), codes(p.Scopes), g.Text(".")),
		h.Label(g.Text("Its e-mail address, if you like "),
			h.Input(h.Name("login_hint"), h.Type("email"), h.MaxLength("254"), h.AutoComplete("off"))),
		h.Label(h.Class("tick"), h.Input(h.Name("select_account"), h.Type("checkbox"), h.Checked()),
			g.Text(" Ask which account, where this browser knows several")),
		h.Button(g.Text("Open Microsoft's sign-in")),
	))
}

func pasteStep(p accountPage) g.Node {
	title := "3. Paste its address"
	if p.ComesBack {
		title = "3. Only if the browser did not come back: paste its address"
	}
	return step(
		h.H2(g.Text(title)),
		h.Form(h.Method("post"), h.Action(p.Path+"/complete"), lines(
			h.Label(g.Text("The whole address the browser shows after the sign-in "),
				h.Textarea(h.Name("pasted"), h.Rows("4"), h.MaxLength("20000"), h.AutoComplete("off"), g.Attr("spellcheck", "false"),
					h.Required(), h.Placeholder(p.RedirectURI+"?code=…"))),
			h.Button(g.Text("Finish")),
		)),
		quietly(g.Text("Within ten minutes: Microsoft's code lives no longer.")),
	)
}

// deviceStep is the sign-in by a device code, as far as it has come.
func deviceStep(p accountPage, now g.Node) g.Node {
	return step(
		now,
		quietly(g.Text("Once, by the customer's IT: in the application's registration "), code(p.ClientID),
			g.Text(", under Authentication, public client flows are allowed.")),
	)
}

func enterCode(p accountPage) g.Node {
	return lines(
		h.H2(g.Text("Enter this code at Microsoft")),
		h.P(h.Class("big"), code(p.Device.UserCode)),
		h.P(g.Text("at "), elsewhere(p.Device.Address, h.Class("big"), g.Text(p.Device.Address))),
		h.P(g.Text("until "), instant(p.Until),
			g.Text(", in any browser, also on a telephone. This page notices by itself when you have signed in.")),
	)
}

func showCode(p accountPage) g.Node {
	return lines(
		h.H2(g.Text("Sign in with a code")),
		h.P(g.Text("The gateway shows a code; you enter it at Microsoft in any browser, also on a telephone, and sign in there as the account that may see the rooms.")),
		h.Form(h.Method("post"), h.Action(p.Path+"/device"), h.Button(g.Text("Show a code"))),
	)
}

// applicationStep is for an account in whose name nobody signs in.
func applicationStep(p accountPage) g.Node {
	return step(
		h.H2(g.Text("Nobody signs in here")),
		h.P(g.Text("This account is the application itself. The customer's IT does three things once, at "), entra(), g.Text(", App registrations:")),
		h.Ol(lines(
			h.Li(g.Text("Open application "), code(p.ClientID), g.Text(" of tenant "), code(p.Tenant), g.Text(".")),
			h.Li(g.Text("Certificates & secrets: upload the gateway's certificate, or make a client secret and put it into the gateway's configuration.")),
			h.Li(g.Text("Let it read the rooms: by RBAC for Applications in Exchange Online, limited to the rooms, or under API permissions, "+
				"Application permissions, Calendars.Read with Grant admin consent, which opens every mailbox.")),
		)),
		h.P(code("roomgate handover"), g.Text(" prints this for them with every line filled in; "), code("roomgate check"), g.Text(" tells what is missing.")),
	)
}
