package mqtt

import "roomgate/driver"

// table is, for one connection, the payload that the broker should hold of every
// point, and the one it has acknowledged. Rows that differ are sent in the order
// of the catalogue, so that points that control plant are sent first when many
// change at once. Rows of which nothing was acknowledged yet, and changes of the
// others, are sent in turn, so that neither has to wait until the other is done.
type table struct {
	rows        map[driver.Subject][]row
	open        int  // rows of which nothing was acknowledged yet, without those that are set aside
	any         bool // a row was acknowledged
	first       due  // of these
	changes     due  // of the others
	changesNext bool // the next row is one of changes, if there are any
}

// due are rows to be sent, by the point's index in its catalogue; each list is first
// in, first out.
type due [][]*row

func (d *due) push(r *row) {
	for len(*d) <= r.index {
		*d = append(*d, nil)
	}
	(*d)[r.index] = append((*d)[r.index], r)
}

// pop returns the first row whose subject was not removed; nil: there is none.
func (d due) pop() *row {
	for i := range d {
		for len(d[i]) > 0 {
			r := d[i][0]
			d[i] = d[i][1:]
			if !r.removed {
				return r
			}
		}
	}
	return nil
}

// row is one point. A payload is never empty, so an empty one means none yet.
type row struct {
	subject driver.Subject
	index   int
	want    string // newest
	have    string // acknowledged by the broker
	busy    bool   // due, or sent and not acknowledged
	removed bool   // its subject was removed
	aside   bool   // nothing was acknowledged yet, and its payload is not sent
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
	r.busy = true
	if r.have == "" {
		t.first.push(r)
	} else {
		t.changes.push(r)
	}
}

// next takes the next row to send; nil when none is due. Until
// [table.acknowledged] is called it is not due again: of two unacknowledged
// messages of one topic either could arrive last.
func (t *table) next() *row {
	this, other := t.first, t.changes
	if t.changesNext {
		this, other = other, this
	}
	t.changesNext = !t.changesNext
	if r := this.pop(); r != nil {
		return r
	}
	return other.pop()
}

// remove removes a subject.
func (t *table) remove(s driver.Subject) {
	rows := t.rows[s]
	for i := range rows {
		if rows[i].want != "" && rows[i].have == "" && !rows[i].aside {
			t.open--
		}
		rows[i].removed = true
	}
	delete(t.rows, s)
}

// acknowledged records that the broker has the payload of a row.
func (t *table) acknowledged(r *row, payload string) {
	if r.have == "" && !r.removed && !r.aside {
		t.open--
	}
	r.have, r.busy, r.aside = payload, false, false
	t.any = true
	t.queue(r)
}

// setAside records that the payload of a row that was taken with next is not sent.
func (t *table) setAside(r *row) {
	r.busy = false
	if r.have == "" && !r.removed && !r.aside {
		r.aside = true
		t.open--
	}
}

// complete reports whether the broker has acknowledged a payload of every point that is not
// set aside.
func (t *table) complete() bool { return len(t.rows) > 0 && t.any && t.open == 0 }
