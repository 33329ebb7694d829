package web

import (
	"net/url"
	"strings"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"
)

// document is a whole page. The rest of the head is the page's own; body holds
// its attributes, too.
func document(title string, head g.Node, body ...g.Node) g.Node {
	return h.Doctype(h.HTML(h.Lang("en"),
		h.Head(lines(
			h.Meta(h.Charset("utf-8")),
			h.Meta(h.Name("viewport"), h.Content("width=device-width, initial-scale=1")),
			h.Meta(h.Name("color-scheme"), h.Content("light dark")),
			h.TitleEl(g.Text(title)),
			h.Link(h.Rel("stylesheet"), h.Href("/style.css")),
			head,
		)),
		h.Body(body...),
	))
}

// lines puts every node on a line of its own, so that words that stand apart on
// the page do so in its text, too: the page's filter looks through that.
func lines(nodes ...g.Node) g.Group {
	out := make(g.Group, 0, 2*len(nodes))
	for _, n := range nodes {
		if n != nil {
			out = append(out, n, g.Text("\n"))
		}
	}
	return out
}

func banner(words string) g.Node {
	return g.If(words != "", h.P(h.Class("banner"), g.Text(words)))
}

func instant(m *moment) g.Node { return h.Time(h.DateTime(m.ISO), g.Text(m.Words)) }

func code(words string) g.Node { return h.Code(g.Text(words)) }

// condition is the class of what is well, or is not.
func condition(ok bool) string {
	if ok {
		return "well"
	}
	return "ill"
}

// counted is a number of things: one of them, or several.
func counted(n int, one, several string) g.Node {
	if n == 1 {
		several = one
	}
	return g.Textf("%d %s", n, several)
}

// elsewhere is a link to another site, which opens beside this page.
func elsewhere(address string, content ...g.Node) g.Node {
	return h.A(g.Group(content), href(address), h.Target("_blank"), h.Rel("noreferrer"))
}

// href is the address of a link. It is left out, so that there is no link, unless
// it is of this page or of the web: others, such as javascript:, would do
// something here (url.spec.whatwg.org, schemes).
func href(address string) g.Node {
	u, err := url.Parse(address)
	if err != nil {
		return nil
	}
	own := u.Scheme == "" && strings.HasPrefix(u.Path, "/")
	return g.If(own || u.Scheme == "http" || u.Scheme == "https", h.Href(address))
}

// messagePage is a page that says one thing.
func messagePage(m message) g.Node {
	return document(m.Title+", "+m.Site, nil, lines(
		h.Header(h.H1(g.Text(m.Title))),
		h.Main(h.P(g.Text(m.Words+".")), h.P(h.A(href(m.Address), g.Text(m.Link)))),
	))
}

// render returns a piece of a page as text.
func render(n g.Node) string {
	var b strings.Builder
	_ = n.Render(&b) // a Builder takes everything
	return b.String()
}
