package main

import (
	"roomgate/gateway"
	"strings"
	"testing"
	"time"
)

// What a stranger wrote into a subject stays on its line.
func TestPrintReasons(t *testing.T) {
	at := time.Date(2026, 1, 14, 9, 15, 0, 0, time.UTC)
	until := at.Add(45 * time.Minute)
	reasons := gateway.RoomExplanation{Room: "boardroom", At: at, Points: []gateway.PointExplanation{
		{Point: "booked", Value: true, Because: "the booking from 10:00 to 11:00 (Bud\nget\x1b[2J) runs",
			Until: &until, Then: &gateway.NextChange{Value: false, Because: "no booking that counts is running"}},
		{Point: "next_mode", Because: "no change of the mode is foreseen"},
		{Point: "mode", Value: "standby", Because: "nobody came", Unless: "occupied as soon as the presence sensor detects somebody"},
	}}
	var out strings.Builder
	if err := printExplanation(&out, reasons, time.FixedZone("", 3600)); err != nil {
		t.Fatal(err)
	}
	const want = "" +
		"POINT      VALUE    BECAUSE (boardroom, Wed 14 Jan 10:15:00)\n" +
		"booked     true     the booking from 10:00 to 11:00 (Bud get[2J) runs\n" +
		"                    from Wed 14 Jan 11:00 false: no booking that counts is running\n" +
		"next_mode  -        no change of the mode is foreseen\n" +
		"mode       standby  nobody came\n" +
		"                    occupied as soon as the presence sensor detects somebody\n"
	if out.String() != want {
		t.Errorf("printed\n%s\nwant\n%s", out.String(), want)
	}
}
