package config

import "time"

// A Provider is a calendar service that accounts may belong to.
type Provider struct {
	Name string // value of the setting provider
	// Table returns the settings of an account that gives these, with the
	// defaults filled in. The values given are not checked yet; nil is an account
	// that gives none.
	Table func(given map[string]any) Table
	// Forms are checks of one value that only this provider needs, by the name
	// that the tag form of its table uses. None is called with an empty text.
	Forms map[string]Form
}

// Providers returns the providers that every configuration knows. The first is
// that of an account that names none.
func Providers() []Provider { return []Provider{microsoftProvider} }

// A Table contains the settings of an account that belong to its provider, as they
// are written. It is a pointer to a struct whose fields carry the tags of file;
// their types are string, bool, int, []string, *float64, [time.Duration],
// [time.Time] and [Secret].
type Table interface {
	// Check reports contradictions and returns the checked settings. What it
	// changes in the table is printed as the value in effect.
	Check(a *AccountCheck) Settings
}

// Settings are the checked settings of an account that belong to its provider.
// Exported fields are compared by [Same].
type Settings interface {
	Abilities() Abilities
}

// Abilities are what the checks of other settings need to know of an account.
// Texts that give a reason follow the account's name, as in "reads busy times".
type Abilities struct {
	Service    string        // identifies the servers that calendars are read from; "": the provider has one service only
	LeastPoll  time.Duration // shortest interval between two polls
	LeastSweep time.Duration // shortest interval between two sweeps; 0: the provider cannot sweep
	NoSweep    Complaint     // why the setting sweep has no effect in this account; zero: it has
	NoCalendar string        // why rooms cannot be found in a calendar of the account and need a mailbox; "": they can
	NoNames    Complaint     // why neither subjects nor organizers are read, and the fix; zero: they are
}

// An AccountCheck reports problems with the settings of one account. Keys are
// relative to its table.
type AccountCheck struct {
	*checker
	path    string
	account string // its name
}

// Report adds a problem with a setting, or with the account where key is empty,
// and shows the value, nil for none. Values that may be secret must not be passed.
func (a *AccountCheck) Report(key string, value any, c Complaint) {
	path := a.path
	if key != "" {
		path = join(path, key)
	}
	a.add(path, c.Message, seen(value, ""), c.Fix)
}

// Schedule parses a schedule in the zone of the site; nil when it is empty or was
// reported.
func (a *AccountCheck) Schedule(key, spec string, least time.Duration) Schedule {
	return a.schedule(join(a.path, key), spec, least)
}

// Secret returns the secret that a table gives by the settings key, key_file or
// key_env, or else the systemd credential with the account's name; empty where
// there is none.
func (a *AccountCheck) Secret(key string, inline Secret, file, variable string) Secret {
	return a.secret(source{table: a.path, key: key, inline: inline, file: file, variable: variable, credential: a.account})
}

// Reported returns whether there is a problem with a setting.
func (a *AccountCheck) Reported(key string) bool { return a.reported(join(a.path, key)) }
