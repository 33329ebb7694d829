package graphsim

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// response is a response before it is sent, and how it is sent.
type response struct {
	status int
	header http.Header
	body   []byte
	kind   FaultKind
	delay  time.Duration
}

const graphJSON = "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8"

func newResponse(status int, contentType string, body []byte) response {
	h := http.Header{}
	h.Set("Content-Type", contentType)
	return response{status: status, header: h, body: body}
}

// encodeJSON is json.Marshal without the escaping of &, as Microsoft writes it.
func encodeJSON(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return []byte(`{}`) // unreachable: only maps, slices and scalars are encoded here
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// graphResponse is a successful response of Graph.
func graphResponse(v any) response { return rawGraphResponse(encodeJSON(v)) }

// rawGraphResponse is a successful response of Graph with an encoded body.
func rawGraphResponse(body []byte) response {
	a := newResponse(http.StatusOK, graphJSON, body)
	a.header.Set("Cache-Control", "private")
	a.header.Set("OData-Version", "4.0")
	a.header.Set("Vary", "Accept-Encoding")
	a.header.Set("Strict-Transport-Security", "max-age=31536000")
	return a
}

// graphError is an error of Graph (learn.microsoft.com/graph/errors).
func graphError(c *call, status int, code, message string) response {
	client := c.r.Header.Get("client-request-id")
	if client == "" {
		client = c.id
	}
	a := graphResponse(map[string]any{"error": map[string]any{
		"code": code, "message": message,
		"innerError": map[string]any{"date": c.now.Format("2006-01-02T15:04:05"), "request-id": c.id, "client-request-id": client},
	}})
	a.status = status
	return a
}

// segments splits an escaped path and unescapes each segment; it has at least one element.
func segments(escaped string) []string {
	parts := strings.Split(strings.Trim(escaped, "/"), "/")
	for i, p := range parts {
		if u, err := url.PathUnescape(p); err == nil {
			parts[i] = u
		}
	}
	return parts
}
