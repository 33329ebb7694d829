package gateway

import (
	"fmt"
	"html"
	"io"
	"strings"

	"roomgate/driver"
)

// Sheet is a short document that can be written as Markdown or as a page of
// HTML.
type Sheet struct {
	Title  string
	Blocks []driver.Block
}

// Markdown writes the sheet as CommonMark with the tables of GitHub's flavour.
func (s Sheet) Markdown(w io.Writer) error {
	var b strings.Builder
	b.WriteString("# " + markText(s.Title) + "\n")
	for _, k := range s.Blocks {
		b.WriteString("\n")
		switch {
		case k.Heading != "":
			b.WriteString("## " + markText(k.Heading) + "\n")
		case k.Text != "":
			b.WriteString(markText(k.Text) + "\n")
		case k.Code != "":
			b.WriteString("```" + k.Shell + "\n" + strings.ReplaceAll(k.Code, "```", "'''") + "\n```\n")
		case len(k.Table) > 0:
			markTable(&b, k.Table)
		}
		for _, item := range k.List {
			b.WriteString("- " + markText(item) + "\n")
		}
		for i, item := range k.Steps {
			fmt.Fprintf(&b, "%d. %s\n", i+1, markText(item))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func markTable(b *strings.Builder, rows [][]string) {
	for i, row := range rows {
		for _, cell := range row {
			b.WriteString("| " + strings.ReplaceAll(markText(cell), "|", `\|`) + " ")
		}
		b.WriteString("|\n")
		if i == 0 {
			b.WriteString(strings.Repeat("|---", len(row)) + "|\n")
		}
	}
}

// markSigns are the characters that Markdown would take for markup.
var markSigns = strings.NewReplacer(`\`, `\\`, "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "<", `\<`, ">", `\>`, "#", `\#`, "&", `\&`)

func markText(text string) string {
	var b strings.Builder
	for _, s := range driver.Spans(text) {
		if s.Code {
			b.WriteString("`" + s.Text + "`")
		} else {
			b.WriteString(markSigns.Replace(s.Text))
		}
	}
	return b.String()
}

const sheetStyle = `body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}` +
	`table{border-collapse:collapse}th,td{border:1px solid #999;padding:.3rem .6rem;text-align:left;vertical-align:top}` +
	`pre{background:#f3f3f3;padding:1rem;overflow:auto}@media print{pre{white-space:pre-wrap}}`

// HTML writes the sheet as a page that needs nothing else.
func (s Sheet) HTML(w io.Writer) error {
	var b strings.Builder
	title := htmlText(s.Title)
	b.WriteString("<!DOCTYPE html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>" + title + "</title>\n<style>" + sheetStyle + "</style>\n<h1>" + title + "</h1>\n")
	for _, k := range s.Blocks {
		switch {
		case k.Heading != "":
			b.WriteString("<h2>" + htmlText(k.Heading) + "</h2>\n")
		case k.Text != "":
			b.WriteString("<p>" + htmlText(k.Text) + "</p>\n")
		case k.Code != "":
			b.WriteString("<pre><code>" + html.EscapeString(k.Code) + "</code></pre>\n")
		case len(k.Table) > 0:
			htmlTable(&b, k.Table)
		case len(k.List) > 0:
			htmlItems(&b, "ul", k.List)
		case len(k.Steps) > 0:
			htmlItems(&b, "ol", k.Steps)
		}
	}
	b.WriteString("</html>\n")
	_, err := io.WriteString(w, b.String())
	return err
}

func htmlTable(b *strings.Builder, rows [][]string) {
	b.WriteString("<table>\n")
	for i, row := range rows {
		tag := "td"
		if i == 0 {
			tag = "th"
		}
		b.WriteString("<tr>")
		for _, cell := range row {
			b.WriteString("<" + tag + ">" + htmlText(cell) + "</" + tag + ">")
		}
		b.WriteString("</tr>\n")
	}
	b.WriteString("</table>\n")
}

func htmlItems(b *strings.Builder, tag string, items []string) {
	b.WriteString("<" + tag + ">\n")
	for _, item := range items {
		b.WriteString("<li>" + htmlText(item) + "</li>\n")
	}
	b.WriteString("</" + tag + ">\n")
}

func htmlText(text string) string {
	var b strings.Builder
	for _, s := range driver.Spans(text) {
		if s.Code {
			b.WriteString("<code>" + html.EscapeString(s.Text) + "</code>")
		} else {
			b.WriteString(html.EscapeString(s.Text))
		}
	}
	return b.String()
}
