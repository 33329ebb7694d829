package main

import (
	"strings"
	"testing"
	"time"

	"roomgate/driver"
)

// What a stranger wrote into a subject stays on its line.
func TestPrintReasons(t *testing.T) {
	at := time.Date(2026, 1, 14, 9, 15, 0, 0, time.UTC)
	reasons, err := reasonsOf("boardroom")([]driver.Why{
		{Point: "booked", Value: driver.BoolValue(true), Because: "the booking from 10:00 to 11:00 (Bud\nget\x1b[2J) runs",
			Until: at.Add(45 * time.Minute), Then: driver.BoolValue(false), Reason: "no booking that counts is running"},
		{Point: "next_mode", Value: driver.NoEnum(), Because: "no change of the mode is foreseen"},
		{Point: "mode", Value: driver.EnumValue("standby"), Because: "nobody came", Unless: "occupied as soon as the presence sensor detects somebody"},
	}, at, true)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := reasons.print(&out, time.FixedZone("", 3600)); err != nil {
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
