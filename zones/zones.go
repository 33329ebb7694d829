// Package zones finds time zones by the names that calendars use: those of
// the IANA database, such as Europe/London, and those of Windows, such as GMT
// Standard Time.
package zones

import (
	"fmt"
	"strings"
	"sync"
	"time"
	_ "time/tzdata" // a gateway's own zone files may be missing or trimmed
)

//go:generate sh -c "go run gen_windows.go testdata/windowsZones.json > windows.go"

// newWindowsZones are Windows names that no release of CLDR has yet: they are in
// common/supplemental/windowsZones.xml of github.com/unicode-org/cldr since 2026.
var newWindowsZones = map[string]string{
	"Alberta Standard Time":          "America/Edmonton",
	"British Columbia Standard Time": "America/Vancouver",
}

// loaded caches zones by name: calendars repeat the same few names in every event.
var loaded sync.Map

// Load returns the zone with an IANA or a Windows name. UTC is accepted in any
// case. Local is not known: it would be the gateway's own zone.
func Load(name string) (*time.Location, error) {
	switch {
	case strings.EqualFold(name, "UTC"):
		return time.UTC, nil
	case name == "" || strings.EqualFold(name, "Local"): // time.LoadLocation accepts both
		return nil, unknown(name)
	}
	if zone, ok := loaded.Load(name); ok {
		return zone.(*time.Location), nil
	}
	iana := name
	if zone, ok := windowsZones[name]; ok {
		iana = zone
	} else if zone, ok := newWindowsZones[name]; ok {
		iana = zone
	}
	zone, err := time.LoadLocation(iana)
	if err != nil {
		return nil, unknown(name)
	}
	loaded.Store(name, zone)
	return zone, nil
}

// OfWindows returns the IANA name of a zone that is called by its Windows name, in any
// case; false: it is not the name of one.
func OfWindows(name string) (iana string, ok bool) {
	for _, names := range []map[string]string{windowsZones, newWindowsZones} {
		for windows, iana := range names {
			if strings.EqualFold(windows, name) {
				return iana, true
			}
		}
	}
	return "", false
}

// unknown is the error for a name, which is shortened: it comes from a calendar.
func unknown(name string) error {
	const most = 60
	if runes := []rune(name); len(runes) > most {
		name = string(runes[:most]) + "…"
	}
	return fmt.Errorf("time zone %q is not known", name)
}
