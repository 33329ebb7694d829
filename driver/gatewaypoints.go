package driver

import (
	"maps"
	"slices"
	"time"
)

// gatewayRow is one point of the gateway and how its value follows from the facts.
// What is not transient is also a member of the point state.
type gatewayRow struct {
	Point
	value func(*gatewayFacts) Value // nil: the point state
}

// gatewayRows are in the order in which they are published. The gateway's status
// is not among them: it reports whether the MQTT connection is up, so the connection
// itself publishes it.
var gatewayRows = []gatewayRow{
	{Point: Point{Name: Heartbeat, Kind: Int, Unit: "s", Description: "epoch seconds, every 60 s: for the watchdog of the building management system",
		Tags: []string{"point"}, Brick: "Point", HA: "sensor", BACnet: "positive-integer-value", Transient: true},
		value: func(g *gatewayFacts) Value { return IntValue(int(g.beat.Unix())) }},
	{Point: Point{Name: GatewayState, Kind: JSON, Description: "the gateway, its accounts and what does not work in one message"}},
	{Point: Point{Name: GatewayVersion, Kind: Text, Description: "version of the program",
		Tags: []string{"point"}, Brick: "Point", HA: "sensor", BACnet: "characterstring-value"},
		value: func(g *gatewayFacts) Value { return TextValue(g.version) }},
	{Point: Point{Name: Started, Kind: Time, Description: "start of the program",
		Tags: []string{"point"}, Brick: "Point", HA: "sensor", BACnet: "datetime-value"},
		value: func(g *gatewayFacts) Value { return TimeValue(g.started) }},
	{Point: Point{Name: RoomsTotal, Kind: Int, Description: "rooms configured",
		Tags: []string{"point"}, Brick: "Point", HA: "sensor", BACnet: "positive-integer-value"},
		value: func(g *gatewayFacts) Value { return IntValue(g.rooms) }},
	{Point: Point{Name: RoomsGood, Kind: Int, Description: "rooms whose quality is good",
		Tags: []string{"point"}, Brick: "Point", HA: "sensor", BACnet: "positive-integer-value"},
		value: func(g *gatewayFacts) Value { return IntValue(g.good) }},
	{Point: Point{Name: ClockOffset, Kind: Int, Unit: "s", Description: "how far the gateway's clock is ahead of the clocks of the calendar's servers; negative: behind",
		Tags: []string{"point"}, Brick: "Point", HA: "sensor", BACnet: "integer-value"},
		value: func(g *gatewayFacts) Value { return g.clock.value() }},
}

var gatewayPoints = pointsOf(gatewayRows)

// gatewayFacts is the state of the gateway at one instant.
type gatewayFacts struct {
	site          Site
	version       string
	started, beat time.Time           // beat: the last heartbeat
	rooms, good   int                 // rooms configured, and those of good quality
	clock         clockState          // of the gateway's clock
	accounts      map[string]Value    // their summaries, by name
	problems      map[string][]string // in words, by part of the gateway
}

// fill writes the gateway's points into values.
func (g *gatewayFacts) fill(values []Value) {
	doc := newObject(512).add("site", TextValue(g.site.ID)).add("name", TextValue(g.site.Name))
	state := -1
	for i, row := range gatewayRows {
		if row.value == nil {
			state = i
			continue
		}
		values[i] = row.value(g)
		if !row.Transient {
			doc.add(row.Name, values[i])
		}
	}
	accounts := newObject(128 * len(g.accounts))
	for _, name := range slices.Sorted(maps.Keys(g.accounts)) {
		accounts.add(name, g.accounts[name])
	}
	values[state] = doc.add("accounts", accounts.value()).add("problems", g.problemList()).value()
}

// problemList renders the problems as a list of texts.
func (g *gatewayFacts) problemList() Value {
	list := []string{}
	for _, part := range slices.Sorted(maps.Keys(g.problems)) {
		for _, words := range g.problems[part] {
			list = append(list, TextValue(words).Text())
		}
	}
	return JSONValue(mustJSON(list))
}
