package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"roomgate/driver"
	"roomgate/gateway"
)

// roomsWatch prints the state of the rooms whenever it changes.
type roomsWatch struct {
	gateway *gateway.Client
	clock   driver.Clock
	zone    *time.Location
	out     io.Writer
	errOut  io.Writer
	redraw  bool // out is a terminal: the newest table takes the place of the one before
	asJSON  bool // a line of JSON for every change

	shown []byte // the relevant part of the last output; nil: there is none
	lost  bool   // the gateway did not answer the last question
}

// watchEvery is how often the gateway is asked; it is on this machine.
const watchEvery = time.Second

func (g *globals) watchRooms(cmd *cobra.Command, d *gateway.Client, zone *time.Location, asJSON bool) error {
	if err := g.mustRun(d); err != nil {
		return err
	}
	w := roomsWatch{gateway: d, clock: driver.WallClock{}, zone: zone, out: cmd.OutOrStdout(), errOut: cmd.ErrOrStderr(),
		redraw: gateway.IsTerminal(cmd.OutOrStdout()), asJSON: asJSON}
	return w.run(cmd.Context())
}

// run watches until ctx ends, which is no error. A gateway that stops may be
// starting again, so it is waited for.
func (w *roomsWatch) run(ctx context.Context) error {
	for {
		doc, err := w.gateway.Rooms(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil && !w.lost:
			w.lost, w.shown = true, nil
			fmt.Fprintf(w.errOut, "waiting for the gateway: %s\n", gateway.OneLine(err.Error()))
		case err == nil:
			w.lost = false
			if err := w.show(doc); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-w.clock.After(watchEvery):
		}
	}
}

// show prints the document if it says something new.
func (w *roomsWatch) show(doc json.RawMessage) error {
	text, counts, err := w.render(doc)
	if err != nil || bytes.Equal(counts, w.shown) {
		return err
	}
	w.shown = counts
	if w.redraw {
		err = gateway.Control(w.out, "\x1b[H\x1b[2J") // to the corner, and clear (ECMA-48 §8.3.21 and §8.3.39)
	}
	_, errText := w.out.Write(text)
	return errors.Join(err, errText)
}

// render returns the document as it is shown, and the part of it whose change
// counts.
func (w *roomsWatch) render(doc json.RawMessage) (text, counts []byte, err error) {
	var out bytes.Buffer
	if w.asJSON {
		if err := json.Compact(&out, doc); err != nil {
			return nil, nil, fmt.Errorf("reading the rooms: %w", err)
		}
		counts, err = gateway.WithoutCounters(doc)
		return append(out.Bytes(), '\n'), counts, err
	}
	if err := printRooms(&out, doc, w.zone); err != nil {
		return nil, nil, err
	}
	form := "%s\n%s\n"
	if w.redraw {
		form = "%s\n%s"
	}
	return fmt.Appendf(nil, form, w.clock.Now().In(w.zone).Format("2006-01-02 15:04:05"), out.Bytes()), out.Bytes(), nil
}
