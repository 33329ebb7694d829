package driver

import "time"

// gatewayState is what the loop knows of the gateway itself.
type gatewayState struct {
	started  time.Time
	beat     time.Time     // the last heartbeat
	nextBeat time.Duration // by the driver's stopwatch; it has passed: derive the gateway now
	values   []Value
}

// heartbeatEvery is the promise the building's watchdog relies on.
const heartbeatEvery = time.Minute

// deriveGateway works out the gateway's points at now.
func (d *Driver) deriveGateway(now time.Time) Update {
	g := &d.gateway
	if g.values == nil {
		g.values = make([]Value, gatewayPointCount)
	}
	if elapsed := d.elapsed(); elapsed >= g.nextBeat {
		g.beat, g.nextBeat = now, elapsed+heartbeatEvery
	}
	good := 0
	for _, r := range d.rooms {
		if r.facts.Quality == QualityGood {
			good++
		}
	}
	g.values[Heartbeat] = IntValue(int(g.beat.Unix()))
	g.values[GatewayVersion] = TextValue(d.o.Version)
	g.values[Started] = TimeValue(g.started)
	g.values[RoomsTotal] = IntValue(len(d.rooms))
	g.values[RoomsGood] = IntValue(good)
	g.values[GatewayState] = JSONValue(d.gatewayJSON(good))
	return Update{Subject: Subject{Scope: OfGateway}, At: now.UTC(), Quality: QualityGood, Values: g.values}
}

func (d *Driver) gatewayJSON(good int) string {
	type account struct {
		State  string `json:"state"`
		Reason string `json:"reason,omitempty"`
	}
	doc := struct {
		Site       string             `json:"site"`
		Name       string             `json:"name"`
		Version    string             `json:"version"`
		Started    string             `json:"started"`
		RoomsTotal int                `json:"rooms_total"`
		RoomsGood  int                `json:"rooms_good"`
		Accounts   map[string]account `json:"accounts"`
	}{d.o.Site.ID, d.o.Site.Name, d.o.Version, rfc3339(d.gateway.started), len(d.rooms), good, map[string]account{}}
	for _, a := range d.accounts {
		doc.Accounts[a.Name] = account{a.values[AccountState].Text(), a.values[AccountReason].Text()}
	}
	return mustJSON(doc)
}
