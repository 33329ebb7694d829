package oauth

import (
	"bytes"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// MaxRetryAfter bounds a Retry-After, so that a wrong header does not stop the gateway.
const MaxRetryAfter = 10 * time.Minute

// RetryAfter reads the Retry-After header, seconds or a date (RFC 9110 §10.2.3). Some
// services write fractions of a second. 0: there is none, or it has passed.
func RetryAfter(h http.Header, now time.Time) time.Duration {
	v := strings.TrimSpace(h.Get("Retry-After"))
	if s, err := strconv.ParseFloat(v, 64); err == nil && strings.Trim(v, "0123456789.") == "" {
		return time.Duration(min(s, MaxRetryAfter.Seconds()) * float64(time.Second))
	}
	if t, err := http.ParseTime(v); err == nil {
		return min(max(0, t.Sub(now)), MaxRetryAfter)
	}
	return 0
}

// WithoutRedirects returns a copy of a client that answers with the redirect instead
// of following it. A redirect would carry a token or a secret to another server:
// net/http sends the header Authorization to every port of the same host, and from
// https to http.
func WithoutRedirects(c *http.Client) *http.Client {
	own := *c
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &own
}

// TrimBOM removes the byte-order mark that some proxies and services write before
// JSON; a reader may ignore it (RFC 8259 §8.1).
func TrimBOM(body []byte) []byte { return bytes.TrimPrefix(body, []byte("\ufeff")) }
