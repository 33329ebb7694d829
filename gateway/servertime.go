package gateway

import (
	"mime"
	"net/http"
	"strings"
	"time"

	"roomgate/driver"
)

// timedTransport reports the time of the servers that answer. Every request of a
// provider passes it, those of its sign-in included.
type timedTransport struct {
	next    http.RoundTripper
	elapsed func() time.Duration
	report  func(driver.ServerTime)
}

// RoundTrip implements http.RoundTripper.
func (t timedTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	sent := t.elapsed()
	resp, err := t.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if date, ok := serverDate(resp); ok {
		t.report(driver.ServerTime{Server: r.URL.Host, Date: date, Sent: sent, Received: t.elapsed()})
	}
	return resp, nil
}

// CloseIdleConnections makes that of http.Client work.
func (t timedTransport) CloseIdleConnections() {
	if c, ok := t.next.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// serverDate returns the time of the server that wrote the answer. ok is false for an
// answer of a cache (RFC 9111 §5.1), and for one that a proxy or the sign-in page of a
// network may have written: a refusal may be either's, and nothing that every service
// writes tells them apart.
func serverDate(resp *http.Response) (date time.Time, ok bool) {
	if age := strings.TrimSpace(resp.Header.Get("Age")); age != "" && age != "0" {
		return time.Time{}, false
	}
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	success := resp.StatusCode/100 == 2 || resp.StatusCode == http.StatusNotModified
	if !success || kind == "text/html" {
		return time.Time{}, false
	}
	date, err := http.ParseTime(resp.Header.Get("Date"))
	return date, err == nil
}
