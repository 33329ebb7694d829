package demo

import (
	"fmt"
	"path/filepath"
	"strings"

	"roomgate/graph/graphsim"
)

// configuration is a configuration like any site's, in TOML, so that the other
// commands work on the demonstration too. The database is in dir. All values are
// printable, so that Go and TOML quote them alike.
func (d *demonstration) configuration(dir string) string {
	var b strings.Builder
	fmt.Fprintf(&b, `# Written by 'roomgate demo', which deletes it when it ends.
[site]
id = "demo"
name = "Demonstration office"
timezone = %q

%s
[defaults.room]
lead = "15m"
privacy = "subject"
presence_timeout = "0s"

[mqtt]
broker = %q

[web]
listen = %q

[store]
path = %q
`, d.zone.String(), graphsim.AccountTOML(account, d.simURL), "mqtt://"+d.broker.address, d.web,
		filepath.Join(dir, "state", "roomgate.db"))
	for _, r := range graphsim.OfficeRooms() {
		fmt.Fprintf(&b, `
[[room]]
id = %q
name = %q
match = [%q, %q]
building = %q
floor = %q
capacity = %d
presence_topic = %q
`, roomID(r), r.Name, r.Name, r.Address, r.Building, r.FloorLabel, r.Capacity, presenceTopic(roomID(r)))
	}
	return b.String()
}
