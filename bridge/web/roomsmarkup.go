package web

import (
	"fmt"
	"io"
	"slices"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"
)

// icon shows a door.
const icon = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Cpath d='M3 1h10v14H3z' fill='%23246'/%3E" +
	"%3Ccircle cx='10.500' cy='8' r='1.200' fill='white'/%3E%3C/svg%3E"

// frontPage shows all rooms.
func frontPage(p pageData) g.Node {
	head := lines(
		h.Link(h.Rel("icon"), h.Href(icon)),
		h.NoScript(h.Meta(g.Attr("http-equiv", "refresh"), h.Content("30"))),
		h.Script(h.Src("/page.js"), h.Defer()),
	)
	return document("Rooms, "+p.Site, head, lines(
		banner(p.Banner),
		h.Header(lines(
			h.H1(g.Text(p.Site)),
			overviewLine(p.Overview),
			h.P(h.ID("connection"), h.Role("status"), h.Aria("live", "polite")),
			h.Label(h.ID("filter"), g.Attr("hidden"), g.Text("Show only "),
				h.Input(h.Type("search"), h.Placeholder("a name, or free"), h.AutoComplete("off"))),
		)),
		h.Main(lines(
			problemItems(p.Problems),
			g.Map(p.Groups, func(place group) g.Node { return placeSection(place, p.Card) }),
			g.If(len(p.Groups) == 0, h.P(g.Text("No rooms are configured."))),
		)),
		h.Footer(lines(
			h.H2(g.Text("Gateway")),
			allItems(p.Items),
			h.P(g.Text("roomgate "+p.Version)),
		)),
	))
}

func overviewLine(o overview) g.Node {
	unknown := ""
	if o.Unknown > 0 {
		unknown = fmt.Sprintf(", %d not known", o.Unknown)
	}
	return h.P(h.ID("overview"),
		counted(o.Rooms, "room", "rooms"), g.Textf(": %d free, %d booked%s. ", o.Free, o.Booked, unknown),
		h.Span(h.Class("quiet"), g.Text("As of "), instant(o.Now), g.Text(", "+o.Zone+".")))
}

// placeSection shows the rooms of one floor. Each card is asked for when the client
// has received those before it.
func placeSection(p group, card func(room int) string) g.Node {
	cards := g.NodeFunc(func(w io.Writer) error {
		for _, room := range p.Rooms {
			if _, err := io.WriteString(w, card(room)+"\n"); err != nil {
				return err
			}
		}
		return nil
	})
	return h.Section(h.Class("group"), lines(
		h.H2(g.Text(p.Place)),
		h.Div(h.Class("rooms"), cards),
	))
}

func roomCard(r roomView) g.Node {
	return h.Article(h.ID("room-"+r.ID), h.Class("room "+r.State), lines(
		h.H3(h.A(h.Href(roomPath(r.ID)), g.Text(r.Name))),
		g.If(r.Capacity != 0, h.P(h.Class("seats quiet"), counted(r.Capacity, "seat", "seats"))),
		h.P(h.Class("state"), g.Text(r.Word()), g.If(r.Held == "", until(r))),
		g.If(r.Held != "", h.P(h.Class("held"), g.Text("Last known: "+r.Held), until(r))),
		g.Iff(r.Current != nil, func() g.Node { return who(r.Current) }),
		g.If(r.People != "", h.P(h.Class("people"), g.Text(r.People))),
		nextBooking(r),
		g.If(r.Fault != "", h.P(h.Class("fault"), g.Text(sentence(r.Fault)))),
		h.P(h.Class("quality quiet"), g.Text("Quality "+r.Quality), g.If(r.Mode != "", g.Text(" · mode "+r.Mode)), g.If(r.Comfort, g.Text(" · comfort on"))),
		g.If(r.Readable, readForm(r)),
	))
}

// until shows when the state of the room ends.
func until(r roomView) g.Node {
	end := r.Until
	if r.Current != nil {
		end = r.Current.End
	}
	if end == nil {
		return nil
	}
	return g.Group{g.Text(" "), h.Span(h.Class("until"), g.Text("until "), instant(end))}
}

func who(b *booking) g.Node {
	if b.Subject == "" && b.Organizer == "" {
		return nil
	}
	return h.P(h.Class("who"),
		g.If(b.Subject != "", isolated(b.Subject)),
		g.If(b.Subject != "" && b.Organizer != "", g.Text(" · ")),
		g.If(b.Organizer != "", isolated(b.Organizer)))
}

// isolated is untrusted text whose direction of writing has no effect on the text
// around it.
func isolated(words string) g.Node { return g.El("bdi", g.Text(words)) }

func nextBooking(r roomView) g.Node {
	switch {
	case r.Next != nil:
		return lines(h.P(h.Class("next"), h.B(g.Text("Next")), g.Text(" "), instant(r.Next.Start), g.Text("–"), instant(r.Next.End)), who(r.Next))
	case r.State == "unknown" && r.Held == "":
		return nil
	case r.Current != nil:
		return h.P(h.Class("next quiet"), g.Text("Nothing else booked in the days ahead"))
	}
	return h.P(h.Class("next quiet"), g.Text("Nothing booked in the days ahead"))
}

// readForm asks for a reading of the room's calendar. The words on the button are
// its value, and so not part of the text that the filter searches.
func readForm(r roomView) g.Node {
	return h.Form(h.Class("read"), h.Method("post"), h.Action(readPath(r.ID)),
		h.Input(h.Type("submit"), h.Value("Read now"), h.Aria("label", "Read now: "+r.Name)), g.El("output"))
}

func problemItems(items []item) g.Node {
	return h.Section(h.ID("problems"), g.If(len(items) > 0, lines(
		h.H2(g.Text("Needs attention")),
		h.Ul(h.Class("items"), lines(g.Map(items, itemLine)...)),
	)))
}

func allItems(items []item) g.Node {
	return h.Ul(h.ID("items"), h.Class("items"), lines(g.Map(items, itemLine)...),
		g.If(len(items) == 0, h.Li(g.Text("The gateway's parts have not reported yet."))))
}

func itemLine(i item) g.Node {
	words := []g.Node{
		g.Iff(i.Device != nil, func() g.Node { return deviceCodeWords(i.Device) }),
		g.If(i.Reason != "", g.Text(sentence(i.Reason))),
		g.If(i.Command != "", g.Group{g.Text("Run "), code(i.Command), g.Text(" on the gateway.")}),
		g.If(i.Path != "", g.Group{g.Text("Or use "), h.A(h.Href(i.Path), g.Text("the set-up page")), g.Text(".")}),
	}
	for _, l := range i.Lapses {
		words = append(words, g.Text(sentence(l)))
	}
	return h.Li(h.Class(condition(i.OK)), h.B(g.Text(i.Name)), g.Text(": "+i.Words),
		g.Iff(i.Since != nil, func() g.Node { return g.Group{g.Text(" since "), instant(i.Since)} }),
		sentences(words...))
}

// sentences follow a state, which then ends with a full stop. Nil ones are left out.
func sentences(all ...g.Node) g.Node {
	all = slices.DeleteFunc(all, func(s g.Node) bool { return s == nil })
	return g.If(len(all) > 0, g.Group{g.Text("."), g.Map(all, func(s g.Node) g.Node { return g.Group{g.Text(" "), h.Span(s)} })})
}

func deviceCodeWords(d *deviceCode) g.Node {
	return g.Group{
		g.Text("Enter the code "), code(d.UserCode), g.Text(" at "), elsewhere(d.Address, g.Text(d.Address)),
		g.Iff(d.Until != nil, func() g.Node { return g.Group{g.Text(" by "), instant(d.Until)} }),
		g.Text(".")}
}
