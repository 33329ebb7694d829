package web

import (
	g "maragu.dev/gomponents"
	h "maragu.dev/gomponents/html"

	"roomgate/driver"
)

// blocks renders the parts of a provider's text below a heading of the page.
func blocks(parts []driver.Block) g.Group {
	return lines(g.Map(parts, block)...)
}

func block(b driver.Block) g.Node {
	switch {
	case b.Heading != "":
		return h.H3(spans(b.Heading))
	case b.Text != "":
		return h.P(spans(b.Text))
	case len(b.List) > 0:
		return h.Ul(listItems(b.List))
	case len(b.Steps) > 0:
		return h.Ol(listItems(b.Steps))
	case len(b.Table) > 0:
		return table(b.Table)
	case b.Code != "":
		return h.Pre(h.Code(h.Class("copy"), g.Text(b.Code)))
	}
	return nil
}

func listItems(texts []string) g.Node {
	return lines(g.Map(texts, func(text string) g.Node { return h.Li(spans(text)) })...)
}

// table renders rows of cells; the first row is the heading.
func table(rows [][]string) g.Node {
	return h.Table(
		h.THead(tableRow(rows[0], h.Th)),
		h.TBody(lines(g.Map(rows[1:], func(cells []string) g.Node { return tableRow(cells, h.Td) })...)),
	)
}

func tableRow(cells []string, cell func(...g.Node) g.Node) g.Node {
	return h.Tr(lines(g.Map(cells, func(text string) g.Node { return cell(spans(text)) })...))
}

// spans renders a text that has parts to be shown as code.
func spans(text string) g.Node {
	return g.Map(driver.Spans(text), func(s driver.Span) g.Node {
		if s.Code {
			return code(s.Text)
		}
		return g.Text(s.Text)
	})
}
