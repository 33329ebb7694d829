package mqtt

import "roomgate/driver"

// table is, for one connection, what the broker is to show of every point and
// what it has acknowledged. Rows that differ wait their turn in the order of
// the catalogue, so that what plant is driven from goes first when many change
// at once.
type table struct {
	rows map[driver.Subject][]row
	due  [][]*row // by the point's index in its catalogue; first in, first out
	open int      // rows of which nothing was acknowledged yet
}

// row is one point. A payload is never empty, so an empty one means none yet.
type row struct {
	subject driver.Subject
	index   int
	want    string // newest
	have    string // acknowledged by the broker
	busy    bool   // in due or on its way to the broker
}

func (r *row) point() *driver.Point { return &driver.Catalogue(r.subject.Scope)[r.index] }

// put takes over the newest payload of a point.
func (t *table) put(s driver.Subject, index int, payload string) {
	if t.rows == nil {
		t.rows = map[driver.Subject][]row{}
	}
	rows := t.rows[s]
	if rows == nil {
		rows = make([]row, len(driver.Catalogue(s.Scope)))
		t.rows[s] = rows
	}
	r := &rows[index]
	if r.want == "" {
		r.subject, r.index = s, index
		t.open++
	}
	r.want = payload
	t.queue(r)
}

// queue lines the row up, unless it has its turn already or need not have one.
func (t *table) queue(r *row) {
	if r.busy || r.want == r.have {
		return
	}
	for len(t.due) <= r.index {
		t.due = append(t.due, nil)
	}
	r.busy = true
	t.due[r.index] = append(t.due[r.index], r)
}

// next takes the row whose turn it is; nil when none is due. Until
// [table.acknowledged] is called the row is on its way and has no other turn:
// two messages of one topic under way at once could arrive in either order.
func (t *table) next() *row {
	for i, rows := range t.due {
		if len(rows) > 0 {
			t.due[i] = rows[1:]
			return rows[0]
		}
	}
	return nil
}

// acknowledged notes that the broker has taken the payload of a row.
func (t *table) acknowledged(r *row, payload string) {
	if r.have == "" {
		t.open--
	}
	r.have, r.busy = payload, false
	t.queue(r)
}

// complete tells whether the broker has acknowledged a payload of every point.
func (t *table) complete() bool { return len(t.rows) > 0 && t.open == 0 }
