package config

import (
	"math"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"

	"roomgate/zones"
)

// A Form checks one text on its own.
type Form func(text string) Complaint

// A Complaint is what is wrong with a value and how to fix it; the zero Complaint
// means that nothing is.
type Complaint struct{ Message, Fix string }

// forms are the checks that any table may use, by the name in its tags. None is
// called with an empty text.
var forms = map[string]Form{
	"id":       identifier,
	"zone":     zone,
	"mailbox":  matches(mailbox, "must be an e-mail address", "write it as boardroom@contoso.example"),
	"variable": matches(variable, "must be the name of an environment variable", "write the name, not the secret itself"),
	"prefix":   matches(topics, "must be topic segments of letters, digits, '-', '_' and '.'", `write "roomgate" or "site/roomgate"`),
	"mask":     notMasked,
	"path":     absolute,
	"broker":   broker,
	"listen":   listen,
	"topic":    topic,
	"jsonpath": matches(jsonPath, "must be names and list elements, joined by dots", `write "data.occupancy" or "values[0].state"`),
	"words":    words,
}

var (
	segments = regexp.MustCompile(`^[a-z0-9-]{1,40}$`)
	domain   = regexp.MustCompile(`^(?i)([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}$`)
	mailbox  = regexp.MustCompile(`^[^@\s/?#]+@[^@\s/?#]+$`)
	variable = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	topics   = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,40}(/[A-Za-z0-9_.-]{1,40}){0,4}$`)
	others   = regexp.MustCompile(`[^a-z0-9]+`)
	jsonPath = regexp.MustCompile(`^([^.\[\]]+|\[\d{1,4}\])(\.[^.\[\]]+|\[\d{1,4}\])*$`)
)

func matches(form *regexp.Regexp, message, fix string) Form {
	return func(s string) Complaint {
		if form.MatchString(s) {
			return Complaint{}
		}
		return Complaint{message, fix}
	}
}

func identifier(s string) Complaint {
	if segments.MatchString(s) {
		return Complaint{}
	}
	fix := ""
	if id := strings.Trim(others.ReplaceAllString(strings.ToLower(s), "-"), "-"); segments.MatchString(id) {
		fix = "write " + strconv.Quote(id)
	}
	return Complaint{"must be 1 to 40 of a-z, 0-9 and '-'", fix}
}

func zone(s string) Complaint {
	if _, err := time.LoadLocation(s); err == nil && s != "Local" {
		return Complaint{}
	}
	if iana, ok := zones.OfWindows(s); ok {
		return Complaint{"is what Windows calls a time zone", "write " + strconv.Quote(iana)}
	}
	return Complaint{"is not a known time zone", `write a name of the IANA list, such as "Europe/London"`}
}

func notMasked(s string) Complaint {
	if s == mask {
		return Complaint{"is what 'config print' shows in place of a secret", "write the secret itself, or better name its file"}
	}
	return Complaint{}
}

func absolute(s string) Complaint {
	if filepath.IsAbs(s) {
		return Complaint{}
	}
	return Complaint{"must be an absolute path", "begin it with /"}
}

// scopeLike returns the check of one scope (RFC 6749 §3.3) in a list; example is
// such a list.
func scopeLike(example string) Form {
	return func(s string) Complaint {
		if strings.ContainsAny(s, " ,;") {
			return Complaint{"must contain one scope in each text", "write " + example}
		}
		return Complaint{}
	}
}

// serverLike returns the check of the scheme and host of a server that receives
// tokens or passwords.
func serverLike(example string) Form {
	return func(s string) Complaint {
		u, ok := address(s)
		switch {
		case !ok || u.Scheme != "https" && u.Scheme != "http":
			return Complaint{"must be an https address", "write scheme and host, such as " + strconv.Quote(example)}
		case strings.TrimSuffix(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "":
			return Complaint{"must be scheme and host only", "write " + strconv.Quote(u.Scheme+"://"+u.Host)}
		case u.Scheme == "http" && !loopback(u.Hostname()):
			return Complaint{"would send tokens unencrypted", "write https://; http:// is for this machine only"}
		}
		return Complaint{}
	}
}

func broker(s string) Complaint {
	u, ok := address(s)
	if !ok || defaultPorts[u.Scheme] == "" {
		if mayContainPassword(s) {
			return Complaint{"must not contain a user name or password", "use username and password_file"}
		}
		return Complaint{"must be an address with one of the schemes mqtt, mqtts, ws, wss", `write "mqtts://broker.example:8883"`}
	}
	web := u.Scheme == "ws" || u.Scheme == "wss"
	if u.RawQuery != "" || u.Fragment != "" || !web && strings.TrimSuffix(u.Path, "/") != "" {
		return Complaint{"must be scheme, host and port only", "write " + strconv.Quote(u.Scheme+"://"+u.Host)}
	}
	return Complaint{}
}

// listen allows loopback addresses only, because the page has no password.
func listen(s string) Complaint {
	if s == "off" {
		return Complaint{}
	}
	host, port, err := net.SplitHostPort(s)
	_, bad := strconv.ParseUint(port, 10, 16)
	switch {
	case err != nil || bad != nil:
		return Complaint{"must be an address and a port", `write "127.0.0.1:8080", or "off" for no page`}
	case !loopback(host):
		return Complaint{"must be an address of this machine only", "write " + strconv.Quote("127.0.0.1:"+port) + " and put a proxy with a password in front"}
	}
	return Complaint{}
}

// topic checks the name of a topic to subscribe to: MQTT 3.1.1 §4.7 and §1.5.3.
func topic(s string) Complaint {
	switch {
	case strings.ContainsAny(s, "+#"):
		return Complaint{"must be one topic, without the wildcards + and #", "name the topic of this room's sensor"}
	case strings.HasPrefix(s, "$"):
		return Complaint{"must not begin with $, which is reserved for the broker", "name the topic of this room's sensor"}
	case len(s) > math.MaxUint16:
		return Complaint{"must be at most 65535 bytes", "name the topic of this room's sensor"}
	}
	return Complaint{}
}

// words checks that a text contains a letter or a digit.
func words(s string) Complaint {
	if strings.ContainsFunc(s, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) }) {
		return Complaint{}
	}
	return Complaint{"must contain a word", `write "cleaning"`}
}

// address parses a URL that has a host, a valid port or none, and no user name.
func address(s string) (*url.URL, bool) {
	u, err := url.Parse(s)
	if err != nil || u.Hostname() == "" || u.User != nil || strings.Contains(u.Hostname(), " ") {
		return nil, false
	}
	if port := u.Port(); port != "" {
		if _, err := strconv.ParseUint(port, 10, 16); err != nil {
			return nil, false
		}
	}
	return u, true
}

// mayContainPassword returns whether a text looks like user:password@host. It does
// not parse the address, because a password may make that fail.
func mayContainPassword(s string) bool {
	at := strings.LastIndex(s, "@")
	return at >= 0 && strings.Contains(s[:at], ":")
}

// loopback returns whether a host is this machine.
func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}
