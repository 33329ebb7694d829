package demo

import (
	"context"
	"fmt"
	"net"

	"roomgate/bridge"
	"roomgate/driver"
)

// introduce prints what runs where, and what to try.
func (d *demonstration) introduce() {
	host, port, _ := net.SplitHostPort(d.broker.address)
	command := d.o.Program + " --config " + d.config
	fmt.Fprintf(d.o.Out, `
The page           http://%s/
The broker         mqtt://%s
Watch every point  mosquitto_sub -h %s -p %s -t 'roomgate/#' -v
The simulator      %s/
The office's clock runs at %g times real time.

Try, in another terminal:
  show the rooms          %s rooms
  ... and why             %s rooms explain boardroom
  show the sign-in        %s accounts
  enter a room            mosquitto_pub -h %s -p %s -r -t %s -m on
  cancel a meeting        curl -X POST '%s/sim/cancel?room=boardroom&json=1'
  book a room             curl -X POST '%s/sim/book?room=boardroom&in=5m&for=30m&subject=Ad+hoc&json=1'
  revoke the sign-in      curl -X POST '%s/sim/revoke?json=1'
  ... and sign in again   %s login
  stop the broker         curl -X POST '%s/demo/cut-broker?for=10s'
Stop with Ctrl-C.

`, d.web, d.broker.address, host, port, d.simURL, d.o.Speed, command, command, command, host, port, presenceTopic(manualRoom),
		d.simURL, d.simURL, d.simURL, command, d.simURL)
}

// showChanges prints what changes on the board until ctx ends.
func (d *demonstration) showChanges(ctx context.Context, board *bridge.Board) {
	var seq uint64
	changes := changes{booked: map[string]bool{}, last: map[point]string{}}
	for {
		changed := board.Changed()
		var entries []bridge.Entry
		entries, seq = board.Since(seq)
		for _, e := range entries {
			if line := changes.describe(e); line != "" {
				fmt.Fprintf(d.o.Out, "%s  %s\n", e.At.In(d.zone).Format("Mon 15:04"), line)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-changed:
		}
	}
}

// point is a point of a room or an account.
type point struct {
	id    string
	index int
}

// changes distinguishes changes from repeated values.
type changes struct {
	booked map[string]bool // by room
	last   map[point]string
}

// describe puts a change into a line; empty: the entry is none, or not shown.
func (c changes) describe(e bridge.Entry) string {
	id := e.Subject.ID
	switch {
	case e.Is(driver.OfRoom, driver.Booked) && e.Value.Known():
		was, seen := c.booked[id]
		is := e.Value.Bool()
		c.booked[id] = is
		switch {
		case is && !was:
			return "■ " + id + " is booked"
		case seen && was && !is:
			return "□ " + id + " is free"
		}
	case e.Is(driver.OfRoom, driver.NoShow):
		if c.isNew(e, fmt.Sprint(e.Value.Bool())) && e.Value.Bool() {
			return "… nobody has come to " + id
		}
	case e.Is(driver.OfRoom, driver.WalkIn):
		if c.isNew(e, fmt.Sprint(e.Value.Bool())) && e.Value.Bool() {
			return "+ somebody without a booking is in " + id
		}
	case e.Is(driver.OfAccount, driver.AccountState), e.Is(driver.OfAccount, driver.AccountReason):
		words := e.Value.Text()
		if words != "" && words != driver.Refreshing.String() && c.isNew(e, words) {
			return "  account " + id + ": " + words
		}
	}
	return ""
}

// isNew notes a value and tells whether it differs from the last.
func (c changes) isNew(e bridge.Entry, value string) bool {
	p := point{e.Subject.ID, e.Index}
	was := c.last[p]
	c.last[p] = value
	return was != value
}
