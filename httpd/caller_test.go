package httpd

import (
	"net/http/httptest"
	"testing"
)

func TestCaller(t *testing.T) {
	for _, c := range []struct {
		name, peer string
		forwarded  []string // lines of X-Forwarded-For
		want       string
	}{
		{"IPv4", "192.0.2.7:4711", nil, "192.0.2.7"},
		{"IPv4 in IPv6", "[::ffff:192.0.2.7]:4711", nil, "192.0.2.7"},
		{"IPv6", "[2001:db8:1:2:3:4:5:6]:4711", nil, "2001:db8:1:2::/64"},
		{"another host of that network", "[2001:db8:1:2::9]:4711", nil, "2001:db8:1:2::/64"},
		{"another network", "[2001:db8:1:3::9]:4711", nil, "2001:db8:1:3::/64"},
		{"link-local, with a zone", "[fe80::1%eth0]:4711", nil, "fe80::1"},
		{"unique local", "[fd12:3456:789a:1::7]:4711", nil, "fd12:3456:789a:1::7"},
		{"this machine", "127.0.0.1:4711", nil, "127.0.0.1"},
		{"this machine, IPv6", "[::1]:4711", nil, "::1"},
		{"a Unix socket", "@", nil, ""},
		{"a proxy on this machine", "127.0.0.1:4711", []string{"198.51.100.3"}, "198.51.100.3"},
		{"a proxy on this machine, IPv6", "[::1]:4711", []string{"2001:db8:1:2::9"}, "2001:db8:1:2::/64"},
		{"the client sent the header, too", "127.0.0.1:4711", []string{"203.0.113.99, 198.51.100.3"}, "198.51.100.3"},
		{"on a line of its own", "127.0.0.1:4711", []string{"203.0.113.99", "198.51.100.3"}, "198.51.100.3"},
		{"with a port", "127.0.0.1:4711", []string{"198.51.100.3:5000"}, "198.51.100.3"},
		{"with brackets and a port", "127.0.0.1:4711", []string{"[2001:db8:1:2::9]:5000"}, "2001:db8:1:2::/64"},
		{"no address", "127.0.0.1:4711", []string{"unknown"}, "127.0.0.1"},
		{"empty", "127.0.0.1:4711", []string{""}, "127.0.0.1"},
		{"not from this machine", "192.0.2.7:4711", []string{"198.51.100.3"}, "192.0.2.7"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := httptest.NewRequest("GET", "/", nil)
			r.RemoteAddr = c.peer
			for _, line := range c.forwarded {
				r.Header.Add("X-Forwarded-For", line)
			}
			if got := Caller(r); got != c.want {
				t.Errorf("caller %q, want %q", got, c.want)
			}
		})
	}
}
