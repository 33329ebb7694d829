package graphsim

import (
	"fmt"
	"sync"
	"time"
)

// windowsZones maps the supported Windows names to IANA zones (unicode.org CLDR, windowsZones.xml).
var windowsZones = map[string]string{
	"UTC":                            "UTC",
	"GMT Standard Time":              "Europe/London",
	"W. Europe Standard Time":        "Europe/Berlin",
	"Romance Standard Time":          "Europe/Paris",
	"Central Europe Standard Time":   "Europe/Budapest",
	"Central European Standard Time": "Europe/Warsaw",
	"E. Europe Standard Time":        "Europe/Chisinau",
	"FLE Standard Time":              "Europe/Kiev",
	"GTB Standard Time":              "Europe/Bucharest",
	"Greenwich Standard Time":        "Atlantic/Reykjavik",
	"Pacific Standard Time":          "America/Los_Angeles",
	"Mountain Standard Time":         "America/Denver",
	"Central Standard Time":          "America/Chicago",
	"Eastern Standard Time":          "America/New_York",
	"India Standard Time":            "Asia/Calcutta",
	"Singapore Standard Time":        "Asia/Singapore",
	"Tokyo Standard Time":            "Asia/Tokyo",
	"AUS Eastern Standard Time":      "Australia/Sydney",
	"New Zealand Standard Time":      "Pacific/Auckland",
	"Nepal Standard Time":            "Asia/Kathmandu",
	"Line Islands Standard Time":     "Pacific/Kiritimati",
	"UTC-11":                         "Pacific/Pago_Pago",
	"Pacific SA Standard Time":       "America/Santiago",
}

// windowsNames maps IANA zones to Windows names.
var windowsNames = func() map[string]string {
	names := map[string]string{}
	for w, iana := range windowsZones {
		names[iana] = w
	}
	return names
}()

// locations caches zones, because loading one reads a file.
var locations sync.Map

// location loads a zone by its IANA name.
func location(iana string) (*time.Location, error) {
	if cached, ok := locations.Load(iana); ok {
		return cached.(*time.Location), nil
	}
	loc, err := time.LoadLocation(iana)
	if err == nil {
		locations.Store(iana, loc)
	}
	return loc, err
}

// loadZone finds a zone by its Windows or IANA name.
func loadZone(name string) (*time.Location, error) {
	iana := name
	if w, ok := windowsZones[name]; ok {
		iana = w
	}
	if iana == "" || iana == "Local" {
		return nil, fmt.Errorf("no time zone %q", name)
	}
	return location(iana)
}

// windowsName returns the Windows name of an IANA zone, or the name itself if there is none.
func windowsName(iana string) string {
	if iana == "" {
		return "UTC"
	}
	return orText(windowsNames[iana], iana)
}
