package driver

import "slices"

// Point describes what is published under one topic, and its metadata for other
// systems.
type Point struct {
	Name        string
	Kind        Kind
	Unit        string   // unit of an Int: min, s, %, d; empty: a plain number
	Values      []string // words of an Enum
	Description string
	Tags        []string // Project Haystack 4 markers
	Brick       string   // Brick 1.4 class
	HA          string   // Home Assistant component
	BACnet      string   // suggested BACnet object type
	Metric      Metric
	Transient   bool // a heartbeat: QoS 0, never retained
}

// Metric is how a point is exposed to Prometheus; the zero Metric: it is not. A
// Bool is 0 or 1 and a Time is in epoch seconds. An Enum has one sample for each of
// its words, of which one is 1; its label has the name of the point.
type Metric struct {
	Name    string // without its prefix for the scope, as in roomgate_room_<name>
	Help    string
	Counter bool // it only grows until the program restarts; otherwise a gauge
}

// Scope is the kind of subject that a point belongs to.
type Scope uint8

const (
	OfRoom Scope = iota
	OfAccount
	OfGateway
)

// Subject is one thing that has points: a room, an account or the gateway.
type Subject struct {
	Scope Scope
	ID    string // room id or account name; empty for the gateway
}

// Catalogue returns the points of a scope in the order in which they are published
// when many change at once: points that control plant come first. The slice is
// shared and must not be changed.
func Catalogue(s Scope) []Point {
	switch s {
	case OfRoom:
		return roomPoints
	case OfAccount:
		return accountPoints
	}
	return gatewayPoints
}

// Index returns the index of a point in the catalogue of the scope; -1: the scope
// has no point of that name.
func (s Scope) Index(name string) int {
	return slices.IndexFunc(Catalogue(s), func(p Point) bool { return p.Name == name })
}

// pointsOf returns the points of the rows of a catalogue.
func pointsOf[R interface{ point() Point }](rows []R) []Point {
	points := make([]Point, len(rows))
	for i, r := range rows {
		points[i] = r.point()
	}
	return points
}

func (p Point) point() Point { return p }

// NotForeseen is published for minutes and days to something whose time is not
// known: the largest value of the 16-bit counters of building automation (the
// time-to-next-state field of LonMark's SNVT_tod_event).
const NotForeseen = 65535
