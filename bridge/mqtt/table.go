package mqtt

import "roomgate/driver"

// table is, for one connection, the payload that the broker should hold of every
// point, and the one it has acknowledged. Rows that differ are sent in the order
// of the catalogue, so that points that control plant are sent first when many
// change at once.
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
	busy    bool   // in due, or sent and not acknowledged
	removed bool   // its subject was removed
}

func (r *row) point() *driver.Point { return &driver.Catalogue(r.subject.Scope)[r.index] }

// put stores the newest payload of a point.
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

// queue queues the row, unless it is queued or the broker has its payload.
func (t *table) queue(r *row) {
	if r.busy || r.removed || r.want == r.have {
		return
	}
	for len(t.due) <= r.index {
		t.due = append(t.due, nil)
	}
	r.busy = true
	t.due[r.index] = append(t.due[r.index], r)
}

// next takes the next row to send; nil when none is due. Until
// [table.acknowledged] is called it is not due again: of two unacknowledged
// messages of one topic either could arrive last.
func (t *table) next() *row {
	for i := range t.due {
		for len(t.due[i]) > 0 {
			r := t.due[i][0]
			t.due[i] = t.due[i][1:]
			if !r.removed {
				return r
			}
		}
	}
	return nil
}

// remove removes a subject.
func (t *table) remove(s driver.Subject) {
	rows := t.rows[s]
	for i := range rows {
		if rows[i].want != "" && rows[i].have == "" {
			t.open--
		}
		rows[i].removed = true
	}
	delete(t.rows, s)
}

// acknowledged records that the broker has the payload of a row.
func (t *table) acknowledged(r *row, payload string) {
	if r.have == "" && !r.removed {
		t.open--
	}
	r.have, r.busy = payload, false
	t.queue(r)
}

// complete reports whether the broker has acknowledged a payload of every point.
func (t *table) complete() bool { return len(t.rows) > 0 && t.open == 0 }
