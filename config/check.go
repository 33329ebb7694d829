package config

import (
	"cmp"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"
)

// A checker turns settings into a Config and reports what depends on more than
// one setting or on files: contradictions, and secrets that cannot be read.
type checker struct {
	*report
	env  Env
	mode fs.FileMode // of the configuration file itself
	zone *time.Location
}

// config resolves a file. The result is valid only if nothing was reported.
func (c *checker) config(f file) *Config {
	out := &Config{}
	out.Site = c.site(&f.Site)
	out.Accounts = c.accounts(f.Accounts)
	f.Rooms = c.rooms(f, out.Accounts)
	out.Rooms = shared(f)
	out.MQTT = c.mqtt(&f.MQTT)
	out.Web = c.web(f.Web)
	out.Store = Store{Path: f.Store.Path, Key: c.sealKey("store.key_file", f.Store.KeyFile)}
	out.file = f
	c.doubtful(out)
	return out
}

func (c *checker) site(s *rawSite) Site {
	s.Name = cmp.Or(s.Name, s.ID)
	c.zone = time.UTC
	if zone, err := time.LoadLocation(s.Timezone); err == nil {
		c.zone = zone
	}
	return Site{ID: s.ID, Name: s.Name, Timezone: c.zone}
}

// together reports one of two settings of a table that requires the other.
func (c *checker) together(path, key, value, otherKey, other, fix string) {
	if (value == "") == (other == "") {
		return
	}
	if value == "" {
		key, otherKey = otherKey, key
	}
	c.add(join(path, key), "is given without "+otherKey, "", fix)
}

// startOfDay returns the instant, in UTC, at which a date begins in a zone; zero
// for the zero date.
func startOfDay(date time.Time, zone *time.Location) time.Time {
	if date.IsZero() {
		return date
	}
	return time.Date(date.Year(), date.Month(), date.Day(), 0, 0, 0, 0, zone).UTC()
}

func (c *checker) schedule(path, spec string, least time.Duration) Schedule {
	if spec == "" {
		return nil // off, or reported as missing
	}
	s, err := ParseSchedule(spec, c.zone, least)
	if err != nil {
		c.add(path, err.Error(), "", `write five fields such as "*/30 * * * *", or "@every 60s"`)
		return nil
	}
	return s
}

// rooms returns the rooms with their names and accounts filled in.
func (c *checker) rooms(f file, accounts []Account) []Room {
	rooms := slices.Clone(f.Rooms)
	in := map[int]calendar{} // by index of the rooms that are found in one
	for i := range rooms {
		r := &rooms[i]
		path := element("room", i)
		c.unique(path, "id", r.ID, func(j int) string { return rooms[j].ID }, i)
		r.Name = cmp.Or(r.Name, r.ID)
		if len(r.Count) == 0 {
			c.add(c.inherited(path, "count"), "is empty, so that the room would never be booked", "", `write ["busy", "tentative", "oof"]`)
		}
		if account := c.roomAccount(path, r, accounts); account != nil && c.place(path, *r, *account) {
			in[i] = calendar{r.Account, r.Calendar}
		}
		c.failSafe(path, r, f.Site.Week)
		c.presence(path, *r, f.MQTT.Prefix+"/"+f.Site.ID+"/")
	}
	c.ambiguous(rooms, in)
	c.ineffective(f, rooms, accounts)
	return rooms
}

// shared returns the rooms with the default rules and the schedule of the site
// merged in.
func shared(f file) []Room {
	rooms := slices.Clone(f.Rooms)
	for i := range rooms {
		r := &rooms[i]
		r.Rules = slices.Concat(r.Rules, f.Defaults.Room.Rules)
		r.Week = r.Week.over(f.Site.Week)
	}
	return rooms
}

// roomAccount finds the account of a room, and checks that it is read often
// enough. It returns nil when there is no such account.
func (c *checker) roomAccount(path string, r *Room, accounts []Account) *Account {
	if r.Account == "" && len(accounts) == 1 {
		r.Account = accounts[0].Name
	}
	if len(accounts) == 0 || slices.ContainsFunc(accounts, func(a Account) bool { return a.Name == "" }) {
		return nil // reported already, once instead of for each room
	}
	i := slices.IndexFunc(accounts, func(a Account) bool { return a.Name == r.Account })
	switch {
	case r.Account == "":
		c.add(join(path, "account"), "is missing, and there are several accounts", "", fmt.Sprintf("add account = %q", accounts[0].Name))
	case i < 0:
		var names []string
		for _, a := range accounts {
			names = append(names, a.Name)
		}
		fix := "name one of " + strings.Join(names, ", ")
		if near := nearest(r.Account, names); near != "" {
			fix = fmt.Sprintf("did you mean %q?", near)
		}
		c.add(c.inherited(path, "account"), "names an account that does not exist", fmt.Sprintf("%q", r.Account), fix)
	case accounts[i].Poll != nil && shortestGap(accounts[i].Poll) > r.StaleAfter:
		c.add(join(element("account", i), "poll"), fmt.Sprintf("is slower than stale_after, %s in room %q, whose quality would never be good", short(r.StaleAfter), r.ID), "",
			"poll more often, or lengthen stale_after")
	}
	if i < 0 {
		return nil
	}
	return &accounts[i]
}

func (c *checker) web(w rawWeb) Web {
	if w.Listen == "off" {
		w.Listen = ""
	}
	key := c.apiKey("web.api_key_file", w.APIKeyFile)
	if w.Listen == "" && w.APIKeyFile != "" {
		c.add("web.api_key_file", "has no effect where listen is off", "", "give listen an address, or remove it")
	}
	return Web{Listen: w.Listen, APIKey: key}
}

// inherited returns the path of the setting that a room uses: its own, or that of
// [defaults.room].
func (c *checker) inherited(room, key string) string {
	shared := join("defaults.room", key)
	_, here := c.lines[join(room, key)]
	if _, there := c.lines[shared]; there && !here {
		return shared
	}
	return join(room, key)
}

// unique reports a name that an earlier element of the same list has.
func (c *checker) unique(path, key, name string, at func(int) string, i int) {
	for j := range i {
		if name != "" && at(j) == name {
			list, _, _ := strings.Cut(path, "[")
			line := c.lines.of(join(element(list, j), key))
			c.add(join(path, key), fmt.Sprintf("is used twice, first on line %d", line), fmt.Sprintf("%q", name), "choose another")
			return
		}
	}
}

func (c *checker) mqtt(m *rawMQTT) MQTT {
	m.Broker = c.broker(*m)
	password := c.secret(source{table: "mqtt", key: "password", inline: m.Password, file: m.PasswordFile, credential: brokerCredential})
	if m.Username == "" && password.Reveal() != "" { // MQTT 3.1.1 §3.1.2.9
		c.add("mqtt.username", "is missing, and MQTT sends no password without one", "", `add username = "roomgate"`)
	}
	c.readable("mqtt.ca_file", m.CAFile, false)
	c.readable("mqtt.cert_file", m.CertFile, false)
	c.readable("mqtt.key_file", m.KeyFile, true)
	c.together("mqtt", "cert_file", m.CertFile, "key_file", m.KeyFile, "give both or neither")
	file := m.PasswordFile
	if file == "" && m.Password.Reveal() == "" {
		file = c.credentialFile(brokerCredential)
	}
	return MQTT{
		Broker: m.Broker, Username: m.Username, Password: password, PasswordFile: file, ClientID: m.ClientID,
		CAFile: m.CAFile, CertFile: m.CertFile, KeyFile: m.KeyFile, InsecurePlaintext: m.InsecurePlaintext,
		Prefix: m.Prefix, Payload: m.Payload, Bool: m.Bool, Time: m.Time,
	}
}

// broker returns the address of the broker with its port, and reports settings
// that contradict its scheme.
func (c *checker) broker(m rawMQTT) string {
	u, err := url.Parse(m.Broker)
	if err != nil || m.Broker == "" {
		return ""
	}
	if u.Port() == "" {
		u.Host = net.JoinHostPort(u.Hostname(), defaultPorts[u.Scheme])
	}
	if u.Path == "/" && strings.HasPrefix(u.Scheme, "mqtt") {
		u.Path = ""
	}
	if u.Scheme == "mqtts" || u.Scheme == "wss" {
		return u.String()
	}
	if !loopback(u.Hostname()) && !m.InsecurePlaintext {
		c.add("mqtt.broker", "would send the password and all points unencrypted", fmt.Sprintf("%q", m.Broker),
			"use mqtts:// or wss://, or set insecure_plaintext = true")
	}
	for _, f := range []struct{ key, value string }{{"ca_file", m.CAFile}, {"cert_file", m.CertFile}, {"key_file", m.KeyFile}} {
		if f.value != "" {
			c.add(join("mqtt", f.key), "has no effect with a broker on "+u.Scheme+"://", "", "use mqtts:// or wss://, or remove it")
		}
	}
	return u.String()
}
