package gateway

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"
)

// Bounds of a connection to a service. A connection that has died in silence, as when
// the uplink changes or a firewall forgets it, is found by them; the kernel alone
// takes a quarter of an hour and more, during which HTTP/2 sends every request to it.
const (
	answerWithin = 30 * time.Second // the header of a response
	pingAfter    = 30 * time.Second // without a frame (RFC 9113 §6.7)
	pongWithin   = 15 * time.Second
)

// newHTTPClient is the client of an account.
func newHTTPClient(t http.RoundTripper) *http.Client {
	return &http.Client{Transport: t, Timeout: time.Minute}
}

// newHTTPTransport is Go's own with limits for a server that does not answer.
func newHTTPTransport() *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.ResponseHeaderTimeout = answerWithin
	t.MaxIdleConnsPerHost = 4
	t.HTTP2 = &http.HTTP2Config{SendPingTimeout: pingAfter, PingTimeout: pongWithin}
	return t
}

// freshTransport sends requests on new connections after one has failed: nothing says
// whether the others still work. Requests in progress keep theirs, which end with
// them.
type freshTransport struct {
	build func() *http.Transport

	mu      sync.Mutex
	current *http.Transport
}

func newTransport() *freshTransport {
	return &freshTransport{build: newHTTPTransport, current: newHTTPTransport()}
}

// RoundTrip implements http.RoundTripper.
func (f *freshTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	f.mu.Lock()
	used := f.current
	f.mu.Unlock()
	failed := func() {
		if !errors.Is(r.Context().Err(), context.Canceled) { // by the caller
			f.replace(used)
		}
	}
	resp, err := used.RoundTrip(r)
	if err != nil {
		failed()
		return nil, err
	}
	resp.Body = &watchedBody{resp.Body, failed}
	return resp, nil
}

// CloseIdleConnections makes the next request use a new connection; http.Client
// passes it on.
func (f *freshTransport) CloseIdleConnections() {
	f.mu.Lock()
	used := f.current
	f.mu.Unlock()
	f.replace(used)
}

// replace lets go of the connections of a transport, unless that was done.
func (f *freshTransport) replace(used *http.Transport) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.current == used {
		f.current = f.build()
		used.CloseIdleConnections()
	}
}

// watchedBody is the body of a response that reports when it ends early.
type watchedBody struct {
	io.ReadCloser
	failed func()
}

// Read implements io.Reader.
func (b *watchedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		b.failed()
	}
	return n, err
}
