package mqtt

import (
	"slices"
	"strconv"
	"testing"

	"roomgate/driver"
)

var booked, comfort = driver.OfRoom.Index(driver.Booked), driver.OfRoom.Index(driver.Comfort)

// take sends all rows that are due, and returns them as "subject index payload"
// without acknowledging them.
func take(tb *table) (rows []*row, said []string) {
	for r := tb.next(); r != nil; r = tb.next() {
		rows = append(rows, r)
		said = append(said, r.subject.ID+" "+r.point().Name+" "+r.want)
	}
	return rows, said
}

func same(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("sent %q, want %q", got, want)
	}
}

func TestTableSendsInCatalogueOrder(t *testing.T) {
	var tb table
	for _, room := range []driver.Subject{roomB, roomA} {
		tb.put(room, comfort, "1")
		tb.put(room, booked, "1")
	}
	_, said := take(&tb)
	same(t, said, "b booked 1", "a booked 1", "b comfort 1", "a comfort 1")
}

func TestTableHasOneMessageOfATopicInFlight(t *testing.T) {
	var tb table
	tb.put(roomA, booked, "1")
	rows, _ := take(&tb)
	tb.put(roomA, booked, "2")
	tb.put(roomA, booked, "3")
	_, said := take(&tb)
	same(t, said)
	tb.acknowledged(rows[0], "1")
	_, said = take(&tb)
	same(t, said, "a booked 3")
}

func TestTableSendsNothingTwice(t *testing.T) {
	var tb table
	tb.put(roomA, booked, "1")
	rows, _ := take(&tb)
	tb.acknowledged(rows[0], "1")
	tb.put(roomA, booked, "1")
	_, said := take(&tb)
	same(t, said)
}

// A value that changes and changes back while on its way is what the broker
// will show.
func TestTableForgetsAChangeThatWasUndone(t *testing.T) {
	var tb table
	tb.put(roomA, booked, "1")
	rows, _ := take(&tb)
	tb.put(roomA, booked, "2")
	tb.put(roomA, booked, "1")
	tb.acknowledged(rows[0], "1")
	_, said := take(&tb)
	same(t, said)
}

func TestTableComplete(t *testing.T) {
	var tb table
	if tb.complete() {
		t.Error("an empty table is complete")
	}
	tb.put(roomA, booked, "1")
	tb.put(roomB, booked, "1")
	rows, _ := take(&tb)
	tb.acknowledged(rows[0], "1")
	if tb.complete() {
		t.Error("complete with a row never acknowledged")
	}
	tb.put(roomA, booked, "2")
	tb.acknowledged(rows[1], "1")
	if !tb.complete() {
		t.Error("not complete, though every row was acknowledged once")
	}
}

// Changes that never end do not keep a new connection from having sent the whole
// board, nor does the board delay a change until it has been sent.
func TestTableSharesBetweenBoardAndChanges(t *testing.T) {
	var tb table
	rooms := make([]driver.Subject, 10)
	for i := range rooms {
		rooms[i] = driver.Subject{Scope: driver.OfRoom, ID: string(rune('a' + i))}
		tb.put(rooms[i], comfort, "1")
	}
	tb.put(roomA, booked, "0")
	first := tb.next()
	tb.acknowledged(first, first.want)
	var said []string
	for n := 1; !tb.complete() && n < 100; n++ {
		tb.put(roomA, booked, strconv.Itoa(n))
		r := tb.next()
		said = append(said, r.subject.ID+" "+r.point().Name)
		tb.acknowledged(r, r.want)
	}
	if !tb.complete() {
		t.Fatalf("the board is still not sent after %d messages", len(said))
	}
	for i := 1; i < len(said); i++ {
		if a, b := said[i-1] == "a booked", said[i] == "a booked"; a == b {
			t.Errorf("messages %d and %d are %s and %s, want a change and a point of the board in turn", i-1, i, said[i-1], said[i])
		}
	}
}
