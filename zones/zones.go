// Package zones finds time zones by the names that calendars use: those of
// the IANA database, such as Europe/London, and those of Windows, such as GMT
// Standard Time.
package zones

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
	_ "time/tzdata" // a gateway's own zone files may be missing or trimmed
	"unicode"
)

//go:generate sh -c "go run gen_windows.go testdata/windowsZones.json > windows.go"

// newWindowsZones are Windows names that no release of CLDR has yet: they are in
// common/supplemental/windowsZones.xml of github.com/unicode-org/cldr since 2026.
var newWindowsZones = map[string]string{
	"Alberta Standard Time":          "America/Edmonton",
	"British Columbia Standard Time": "America/Vancouver",
}

// loaded caches zones by IANA name: calendars repeat the same few in every event.
var loaded sync.Map

// Load returns the zone with an IANA or a Windows name, or with the English caption that
// Windows shows, such as "(UTC) Dublin, Edinburgh, Lisbon, London". White space and
// control characters around the name are ignored: clients pad it. UTC is accepted in any
// case. Local is not known: it would be the gateway's own zone.
func Load(name string) (*time.Location, error) {
	name = strings.TrimFunc(name, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) })
	switch {
	case strings.EqualFold(name, "UTC"):
		return time.UTC, nil
	case name == "" || strings.EqualFold(name, "Local"): // time.LoadLocation accepts both
		return nil, unknown(name)
	}
	iana := name
	if windows, ok := captions[captionText(name)]; ok {
		iana = windowsZones[windows]
	} else if zone, ok := windowsZones[name]; ok {
		iana = zone
	} else if zone, ok := newWindowsZones[name]; ok {
		iana = zone
	}
	if zone, ok := loaded.Load(iana); ok {
		return zone.(*time.Location), nil
	}
	zone, err := time.LoadLocation(iana)
	if err != nil {
		return nil, unknown(name)
	}
	loaded.Store(iana, zone)
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

// Windows returns the Windows name of a zone whose clocks show the same as those of the
// given one from from to to; empty: there is none.
func Windows(zone *time.Location, from, to time.Time) string {
	if zone == time.UTC {
		return "UTC"
	}
	same := ""
	for _, name := range slices.Sorted(maps.Keys(windowsZones)) {
		switch o, err := Load(name); {
		case err != nil || !sameClocks(zone, o, from, to):
		case o.String() == zone.String():
			return name
		case same == "":
			same = name
		}
	}
	return same
}

// sameClocks reports whether the clocks of two zones show the same from from to to.
func sameClocks(a, b *time.Location, from, to time.Time) bool {
	for at := from; ; {
		_, offsetA := at.In(a).Zone()
		_, offsetB := at.In(b).Zone()
		if offsetA != offsetB {
			return false
		}
		next := to
		for _, zone := range []*time.Location{a, b} {
			if _, end := at.In(zone).ZoneBounds(); !end.IsZero() && end.Before(next) {
				next = end
			}
		}
		if !next.Before(to) {
			return true
		}
		at = next
	}
}

// unknown is the error for a name, which is shortened: it comes from a calendar.
func unknown(name string) error {
	const most = 60
	if runes := []rune(name); len(runes) > most {
		name = string(runes[:most]) + "…"
	}
	return fmt.Errorf("time zone %q is not known", name)
}
