package config

import (
	"math"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// forms are the checks that look at one value only, by the name the tags use.
// None is asked about an empty text.
var forms = map[string]func(string) complaint{
	"id":       identifier,
	"zone":     zone,
	"tenant":   tenant,
	"guid":     matches(guid, "must be a GUID", "copy the Application (client) ID from the app registration's overview"),
	"mailbox":  matches(mailbox, "must be an e-mail address", "write it as boardroom@contoso.example"),
	"variable": matches(variable, "must be the name of an environment variable", "write the name, not the secret itself"),
	"prefix":   matches(topics, "must be topic segments of letters, digits, '-', '_' and '.'", `write "roomgate" or "site/roomgate"`),
	"secret":   accountSecret,
	"mask":     notMasked,
	"path":     absolute,
	"scope":    scope,
	"redirect": redirect,
	"server":   server,
	"broker":   broker,
	"listen":   listen,
	"topic":    topic,
	"jsonpath": matches(jsonPath, "must be names and list elements, joined by dots", `write "data.occupancy" or "values[0].state"`),
	"words":    words,
}

var (
	segments = regexp.MustCompile(`^[a-z0-9-]{1,40}$`)
	guid     = regexp.MustCompile(`^(?i)[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)
	domain   = regexp.MustCompile(`^(?i)([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}$`)
	mailbox  = regexp.MustCompile(`^[^@\s/?#]+@[^@\s/?#]+$`)
	variable = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	topics   = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,40}(/[A-Za-z0-9_.-]{1,40}){0,4}$`)
	others   = regexp.MustCompile(`[^a-z0-9]+`)
	jsonPath = regexp.MustCompile(`^([^.\[\]]+|\[\d{1,4}\])(\.[^.\[\]]+|\[\d{1,4}\])*$`)
)

func matches(form *regexp.Regexp, message, fix string) func(string) complaint {
	return func(s string) complaint {
		if form.MatchString(s) {
			return complaint{}
		}
		return complaint{message, fix}
	}
}

func identifier(s string) complaint {
	if segments.MatchString(s) {
		return complaint{}
	}
	fix := ""
	if id := strings.Trim(others.ReplaceAllString(strings.ToLower(s), "-"), "-"); segments.MatchString(id) {
		fix = "write " + strconv.Quote(id)
	}
	return complaint{"must be 1 to 40 of a-z, 0-9 and '-'", fix}
}

func zone(s string) complaint {
	if _, err := time.LoadLocation(s); err != nil || s == "Local" {
		return complaint{"is not a known time zone", `write a name of the IANA list, such as "Europe/London"`}
	}
	return complaint{}
}

// sharedTenants stand for more than one company.
var sharedTenants = []string{"common", "organizations", "consumers"}

func tenant(s string) complaint {
	if slices.Contains(sharedTenants, s) || guid.MatchString(s) || domain.MatchString(s) {
		return complaint{}
	}
	return complaint{`must be "common", "organizations", "consumers", a GUID or a domain`, "copy the Directory (tenant) ID from the app registration's overview"}
}

// accountSecret also catches the usual slip of copying the secret's ID: the
// values Microsoft hands out are not GUIDs.
func accountSecret(s string) complaint {
	if guid.MatchString(s) {
		return complaint{"is the secret's ID, not its value", "copy the Value column; it is shown only once, when the secret is made"}
	}
	return notMasked(s)
}

func notMasked(s string) complaint {
	if s == mask {
		return complaint{"is what roomgate config print shows in place of a secret", "write the secret itself, or better name its file"}
	}
	return complaint{}
}

func absolute(s string) complaint {
	if filepath.IsAbs(s) {
		return complaint{}
	}
	return complaint{"must be the whole path of a file", "begin it with /"}
}

func scope(s string) complaint {
	if strings.ContainsAny(s, " ,;") {
		return complaint{"must hold one scope in each text", `write ["offline_access", "Calendars.Read"]`}
	}
	return complaint{}
}

// redirect follows learn.microsoft.com/entra/identity-platform/reply-url.
func redirect(s string) complaint {
	u, ok := address(s)
	switch {
	case !ok || u.Fragment != "" || u.Scheme != "https" && (u.Scheme != "http" || u.Hostname() != "localhost"):
		return complaint{"must be an https address, or begin with http://localhost", "write the address registered for the app, to the letter"}
	case len(s) > 256:
		return complaint{"must be at most 256 characters", "register a shorter address"}
	}
	return complaint{}
}

// server checks the scheme and host of a service that is signed in to or read.
func server(s string) complaint {
	u, ok := address(s)
	switch {
	case !ok || u.Scheme != "https" && u.Scheme != "http":
		return complaint{"must be an https address", `write scheme and host, such as "https://login.microsoftonline.com"`}
	case strings.TrimSuffix(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "":
		return complaint{"must be scheme and host only", "write " + strconv.Quote(u.Scheme+"://"+u.Host)}
	case u.Scheme == "http" && !loopback(u.Hostname()):
		return complaint{"would send tokens unencrypted", "write https://; http:// is for this machine only"}
	}
	return complaint{}
}

func broker(s string) complaint {
	u, ok := address(s)
	if !ok || defaultPorts[u.Scheme] == "" {
		if mayHoldPassword(s) {
			return complaint{"must not hold a user name or password", "use username and password_file"}
		}
		return complaint{"must be an address with one of the schemes mqtt, mqtts, ws, wss", `write "mqtts://broker.example:8883"`}
	}
	web := u.Scheme == "ws" || u.Scheme == "wss"
	if u.RawQuery != "" || u.Fragment != "" || !web && strings.TrimSuffix(u.Path, "/") != "" {
		return complaint{"must be scheme, host and port only", "write " + strconv.Quote(u.Scheme+"://"+u.Host)}
	}
	return complaint{}
}

// listen keeps the page on this machine: it has no password.
func listen(s string) complaint {
	if s == "off" {
		return complaint{}
	}
	host, port, err := net.SplitHostPort(s)
	_, bad := strconv.ParseUint(port, 10, 16)
	switch {
	case err != nil || bad != nil:
		return complaint{"must be an address and a port", `write "127.0.0.1:8080", or "off" for no page`}
	case !loopback(host):
		return complaint{"must be an address of this machine only", "write " + strconv.Quote("127.0.0.1:"+port) + " and put a proxy with a password in front"}
	}
	return complaint{}
}

// topic checks the name of a topic to listen to: MQTT 3.1.1 §4.7 and §1.5.3.
func topic(s string) complaint {
	switch {
	case strings.ContainsAny(s, "+#"):
		return complaint{"must be one topic, without the wildcards + and #", "name the topic of this room's sensor"}
	case strings.HasPrefix(s, "$"):
		return complaint{"must not begin with $, which brokers keep for themselves", "name the topic of this room's sensor"}
	case len(s) > math.MaxUint16:
		return complaint{"must be at most 65535 bytes", "name the topic of this room's sensor"}
	}
	return complaint{}
}

// words checks for something that a subject can hold as a word.
func words(s string) complaint {
	if strings.ContainsFunc(s, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) }) {
		return complaint{}
	}
	return complaint{"must hold a word", `write "cleaning"`}
}

// address parses a URL with a host, a sound port and no user name or password.
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

// mayHoldPassword tells whether a text looks like user:password@host. It looks
// at the text alone, because a password may break the parsing of an address.
func mayHoldPassword(s string) bool {
	at := strings.LastIndex(s, "@")
	return at >= 0 && strings.Contains(s[:at], ":")
}

// loopback tells whether a host is this machine.
func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}
