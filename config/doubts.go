package config

import (
	"fmt"
	"net/url"
	"strings"
)

// warn records something that can be used and is probably a mistake.
func (r *report) warn(path, message, seen, fix string) {
	p := r.problem(path, message, seen, fix)
	p.Warning = true
	r.warnings = append(r.warnings, p)
}

// doubtful warns of settings that contradict nothing but are seldom meant: two rooms on
// one mailbox, and values of the reference configuration and of manuals.
func (c *checker) doubtful(out *Config) {
	first := map[string]int{} // index of the room by folded mailbox
	for i, r := range out.Rooms {
		path := join(element("room", i), "mailbox")
		key := strings.ToLower(r.Mailbox)
		j, again := first[key]
		switch {
		case r.Mailbox == "":
			continue
		case again:
			c.warn(path, fmt.Sprintf("is also that of room %q, so that both always show the same", out.Rooms[j].ID), fmt.Sprintf("%q", r.Mailbox),
				"give each room its own mailbox, or keep one of the two rooms")
		default:
			first[key] = i
		}
		if _, host, _ := strings.Cut(r.Mailbox, "@"); leftOut(r.Mailbox) || placeholder(host) && !simulated(out.account(r.Account)) {
			c.placeholder(path, r.Mailbox, "write the address of the room's mailbox")
		}
	}
	if u, err := url.Parse(out.MQTT.Broker); err == nil && (leftOut(u.Host) || placeholder(u.Hostname())) {
		c.placeholder("mqtt.broker", out.MQTT.Broker, "write the address of the site's broker")
	}
}

// placeholder warns of a value that stands for another.
func (c *checker) placeholder(path, value, fix string) {
	c.warn(path, "is a placeholder of the documentation", fmt.Sprintf("%q", value), fix)
}

// leftOut reports whether a value holds a word that sheets and manuals write for one to
// be filled in, such as YOUR-DOMAIN.
func leftOut(value string) bool { return strings.Contains(value, "YOUR") }

// placeholder reports whether a domain is reserved for documentation (RFC 2606).
func placeholder(host string) bool {
	labels := strings.Split(strings.ToLower(strings.TrimSuffix(host, ".")), ".")
	last := labels[len(labels)-1]
	return last == "example" || len(labels) > 1 && labels[len(labels)-2] == "example" && (last == "com" || last == "net" || last == "org")
}

// simulated reports whether the service of an account is on this machine, where the
// addresses of the documentation exist.
func simulated(a *Account) bool {
	if a == nil || a.Settings == nil {
		return false
	}
	u, err := url.Parse(a.Settings.Abilities().Service)
	return err == nil && loopback(u.Hostname())
}

// account finds an account by its name; nil: there is none.
func (c *Config) account(name string) *Account {
	for i := range c.Accounts {
		if c.Accounts[i].Name == name {
			return &c.Accounts[i]
		}
	}
	return nil
}
