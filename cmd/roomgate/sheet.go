package main

import (
	"fmt"
	"html"
	"io"
	"strings"
)

// A sheet is a short document that can be written as Markdown or as a page of
// HTML. Its texts are plain; what stands between backquotes is set as code.
type sheet struct {
	title  string
	blocks []block
}

// block is a part of a sheet; the first field that is set says which kind.
type block struct {
	heading string
	text    string
	list    []string
	steps   []string   // a numbered list
	table   [][]string // the first row is the heading
	code    string     // PowerShell
}

// asCode sets a value as code, whatever stands in it.
func asCode(value string) string {
	return "`" + strings.Join(strings.Fields(strings.ReplaceAll(value, "`", "'")), " ") + "`"
}

// span is a stretch of a text that is set in one way.
type span struct {
	text string
	code bool
}

func spans(text string) []span {
	var out []span
	for i, part := range strings.Split(text, "`") {
		if part != "" {
			out = append(out, span{part, i%2 == 1})
		}
	}
	return out
}

// markdown writes the sheet as CommonMark with the tables of GitHub's flavour.
func (s sheet) markdown(w io.Writer) error {
	var b strings.Builder
	b.WriteString("# " + markText(s.title) + "\n")
	for _, k := range s.blocks {
		b.WriteString("\n")
		switch {
		case k.heading != "":
			b.WriteString("## " + markText(k.heading) + "\n")
		case k.text != "":
			b.WriteString(markText(k.text) + "\n")
		case k.code != "":
			b.WriteString("```powershell\n" + strings.ReplaceAll(k.code, "```", "'''") + "\n```\n")
		case len(k.table) > 0:
			markTable(&b, k.table)
		}
		for _, item := range k.list {
			b.WriteString("- " + markText(item) + "\n")
		}
		for i, item := range k.steps {
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
	for _, s := range spans(text) {
		if s.code {
			b.WriteString("`" + s.text + "`")
		} else {
			b.WriteString(markSigns.Replace(s.text))
		}
	}
	return b.String()
}

const sheetStyle = `body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}` +
	`table{border-collapse:collapse}th,td{border:1px solid #999;padding:.3rem .6rem;text-align:left;vertical-align:top}` +
	`pre{background:#f3f3f3;padding:1rem;overflow:auto}@media print{pre{white-space:pre-wrap}}`

// html writes the sheet as a page that needs nothing else.
func (s sheet) html(w io.Writer) error {
	var b strings.Builder
	title := htmlText(s.title)
	b.WriteString("<!DOCTYPE html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>" + title + "</title>\n<style>" + sheetStyle + "</style>\n<h1>" + title + "</h1>\n")
	for _, k := range s.blocks {
		switch {
		case k.heading != "":
			b.WriteString("<h2>" + htmlText(k.heading) + "</h2>\n")
		case k.text != "":
			b.WriteString("<p>" + htmlText(k.text) + "</p>\n")
		case k.code != "":
			b.WriteString("<pre><code>" + html.EscapeString(k.code) + "</code></pre>\n")
		case len(k.table) > 0:
			htmlTable(&b, k.table)
		case len(k.list) > 0:
			htmlItems(&b, "ul", k.list)
		case len(k.steps) > 0:
			htmlItems(&b, "ol", k.steps)
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
	for _, s := range spans(text) {
		if s.code {
			b.WriteString("<code>" + html.EscapeString(s.text) + "</code>")
		} else {
			b.WriteString(html.EscapeString(s.text))
		}
	}
	return b.String()
}
