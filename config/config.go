// Package config turns a TOML file into checked values.
//
// It is strict: unknown keys, bad values and contradictions are errors, and all
// of them are reported in one run, each with its line, the value seen and the
// fix. The result is ready to use: schedules parsed, secrets read, times in UTC,
// defaults filled in. Keys are case-sensitive, and an empty text counts as
// left out.
package config

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"
)

// A Config is a checked configuration, as returned by [Load] or [Parse].
type Config struct {
	Site     Site
	Accounts []Account // at least one
	Rooms    []Room
	MQTT     MQTT
	Web      Web
	Store    Store
	Program  string   // how commands are called with this configuration, see [Program]
	Warnings Problems // what can be used, and is probably a mistake

	file file // the settings as written, for Print
}

// A Site is the building that the gateway serves.
type Site struct {
	ID       string // a topic segment, [a-z0-9-]{1,40}
	Name     string // display name; default: the id
	Timezone *time.Location
}

// A Room is one meeting room.
type Room struct {
	ID       string   `toml:"id" form:"id" required:"boardroom"`
	Name     string   `toml:"name"`                   // display name; default: the id
	Mailbox  string   `toml:"mailbox" form:"mailbox"` // "": the room is found in a calendar of the account
	Calendar string   `toml:"calendar"`               // name or id of that calendar; "": the account's own
	Match    []string `toml:"match"`                  // locations or attendees that mean this room; none: every event

	PresenceTopic string `toml:"presence_topic" form:"topic"` // MQTT topic of the room's presence sensor; "": none
	RoomSettings
	Week Week `toml:"schedule"` // used by FailSafe "schedule" and by reports; days and dates left out are those of the site
}

// RoomSettings are the settings of a room that may have a default in [defaults.room].
type RoomSettings struct {
	Account    string        `toml:"account"` // the name of an account, always filled in
	Building   string        `toml:"building"`
	Floor      string        `toml:"floor"`
	Capacity   int           `toml:"capacity" range:"0|100000"` // people; 0: not known
	Lead       time.Duration `toml:"lead" range:"0s|12h"`       // comfort begins this long before a booking
	Lag        time.Duration `toml:"lag" range:"0s|12h"`        // and ends this long after it
	Gap        time.Duration `toml:"gap" range:"0s|12h"`        // gaps up to this long are bridged
	Release    string        `toml:"release" oneof:"start|end"` // whether comfort ends at the start or the end of a booking
	Count      []string      `toml:"count" oneof:"busy|tentative|oof|workingElsewhere|unknown"`
	Privacy    string        `toml:"privacy" oneof:"busy|organizer|subject|full"`
	StaleAfter time.Duration `toml:"stale_after" range:"30s|24h"` // age of the last good read at which the quality becomes stale

	MinOn     time.Duration `toml:"min_on" range:"0s|12h"`  // comfort stays on at least this long
	MinOff    time.Duration `toml:"min_off" range:"0s|12h"` // and off
	FailSafe  string        `toml:"fail_safe" oneof:"hold|unoccupied|occupied|schedule"`
	FailAfter time.Duration `toml:"fail_after" range:"30s|168h"` // age of the last good read at which FailSafe acts
	Rules     []Rule        `toml:"rule"`                        // the first that matches a subject decides; those of the room precede the defaults

	Grace           time.Duration `toml:"grace" range:"1m|12h" needs:"presence_topic"`             // absence up to this long does not end occupancy
	Hold            time.Duration `toml:"hold" range:"0s|12h" needs:"presence_topic"`              // occupancy without a booking continues this long after presence
	PresenceTimeout time.Duration `toml:"presence_timeout" range:"0s|168h" needs:"presence_topic"` // age of the last message at which the sensor is not trusted; 0: never
	PresenceOn      []string      `toml:"presence_on" needs:"presence_topic"`                      // payloads that mean presence, in any case
	PresenceOff     []string      `toml:"presence_off" needs:"presence_topic"`                     // and absence
	PresenceAbove   *float64      `toml:"presence_above" needs:"presence_topic"`                   // numbers above it mean presence, others absence; nil: off
	PresencePath    string        `toml:"presence_path" form:"jsonpath" needs:"presence_topic"`    // path in a JSON payload, as in "values[0].state"; "": the payload is the value
}

// A Rule decides by the subject of a booking whether it needs comfort.
type Rule struct {
	Subject string `toml:"subject" form:"words" required:"cleaning"` // words in a booking's subject
	Comfort bool   `toml:"comfort"`                                  // whether such a booking needs comfort
}

// MQTT is the broker and the format of what is published.
type MQTT struct {
	Broker            string // scheme://host:port, with a path for ws and wss; the port is always filled in
	Username          string
	Password          Secret
	PasswordFile      string // that Password was read from; "": it is in the configuration, or there is none
	ClientID          string // "": derived from the identity of the machine
	CAFile            string
	CertFile          string
	KeyFile           string
	InsecurePlaintext bool
	Prefix            string // first segments of every topic
	Payload           string // "plain" or "vtq"
	Bool              string // "true/false", "1/0" or "ON/OFF"
	Time              string // "rfc3339", "rfc3339_local", "epoch_s" or "epoch_ms"
}

// Web is the local page.
type Web struct {
	Listen string // host:port on loopback; "": no page
	APIKey Secret // of the connect API; empty: the API is off
}

// Store is the database file.
type Store struct {
	Path string
	Key  *[32]byte `json:"-"` // encrypts the tokens; nil: they are stored in the clear
}

// Format writes the path for any verb: fmt would print the key.
func (s Store) Format(f fmt.State, _ rune) { io.WriteString(f, s.Path) }

// A Schedule returns the next run strictly after an instant, or the zero time
// when there is none.
type Schedule interface {
	Next(time.Time) time.Time
}

// An Env gives access to environment variables and to the files that contain
// secrets. A nil function finds nothing.
type Env struct {
	LookupEnv func(key string) (string, bool)
	ReadFile  func(name string) ([]byte, fs.FileMode, error)
	// Draft accepts that the file of a secret does not exist yet.
	Draft bool
}

// Load reads and checks the file at path, with the environment and the files of
// this machine. The error is a [*Problems].
func Load(path string) (*Config, error) { return load(path, false) }

// LoadDraft is Load for a configuration whose secrets the customer's IT has yet to
// make: a file of a secret that does not exist counts as one with a secret.
func LoadDraft(path string) (*Config, error) { return load(path, true) }

func load(path string, draft bool) (*Config, error) {
	env := Env{LookupEnv: os.LookupEnv, ReadFile: readFile, Draft: draft}
	text, mode, err := env.read(path)
	if err != nil {
		return nil, &Problems{{File: path, Message: "cannot be read: " + reason(err),
			Fix: "name the file with --config, or write one with: " + Program(path) + " config init"}}
	}
	return parse(path, text, mode, env, nil, Program(path))
}

// Parse is Load for the text of a configuration; name stands for it in messages.
// Accounts may belong to the built-in [Providers] or to the additional ones. The error is a [*Problems].
func Parse(name string, text []byte, env Env, additional ...Provider) (*Config, error) {
	return parse(name, text, 0, env, additional, defaultProgram)
}

// parse is Parse for the text of a file with the given mode.
func parse(name string, text []byte, mode fs.FileMode, env Env, additional []Provider, program string) (*Config, error) {
	doc, problem := decode(name, string(text))
	if problem != nil {
		return nil, &Problems{*problem}
	}
	r := &report{file: name, program: program, lines: indexLines(string(text))}
	f := (&binder{report: r, providers: append(Providers(), additional...)}).file(doc)
	c := (&checker{report: r, env: env, mode: mode}).config(f)
	if len(r.problems) > 0 {
		problems := sorted(r.problems)
		return nil, &problems
	}
	c.Program, c.Warnings = program, sorted(r.warnings)
	return c, nil
}

func (e Env) lookup(key string) string {
	if e.LookupEnv == nil {
		return ""
	}
	value, _ := e.LookupEnv(key)
	return value
}

func (e Env) read(name string) ([]byte, fs.FileMode, error) {
	if e.ReadFile == nil {
		return nil, 0, fs.ErrNotExist
	}
	return e.ReadFile(name)
}

func readFile(name string) ([]byte, fs.FileMode, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, 0, err
	}
	text, err := io.ReadAll(f)
	return text, info.Mode().Perm(), err
}
