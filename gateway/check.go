package gateway

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"slices"

	"roomgate/config"
	"roomgate/driver"
)

// Check calls found with the doctor's findings as they come, with the state of the
// rooms and parts of a running gateway.
func (c *Client) Check(ctx context.Context, cfg *config.Config, found func(driver.Finding)) error {
	if !c.Running {
		return c.examine(ctx, found)
	}
	doc, err := c.Rooms(ctx)
	if err != nil {
		return err
	}
	rooms, err := ReadRooms(doc)
	if err != nil {
		return err
	}
	err = c.examine(ctx, func(f driver.Finding) {
		if i := slices.IndexFunc(rooms, func(r RoomStatus) bool { return f.Subject == "room "+r.ID }); i >= 0 && f.Level == driver.LevelGood {
			f = shown(f, rooms[i], cfg)
		}
		found(f)
	})
	if err != nil {
		return err
	}
	parts, err := c.Parts(ctx)
	each(partFindings(parts), found)
	return err
}

// examine calls found with the findings that the gateway sends.
func (c *Client) examine(ctx context.Context, found func(driver.Finding)) error {
	return c.ask(ctx, http.MethodGet, "/control/check", nil, func(body io.Reader) error {
		for lines := json.NewDecoder(body); ; {
			var f driver.Finding
			if err := lines.Decode(&f); errors.Is(err, io.EOF) {
				return nil
			} else if err != nil {
				return fmt.Errorf("reading the running gateway's answer: %w", err)
			}
			found(f)
		}
	})
}

// CheckConfiguration calls found with what is said of a configuration: its file and the
// permissions of that, and what is probably a mistake.
func CheckConfiguration(path string, cfg *config.Config, found func(driver.Finding)) {
	f := driver.Finding{Subject: "configuration", Level: driver.LevelGood, Words: fmt.Sprintf("%s: accounts: %d, rooms: %d", path, len(cfg.Accounts), len(cfg.Rooms))}
	if info, err := os.Stat(path); err == nil && info.Mode().Perm()&0o022 != 0 {
		f.Level, f.Words = driver.LevelWarning, f.Words+"; other users of this machine can change it"
		f.Action = "chmod go-w " + path
	}
	found(f)
	for _, w := range cfg.Warnings {
		f := driver.Finding{Subject: "configuration", Level: driver.LevelWarning, Action: w.Fix}
		w.Fix = ""
		f.Words = w.String()
		found(f)
	}
}

// levelColours are the colours of the levels: green, yellow and red (ECMA-48 §8.3.117).
var levelColours = map[driver.Level]string{driver.LevelGood: "\x1b[32m", driver.LevelWarning: "\x1b[33m", driver.LevelBad: "\x1b[31m"}

// WriteFinding writes a finding for people, with its level in colour for a terminal that
// shows colours.
func WriteFinding(w io.Writer, f driver.Finding, colour bool) {
	paint := func(sequence string) {
		if colour {
			_ = Control(w, sequence)
		}
	}
	paint(levelColours[f.Level])
	fmt.Fprintf(w, "%-8s", f.Level)
	paint("\x1b[0m")
	const indent = "         "
	fmt.Fprintf(w, " %s: %s\n", OneLine(f.Subject), Continued(f.Words, indent))
	if f.Action != "" {
		fmt.Fprintf(w, "%sto do: %s\n", indent, Continued(f.Action, indent))
	}
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
