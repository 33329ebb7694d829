package web

import (
	"net/url"
	"strings"

	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"
)

// document is a whole page. head is added to what every page has; body may hold
// attributes of the element, too.
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

// lines puts every node on its own line, so that words that are apart on the page
// are apart in its text content, which the page's filter searches.
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

// condition is the CSS class of an item by its state.
func condition(ok bool) string {
	if ok {
		return "ok"
	}
	return "problem"
}

// counted is a number with the word for one or for several.
func counted(n int, one, several string) g.Node {
	if n == 1 {
		several = one
	}
	return g.Textf("%d %s", n, several)
}

// elsewhere is a link to another site, which opens in another tab.
func elsewhere(address string, content ...g.Node) g.Node {
	return h.A(g.Group(content), href(address), h.Target("_blank"), h.Rel("noreferrer"))
}

// href is the address of a link. Only paths of this site and the schemes http and
// https are allowed; for others, such as javascript:, there is no attribute, and
// so no link (url.spec.whatwg.org, schemes).
func href(address string) g.Node {
	u, err := url.Parse(address)
	if err != nil {
		return nil
	}
	own := u.Scheme == "" && strings.HasPrefix(u.Path, "/")
	return g.If(own || u.Scheme == "http" || u.Scheme == "https", h.Href(address))
}

// messagePage is a page with one message.
func messagePage(m message) g.Node {
	return document(m.Title+", "+m.Site, nil, lines(
		h.Header(h.H1(g.Text(m.Title))),
		h.Main(h.P(g.Text(sentence(m.Words))), h.P(h.A(href(m.Address), g.Text(m.Link)))),
	))
}

// render returns a part of a page as text.
func render(n g.Node) string {
	var b strings.Builder
	_ = n.Render(&b) // writing to a Builder cannot fail
	return b.String()
}
