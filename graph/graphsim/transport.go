package graphsim

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"syscall"
)

// Transport returns a RoundTripper that reaches the simulator without a socket, so that it works in a
// testing/synctest bubble and for any host name. A reset is returned as ECONNRESET, a truncated body as
// io.ErrUnexpectedEOF.
func (s *Sim) Transport() http.RoundTripper { return transport{s} }

type transport struct{ sim *Sim }

func (d transport) RoundTrip(r *http.Request) (resp *http.Response, err error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	inner := r.Clone(r.Context())
	inner.Host = r.Host
	if inner.Host == "" {
		inner.Host = r.URL.Host
	}
	rec := httptest.NewRecorder()
	if handlerAborted(func() { d.sim.ServeHTTP(rec, inner) }) {
		return nil, syscall.ECONNRESET
	}
	if r.Body != nil {
		_ = r.Body.Close() // a RoundTripper must close the body; it was read in full
	}
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	resp = rec.Result()
	resp.Request = r
	if n, err := strconv.Atoi(resp.Header.Get("Content-Length")); err == nil && n > rec.Body.Len() {
		resp.Body = io.NopCloser(io.MultiReader(bytes.NewReader(rec.Body.Bytes()), truncatedBody{}))
	}
	return resp, nil
}

// handlerAborted runs a handler as net/http does: http.ErrAbortHandler closes the connection.
func handlerAborted(serve func()) (aborted bool) {
	defer func() {
		switch v := recover(); v {
		case nil:
		case http.ErrAbortHandler:
			aborted = true
		default:
			panic(v)
		}
	}()
	serve()
	return false
}

type truncatedBody struct{}

func (truncatedBody) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
