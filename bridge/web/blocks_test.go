package web

import (
	"strings"
	"testing"

	"roomgate/driver"
)

func TestBlocks(t *testing.T) {
	for _, c := range []struct {
		name  string
		block driver.Block
		want  string
	}{
		{"heading", driver.Block{Heading: "A & `b`"}, "<h3>A &amp; <code>b</code></h3>"},
		{"text", driver.Block{Text: "`<a>` then `b`, c"}, "<p><code>&lt;a&gt;</code> then <code>b</code>, c</p>"},
		{"text with an open backquote", driver.Block{Text: "a `b"}, "<p>a <code>b</code></p>"},
		{"list", driver.Block{List: []string{"<a>", "b `c`"}}, "<ul><li>&lt;a&gt;</li>\n<li>b <code>c</code></li>\n</ul>"},
		{"steps", driver.Block{Steps: []string{"a", "b"}}, "<ol><li>a</li>\n<li>b</li>\n</ol>"},
		{"table", driver.Block{Table: [][]string{{"A", "B"}, {"1", "`2`"}}},
			"<table><thead><tr><th>A</th>\n<th>B</th>\n</tr></thead><tbody><tr><td>1</td>\n<td><code>2</code></td>\n</tr>\n</tbody></table>"},
		{"heading of a table alone", driver.Block{Table: [][]string{{"A"}}}, "<table><thead><tr><th>A</th>\n</tr></thead><tbody></tbody></table>"},
		{"code", driver.Block{Code: "a `b` <c>\nd", Shell: "powershell"}, "<pre><code class=\"copy\">a `b` &lt;c&gt;\nd</code></pre>"},
		{"nothing", driver.Block{}, ""},
	} {
		if got := strings.TrimSpace(render(blocks([]driver.Block{c.block}))); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}
