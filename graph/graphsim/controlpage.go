package graphsim

import (
	"strconv"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"
)

// controlPage shows the simulator's state, with a form for most commands.
func controlPage(st state) response {
	return page("roomgate simulator",
		h.P(summary(st)),
		h.P(
			toggleForm("polite", st.Polite, "Be polite", "Misbehave"),
			actionForm("throttle", "Throttle for a minute", hiddenInput("for", "60s")),
			toggleForm("outage", st.Outage, "Start an outage", "End the outage"),
			actionForm("expire", "Expire access tokens"),
			actionForm("revoke", "Revoke the sign-in"),
		),
		h.H2(g.Text("Rooms today")),
		table([]string{"Room", "Bookings (UTC)", "Book"}, g.Map(st.Rooms, roomBookings), "No rooms."),
		h.H2(g.Text("Recent requests")),
		table([]string{"Time", "Request", "Status", "Bytes"}, g.Map(st.Requests, requestRow), "None yet."),
		h.H2(g.Text("From a terminal")),
		h.Pre(g.Text(exampleCommands)),
	)
}

const exampleCommands = `curl -X POST 'http://HOST/sim/book?json=1&room=boardroom&in=5m&for=30m&subject=Test'
curl -X POST 'http://HOST/sim/cancel?json=1&room=boardroom'        the current or next booking
curl -X POST 'http://HOST/sim/fail-token?json=1&aadsts=50173&times=1'
curl -X POST 'http://HOST/sim/throttle?json=1&for=60s'  /sim/outage?on=1&for=30s  /sim/revoke  /sim/expire  /sim/polite?on=1
curl --data-urlencode certificate@rooms.crt 'http://HOST/sim/upload?json=1'   as an administrator does in the portal
curl 'http://HOST/sim/state'`

// summary describes the state in a sentence.
func summary(st state) g.Node {
	mode := "injecting random faults"
	if st.Polite {
		mode = "polite"
	}
	return g.Group{
		g.Text("It is " + st.Now.Format("2006-01-02 15:04:05") + " UTC here. The simulator is " + mode),
		g.If(st.Throttled, g.Group{g.Text(", "), h.Strong(g.Text("throttling"))}),
		g.If(st.Outage, g.Group{g.Text(", "), h.Strong(g.Text("unavailable"))}),
		g.If(st.FailToken != 0, g.Textf(", refusing tokens with AADSTS%d", st.FailToken)),
		g.Textf(". Sign-ins that can be refreshed: %d.", st.SignIns),
	}
}

// actionForm is a button for a command with its parameters.
func actionForm(action, words string, fields ...g.Node) g.Node {
	return h.Form(h.Method("post"), h.Action("/sim/"+action), g.Group(fields), h.Button(g.Text(words)))
}

// toggleForm turns on what is off, and off what is on.
func toggleForm(action string, on bool, start, end string) g.Node {
	if on {
		return actionForm(action, end, hiddenInput("on", "0"))
	}
	return actionForm(action, start, hiddenInput("on", "1"))
}

// table shows the text none if there are no rows.
func table(heads []string, rows g.Group, none string) g.Node {
	if len(rows) == 0 {
		rows = g.Group{h.Tr(h.Td(h.ColSpan(strconv.Itoa(len(heads))), g.Text(none)))}
	}
	return h.Table(
		h.THead(h.Tr(g.Map(heads, func(words string) g.Node { return h.Th(g.Text(words)) }))),
		h.TBody(rows))
}

func roomBookings(r roomState) g.Node {
	bookings := g.Map(r.Bookings, func(b bookingState) g.Node { return bookingLine(r.Address, b) })
	if len(bookings) == 0 {
		bookings = g.Group{small("none")}
	}
	return h.Tr(
		h.Td(g.Text(r.Room), h.Br(), small(r.Address)),
		h.Td(bookings),
		h.Td(h.Form(h.Method("post"), h.Action("/sim/book"), hiddenInput("room", r.Address),
			h.Label(g.Text("for "), h.Select(h.Name("for"),
				h.Option(h.Value("5m"), g.Text("5 min")),
				h.Option(h.Value("30m"), h.Selected(), g.Text("30 min")),
				h.Option(h.Value("1h"), g.Text("1 h")))),
			g.Text(" "), h.Button(g.Text("Book now")))))
}

func bookingLine(room string, b bookingState) g.Node {
	when := "all day"
	if !b.AllDay {
		when = b.Start.UTC().Format("15:04") + "–" + b.End.UTC().Format("15:04")
	}
	if b.Cancelled {
		return h.Div(g.Text(when+" "), h.S(g.Text(b.Subject)))
	}
	subject := g.Text(b.Subject)
	if b.Running {
		subject = h.Strong(subject)
	}
	return h.Div(g.Text(when+" "), subject, g.Text(" "), small(b.ShowAs), g.Text(" "),
		actionForm("cancel", "Cancel", hiddenInput("room", room), hiddenInput("id", b.ID)))
}

func requestRow(r Request) g.Node {
	status := strconv.Itoa(r.Status)
	if r.Fault != "" {
		status += " " + string(r.Fault)
	}
	return h.Tr(
		h.Td(g.Text(r.Time.Format("15:04:05"))),
		h.Td(h.Code(g.Text(r.Method+" "+r.Path)), g.If(r.Part, g.Group{g.Text(" "), small("in a batch")})),
		h.Td(g.Text(status)),
		h.Td(g.Text(strconv.Itoa(r.Bytes))))
}
