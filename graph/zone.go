package graph

import (
	"fmt"
	"strings"
	"sync"
	"time"
	_ "time/tzdata" // a gateway's own zone files may be missing or trimmed
)

//go:generate sh -c "go run gen_windowszones.go testdata/windowsZones.json > windowszones.go"

// zones keeps loaded zones: the same few names come with every row.
var zones sync.Map

// newZones are names that Windows has and no release of CLDR yet: they are in
// common/supplemental/windowsZones.xml of github.com/unicode-org/cldr since 2026.
var newZones = map[string]string{
	"Alberta Standard Time":          "America/Edmonton",
	"British Columbia Standard Time": "America/Vancouver",
}

// LoadZone returns the zone of a name as Microsoft writes it: UTC, an IANA name or
// a Windows name (learn.microsoft.com/graph/api/resources/datetimetimezone).
// Its error names a zone that is neither, such as tzone://Microsoft/Custom.
func LoadZone(name string) (*time.Location, error) {
	switch {
	case name == "" || strings.EqualFold(name, "UTC") || strings.EqualFold(name, "tzone://Microsoft/Utc"):
		return time.UTC, nil
	case strings.EqualFold(name, "Local"):
		return nil, fmt.Errorf("time zone %q is not known", name) // time.LoadLocation would take the gateway's own
	}
	if z, ok := zones.Load(name); ok {
		return z.(*time.Location), nil
	}
	iana := name
	if w, ok := windowsZones[name]; ok {
		iana = w
	} else if w, ok := newZones[name]; ok {
		iana = w
	}
	z, err := time.LoadLocation(iana)
	if err != nil {
		return nil, fmt.Errorf("time zone %q is not known", cut(name, 60))
	}
	zones.Store(name, z)
	return z, nil
}
