package graph

import (
	"strings"
	"time"

	"roomgate/zones"
)

// loadZone returns the zone of a name as Graph writes it: an IANA name, a Windows
// name or tzone://Microsoft/Utc; UTC where the name is empty
// (learn.microsoft.com/graph/api/resources/datetimetimezone). The error names a
// zone that is none of these, such as tzone://Microsoft/Custom.
func loadZone(name string) (*time.Location, error) {
	if name == "" || strings.EqualFold(name, "tzone://Microsoft/Utc") {
		return time.UTC, nil
	}
	return zones.Load(name)
}
