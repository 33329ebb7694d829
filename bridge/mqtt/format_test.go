package mqtt

import (
	"testing"
	"time"

	"roomgate/bridge"
	"roomgate/driver"
)

// 2026-07-01 07:30:15.250 UTC is 08:30:15.250 in London's summer.
var summer = time.Date(2026, 7, 1, 7, 30, 15, 250e6, time.UTC)

func london(t *testing.T) *time.Location {
	zone, err := time.LoadLocation("Europe/London")
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

func TestPlainPayload(t *testing.T) {
	zone := london(t)
	for _, c := range []struct {
		name   string
		format Format
		value  driver.Value
		want   string
	}{
		{"true", Format{}, driver.BoolValue(true), "true"},
		{"false", Format{}, driver.BoolValue(false), "false"},
		{"true/false", Format{Bool: TrueFalse}, driver.BoolValue(true), "true"},
		{"1", Format{Bool: OneZero}, driver.BoolValue(true), "1"},
		{"0", Format{Bool: OneZero}, driver.BoolValue(false), "0"},
		{"ON", Format{Bool: OnOff}, driver.BoolValue(true), "ON"},
		{"OFF", Format{Bool: OnOff}, driver.BoolValue(false), "OFF"},
		{"int", Format{}, driver.IntValue(-42), "-42"},
		{"int nothing", Format{}, driver.NoInt(65535), "65535"},
		{"int nothing, stand-in 0", Format{}, driver.NoInt(0), "0"},
		{"text", Format{}, driver.TextValue(`R&D "weekly"`), `R&D "weekly"`},
		{"text nothing", Format{}, driver.TextValue(""), " "},
		{"enum", Format{}, driver.EnumValue("good"), "good"},
		{"enum without a word", Format{}, driver.EnumValue(""), " "},
		{"json", Format{Time: EpochSeconds}, driver.JSONValue(`{"a":"2026-07-01T07:30:15Z"}`), `{"a":"2026-07-01T07:30:15Z"}`},
		{"time default", Format{}, driver.TimeValue(summer), "2026-07-01T07:30:15Z"},
		{"time rfc3339", Format{Time: RFC3339, Zone: zone}, driver.TimeValue(summer), "2026-07-01T07:30:15Z"},
		{"time local", Format{Time: RFC3339Local, Zone: zone}, driver.TimeValue(summer), "2026-07-01T08:30:15+01:00"},
		{"time local without a zone", Format{Time: RFC3339Local}, driver.TimeValue(summer), "2026-07-01T07:30:15Z"},
		{"time epoch_s", Format{Time: EpochSeconds}, driver.TimeValue(summer), "1782891015"},
		{"time epoch_ms", Format{Time: EpochMillis}, driver.TimeValue(summer), "1782891015250"},
		{"time nothing", Format{}, driver.TimeValue(time.Time{}), " "},
		{"time nothing local", Format{Time: RFC3339Local, Zone: zone}, driver.TimeValue(time.Time{}), " "},
		{"time nothing epoch_s", Format{Time: EpochSeconds}, driver.TimeValue(time.Time{}), "0"},
		{"time nothing epoch_ms", Format{Time: EpochMillis}, driver.TimeValue(time.Time{}), "0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, ok := c.format.Payload(bridge.Entry{Value: c.value, Quality: driver.QualityStale, At: summer})
			if got != c.want || !ok {
				t.Errorf("Payload = %q, %t; want %q, true", got, ok, c.want)
			}
		})
	}
}

func TestPlainPayloadOfUnknownValue(t *testing.T) {
	if got, ok := (Format{}).Payload(bridge.Entry{At: summer}); ok {
		t.Errorf("Payload = %q, want none: a plain payload cannot say that a value is not known", got)
	}
}

func TestVTQPayload(t *testing.T) {
	zone := london(t)
	for _, c := range []struct {
		name   string
		format Format
		value  driver.Value
		want   string
	}{
		{"true", Format{}, driver.BoolValue(true), "true"},
		{"false keeps JSON's word", Format{Bool: OnOff}, driver.BoolValue(false), "false"},
		{"int", Format{}, driver.IntValue(42), "42"},
		{"int nothing", Format{}, driver.NoInt(65535), "null"},
		{"text", Format{}, driver.TextValue(`a "quoted"` + "\n"), `"a \"quoted\""`},
		{"text nothing", Format{}, driver.TextValue(""), "null"},
		{"enum", Format{}, driver.EnumValue("stale"), `"stale"`},
		{"json", Format{}, driver.JSONValue(`{"a":[1,2]}`), `{"a":[1,2]}`},
		{"json without a document", Format{}, driver.JSONValue(""), "null"},
		{"time", Format{}, driver.TimeValue(summer), `"2026-07-01T07:30:15Z"`},
		{"time local", Format{Time: RFC3339Local, Zone: zone}, driver.TimeValue(summer), `"2026-07-01T08:30:15+01:00"`},
		{"time epoch_s", Format{Time: EpochSeconds}, driver.TimeValue(summer), "1782891015"},
		{"time epoch_ms", Format{Time: EpochMillis}, driver.TimeValue(summer), "1782891015250"},
		{"time nothing", Format{}, driver.TimeValue(time.Time{}), "null"},
		{"time nothing epoch_s", Format{Time: EpochSeconds}, driver.TimeValue(time.Time{}), "null"},
		{"unknown", Format{}, driver.Value{}, "null"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.format.VTQ = true
			want := `{"value":` + c.want + `,"timestamp":1782891015250,"quality":"stale"}`
			got, ok := c.format.Payload(bridge.Entry{Value: c.value, Quality: driver.QualityStale, At: summer})
			if got != want || !ok {
				t.Errorf("Payload = %s, %t; want %s, true", got, ok, want)
			}
		})
	}
}

func TestTopic(t *testing.T) {
	for _, c := range []struct {
		subject     driver.Subject
		point, want string
	}{
		{roomA, "booked", "rg/hq/rooms/a/booked"},
		{account, "state", "rg/hq/accounts/main/state"},
		{gateway, "status", "rg/hq/gateway/status"},
	} {
		if got := Topic("rg", "hq", c.subject, c.point); got != c.want {
			t.Errorf("Topic = %q, want %q", got, c.want)
		}
	}
}
