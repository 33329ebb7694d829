package httpd

import (
	"net/http"
	"net/netip"
	"strings"
)

// Caller says who sent a request, to count by: an address, the /64 of a global IPv6
// address, because whoever has one address of it can have them all (RFC 6177), or ""
// for a Unix socket. For a request from a reverse proxy on this machine it is the client
// that the proxy names: the last address of X-Forwarded-For. Other programs on this
// machine could name any client; they are trusted not to.
func Caller(r *http.Request) string {
	peer, ok := parseAddress(r.RemoteAddr)
	if !ok {
		return ""
	}
	if peer.IsLoopback() {
		if client, ok := forwardedFor(r.Header); ok {
			peer = client
		}
	}
	return count(peer)
}

// forwardedFor is the client that the nearest proxy names. Earlier addresses of the
// header are what the client itself sent.
func forwardedFor(h http.Header) (netip.Addr, bool) {
	lines := h.Values("X-Forwarded-For")
	if len(lines) == 0 {
		return netip.Addr{}, false
	}
	line := lines[len(lines)-1]
	return parseAddress(strings.TrimSpace(line[strings.LastIndexByte(line, ',')+1:]))
}

// parseAddress reads an IP address, with a port or without.
func parseAddress(text string) (netip.Addr, bool) {
	if withPort, err := netip.ParseAddrPort(text); err == nil {
		return withPort.Addr().Unmap(), true
	}
	a, err := netip.ParseAddr(strings.Trim(text, "[]"))
	return a.Unmap(), err == nil
}

// count is what the requests of an address are counted by.
func count(a netip.Addr) string {
	if a.Is4() || a.IsLoopback() || a.IsLinkLocalUnicast() || a.IsPrivate() {
		return a.WithZone("").String()
	}
	return network(a).String()
}

// whole is the network of the address alone.
func whole(a netip.Addr) netip.Prefix { return netip.PrefixFrom(a.WithZone(""), a.BitLen()) }

// network is the /64 of an IPv6 address.
func network(a netip.Addr) netip.Prefix { return netip.PrefixFrom(a.WithZone(""), 64).Masked() }
