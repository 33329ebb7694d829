package gateway

import (
	"fmt"
	"io"
	"net/http"
	"sync"
)

// inProcess answers requests with a handler of this process. The answer can be read
// while it is written.
type inProcess struct{ http.Handler }

// RoundTrip implements http.RoundTripper.
func (p inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	body, out := io.Pipe()
	w := &answerPipe{header: http.Header{}, status: http.StatusOK, out: out, begun: make(chan struct{})}
	go func() {
		defer out.Close()
		defer w.begin()
		p.ServeHTTP(w, r)
	}()
	<-w.begun
	return &http.Response{StatusCode: w.status, Status: fmt.Sprint(w.status, " ", http.StatusText(w.status)), Header: w.header,
		Body: body, Request: r, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}, nil
}

// answerPipe is an http.ResponseWriter whose answer is read at the other end.
type answerPipe struct {
	header http.Header
	status int
	out    *io.PipeWriter
	begun  chan struct{} // closed when the status and the header are complete
	once   sync.Once
}

func (a *answerPipe) begin() { a.once.Do(func() { close(a.begun) }) }

// Header implements http.ResponseWriter.
func (a *answerPipe) Header() http.Header { return a.header }

// WriteHeader implements http.ResponseWriter.
func (a *answerPipe) WriteHeader(status int) {
	a.status = status
	a.begin()
}

// Write implements http.ResponseWriter.
func (a *answerPipe) Write(p []byte) (int, error) {
	a.begin()
	return a.out.Write(p)
}

// Flush implements http.Flusher: nothing is held back.
func (a *answerPipe) Flush() {}
