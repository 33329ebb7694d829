package web

import (
	"fmt"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"

	"roomgate/driver"
)

// oneAccountPage shows the state of an account and the way to sign in that it has.
func oneAccountPage(p accountPage) g.Node {
	return setUpDocument(p.Title, p.Site, p.Banner,
		g.Iff(p.Outcome != nil, func() g.Node { return outcomeLine(p.Outcome) }),
		h.Ul(h.Class("items"), currentState(p)),
		g.Iff(p.OK && p.Next != nil, func() g.Node {
			return h.P(h.Class("next"), g.Text("Account "), h.A(h.Href(p.Next.Path), g.Text(p.Next.Name)), g.Text(" also needs a sign-in."))
		}),
		signInSteps(p),
	)
}

// signInSteps are what the page offers: it follows from what the session can do.
func signInSteps(p accountPage) g.Node {
	session := p.session()
	if session == nil {
		return nil
	}
	if !p.MaySignIn {
		return setUpCodeStep(p.Program, p.Name)
	}
	if _, ok := session.(driver.CodeSignIn); ok {
		return codeSteps(p)
	}
	if _, ok := session.(driver.DeviceSignIn); ok {
		return deviceSteps(p)
	}
	return automaticStep(p)
}

func outcomeLine(o *outcome) g.Node {
	return h.P(h.Class("outcome "+condition(o.OK)), h.Role("status"), g.Text(sentence(o.Words)),
		g.If(o.Next != "", g.Group{g.Text(" "), h.Span(nextStep(o.Next))}))
}

func nextStep(words string) g.Node { return g.If(words != "", g.Text(sentence("Next: "+words))) }

// currentState shows the state of the account. An open device code replaces the
// reason.
func currentState(p accountPage) g.Node {
	return h.Li(h.Class(condition(p.OK)), h.B(g.Text("Now")), g.Text(": "+p.Words), user(p.accountItem),
		sentences(
			g.If(p.Status.Device == nil, reason(p.accountItem)),
			g.If(p.Status.Device == nil, nextStep(p.Status.Action)),
			g.If(len(p.Status.MissingScopes) > 0, g.Group{g.Text("Not granted yet: "), codes(p.Status.MissingScopes), g.Text(". Sign in again to grant them.")})))
}

// codes are words to copy, with commas between them.
func codes(words []string) g.Group {
	var out g.Group
	for i, w := range words {
		out = append(out, g.If(i > 0, g.Text(", ")), code(w))
	}
	return out
}

// remark is a line in small print below a step.
func remark(content ...g.Node) g.Node { return h.P(h.Class("quiet"), g.Group(content)) }

// codeSteps are the sign-in with a browser (RFC 6749 §4.1).
func codeSteps(p accountPage) g.Node {
	return lines(registerStep(p), browserStep(p), pasteStep(p))
}

// registerStep is what the customer's IT does before anybody can sign in.
func registerStep(p accountPage) g.Node {
	content := blocks(p.preparation())
	if len(content) == 0 {
		content = lines(
			h.P(g.Text("Register this redirect URI with "+p.Provider.Service()+", exactly as it is here:")),
			h.P(h.Code(h.Class("copy"), g.Text(p.redirectURI()))))
	}
	return step(h.H2(g.Text("1. Before the first sign-in, by the customer's IT")), content)
}

func browserStep(p accountPage) g.Node {
	end := "Afterwards the browser shows an empty page, or says that the page cannot be shown. That is expected."
	if p.Returns {
		end = "Afterwards the browser returns to this page automatically."
	}
	start := beginForm(p)
	if p.SignInURL != "" {
		start = h.P(elsewhere(p.SignInURL, h.Class("button"), g.Text("Open the sign-in page")), g.Text(" "),
			h.Span(h.Class("quiet"), g.Text("It opens in another tab.")))
	}
	return step(
		h.H2(g.Text("2. Sign in to "+p.Provider.Service())),
		start,
		remark(g.Text(end)),
		notes(p),
	)
}

func beginForm(p accountPage) g.Node {
	return h.Form(h.Method("post"), h.Action(p.Path+"/begin"), lines(
		h.P(g.Text("Sign in with the account that can see the rooms.")),
		h.Label(g.Text("Its e-mail address (optional) "),
			h.Input(h.Name("login_hint"), h.Type("email"), h.MaxLength("254"), h.AutoComplete("off"))),
		h.Label(h.Class("tick"), h.Input(h.Name("select_account"), h.Type("checkbox"), h.Checked()),
			g.Text(" Ask which account to use if this browser knows several")),
		h.Button(g.Text("Open the sign-in page")),
	))
}

// notes are the provider's instructions before signing in.
func notes(p accountPage) g.Node {
	content := blocks(p.signInNotes())
	return g.If(len(content) > 0, h.Div(h.Class("quiet"), content))
}

func pasteStep(p accountPage) g.Node {
	title := "3. Paste the address"
	if p.Returns {
		title = "3. Only if the browser did not come back: paste the address"
	}
	return step(
		h.H2(g.Text(title)),
		h.Form(h.Method("post"), h.Action(p.Path+"/complete"), lines(
			h.Label(g.Text("The whole address that the browser shows after the sign-in "),
				h.Textarea(h.Name("pasted"), h.Rows("4"), h.MaxLength("20000"), h.AutoComplete("off"), g.Attr("spellcheck", "false"),
					h.Required(), h.Placeholder(p.redirectURI()+"?code=…"))),
			h.Button(g.Text("Finish")),
		)),
		remark(g.Text("Do it soon: the code in the address is valid for a few minutes only.")),
	)
}

// deviceSteps are the sign-in with a device code (RFC 8628).
func deviceSteps(p accountPage) g.Node {
	current := showCode(p)
	if p.Status.Device != nil {
		current = enterDeviceCode(p)
	}
	return lines(
		step(current, notes(p)),
		preparationStep(p),
	)
}

func enterDeviceCode(p accountPage) g.Node {
	d := p.Status.Device
	return lines(
		h.H2(g.Text("Enter this code at "+p.Provider.Service())),
		h.P(h.Class("big"), code(d.UserCode)),
		h.P(g.Text("at "), elsewhere(d.VerificationURI, h.Class("big"), g.Text(d.VerificationURI))),
		g.Iff(p.Expires != nil, func() g.Node {
			return h.P(g.Text("before "), instant(p.Expires), g.Text(", with any browser, for example on a phone. This page is updated when you have signed in."))
		}),
	)
}

func showCode(p accountPage) g.Node {
	return lines(
		h.H2(g.Text("Sign in with a code")),
		h.P(g.Text(fmt.Sprintf("The gateway shows a code. Enter it at %s with any browser, for example on a phone, and sign in there with the account that can see the rooms.", p.Provider.Service()))),
		h.Form(h.Method("post"), h.Action(p.Path+"/device"), h.Button(g.Text("Show a code"))),
	)
}

// preparationStep shows what the customer's IT does once, where the provider says.
func preparationStep(p accountPage) g.Node {
	content := blocks(p.preparation())
	return g.If(len(content) > 0, step(h.H2(g.Text("Before the first sign-in, by the customer's IT")), content))
}

// automaticStep is for an account that signs in without a user.
func automaticStep(p accountPage) g.Node {
	return step(
		h.H2(g.Text("No sign-in needed here")),
		h.P(g.Text("The gateway signs in to "+p.Provider.Service()+" automatically.")),
		blocks(p.preparation()),
		h.P(code(p.Program+" handover "+p.Name), g.Text(" prints a sheet for the customer's IT; "), code(p.Program+" check"), g.Text(" reports what is missing.")),
	)
}
