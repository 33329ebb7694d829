package gateway

import (
	"net/http"
	"time"

	"roomgate/driver"
)

// RoomExplanation explains the values of the points of a room.
type RoomExplanation struct {
	Room   string             `json:"room"`
	At     time.Time          `json:"at"` // UTC
	Points []PointExplanation `json:"points"`
}

// PointExplanation explains the value of a point, and its next change.
type PointExplanation struct {
	Point   string      `json:"point"`
	Value   any         `json:"value"` // null: not known, or nothing to say
	Because string      `json:"because"`
	Until   *time.Time  `json:"until,omitempty"` // UTC; left out: no change is foreseen
	Then    *NextChange `json:"then,omitempty"`
	Unless  string      `json:"unless,omitempty"`
}

// NextChange is what a point becomes.
type NextChange struct {
	Value   any    `json:"value"`
	Because string `json:"because"`
}

func (g *Gateway) answerExplain(w http.ResponseWriter, r *http.Request) {
	room := r.PathValue("id")
	whys, at, err := g.explain(r, room)
	if err != nil {
		refuse(w, g.aboutRoom(err, room))
		return
	}
	e := RoomExplanation{Room: room, At: at.UTC().Truncate(time.Second)}
	for _, why := range whys {
		e.Points = append(e.Points, explanationOf(why))
	}
	answer(w, e)
}

// explain asks the driver, whether it runs or only shows the stored state.
func (g *Gateway) explain(r *http.Request, room string) ([]driver.Why, time.Time, error) {
	if g.hasBegun() {
		return g.driver.Explain(r.Context(), room)
	}
	return g.driver.ExplainShown(room)
}

func explanationOf(why driver.Why) PointExplanation {
	e := PointExplanation{Point: why.Point, Value: plainValue(why.Value), Because: why.Because, Unless: why.Unless}
	if !why.Until.IsZero() {
		until := why.Until.UTC().Truncate(time.Second)
		e.Until, e.Then = &until, &NextChange{plainValue(why.Then), why.Reason}
	}
	return e
}

// plainValue is a point's value in JSON; nil for nothing.
func plainValue(v driver.Value) any {
	switch {
	case v.Nothing():
		return nil
	case v.Kind() == driver.Bool:
		return v.Bool()
	case v.Kind() == driver.Int:
		return v.Int()
	}
	return v.Text()
}
