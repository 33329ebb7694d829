package gateway

import (
	"cmp"
	"context"
	"maps"
	"net/http"
	"slices"

	"roomgate/config"
	"roomgate/driver"
)

// Check returns the doctor's findings, with the state of the rooms and parts of a
// running gateway.
func (c *Client) Check(ctx context.Context, cfg *config.Config) ([]driver.Finding, error) {
	findings := []driver.Finding{{Subject: "database", Level: driver.LevelGood, Words: cfg.Store.Path}}
	var found []driver.Finding
	if err := c.call(ctx, http.MethodGet, "/control/check", nil, &found); err != nil {
		return nil, err
	}
	findings = append(findings, found...)
	if !c.Running {
		return findings, nil
	}
	findings[0].Words += " is open in the running gateway"
	doc, err := c.Rooms(ctx)
	if err != nil {
		return nil, err
	}
	rooms, err := ReadRooms(doc)
	if err != nil {
		return nil, err
	}
	for i, f := range findings {
		if j := slices.IndexFunc(rooms, func(r RoomStatus) bool { return f.Subject == "room "+r.ID }); j >= 0 && f.Level == driver.LevelGood {
			findings[i] = shown(f, rooms[j], cfg)
		}
	}
	parts, err := c.Parts(ctx)
	return append(findings, partFindings(parts)...), err
}

// shown is the finding that a room can be read, with what the room shows in place
// of what was read.
func shown(f driver.Finding, room RoomStatus, cfg *config.Config) driver.Finding {
	if room.Quality == driver.QualityGood.String() {
		f.Words = room.Now(cfg.Site.Timezone)
	} else {
		f.Level, f.Words = driver.LevelBad, room.Quality+": "+room.Fault
	}
	return f
}

// partFindings are the findings about the parts of the running gateway.
func partFindings(parts map[string]PartStatus) []driver.Finding {
	var findings []driver.Finding
	for _, name := range slices.Sorted(maps.Keys(parts)) {
		f := driver.Finding{Subject: "part " + name, Level: driver.LevelGood, Words: cmp.Or(parts[name].Words, "running")}
		if !parts[name].OK {
			f.Level = driver.LevelBad
		}
		findings = append(findings, f)
	}
	return findings
}
