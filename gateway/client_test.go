package gateway

import (
	"encoding/json"
	"testing"
)

// What the commands print in JSON can be read, and says the same.
func TestWithoutHTMLEscapes(t *testing.T) {
	for _, text := range []string{"R&D <b>", `a\u003e`, `\`, "\u2028\"\n&", "", `\\u0026 &`} {
		doc, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		var again string
		if err := json.Unmarshal(withoutHTMLEscapes(doc), &again); err != nil || again != text {
			t.Errorf("%q: %s, %q, %v", text, withoutHTMLEscapes(doc), again, err)
		}
	}
	if got := string(withoutHTMLEscapes([]byte(`"R\u0026D \u003cb\u003e \\u003e"`))); got != `"R&D <b> \\u003e"` {
		t.Errorf("got %s", got)
	}
}
