package mqtt

import (
	"strings"
	"testing"

	"roomgate/driver"
)

var (
	cannotTell = driver.Presence{}
	present    = driver.Presence{Known: true, On: true}
	absent     = driver.Presence{Known: true}

	usualOn  = []string{"true", "1", "on", "occupied", "present", "yes"}
	usualOff = []string{"false", "0", "off", "unoccupied", "absent", "no"}
)

func above(limit float64) Reading { return Reading{Above: &limit, On: usualOn, Off: usualOff} }

func at(path string) Reading { return Reading{Path: path, On: usualOn, Off: usualOff} }

func TestReading(t *testing.T) {
	usual := at("")
	lonmark := Reading{On: []string{"0", "2"}, Off: []string{"1", "3"}}
	co2At := above(600)
	co2At.Path = "data.co2"
	for _, c := range []struct {
		name    string
		reading Reading
		payload string
		want    driver.Presence
	}{
		{"a word", usual, "on", present},
		{"the other word", usual, "off", absent},
		{"in upper case", usual, "OFF", absent},
		{"with spaces around", usual, " \tTrue\r\n", present},
		{"a word of several", Reading{On: []string{"in use"}, Off: []string{"free"}}, "In Use", present},
		{"a configured word with spaces around", Reading{On: []string{" active "}}, "active", present},
		{"only a part of a word", usual, "onwards", cannotTell},
		{"nothing", usual, "", cannotTell},
		{"spaces", usual, "   ", cannotTell},
		{"unavailable", usual, "unavailable", cannotTell},
		{"null", usual, "null", cannotTell},
		{"binary", usual, "\x00\xff\xfe", cannotTell},
		{"a digit", usual, "1", present},
		{"a number that is no word", usual, "2", cannotTell},
		{"a number that is a word only as a value", usual, "1.0", cannotTell},
		{"JSON without a path", usual, `"on"`, cannotTell},
		{"no words at all", Reading{}, "", cannotTell},

		{"LonMark occupied", lonmark, "0", present},
		{"LonMark unoccupied", lonmark, "1", absent},
		{"LonMark bypass", lonmark, "2", present},
		{"LonMark nul", lonmark, "255", cannotTell},

		{"a number above", above(0), "3", present},
		{"the limit itself", above(0), "0", absent},
		{"below", above(0), "-2", absent},
		{"a fraction", above(0.5), "0.51", present},
		{"with an exponent", above(600), "6.5e2", present},
		{"a number wins over a word", above(1), "1", absent},
		{"a word beside numbers", above(0), "off", absent},
		{"a word beside numbers that is none", above(0), "error", cannotTell},
		{"no number", above(0), "NaN", cannotTell},
		{"without end", above(0), "Infinity", cannotTell},
		{"too great", above(0), "1e999", cannotTell},
		{"with a unit", above(600), "700 ppm", cannotTell},
		{"with a comma", above(0), "0,7", cannotTell},

		{"true in JSON", at("occupancy"), `{"occupancy": true, "battery": 97}`, present},
		{"false in JSON", at("occupancy"), `{"battery": 97, "occupancy": false}`, absent},
		{"a string in JSON", at("state"), `{"state":" Present "}`, present},
		{"a number in JSON, as it is written", at("state"), `{"state":1}`, present},
		{"another writing of it", at("state"), `{"state":1.0}`, cannotTell},
		{"a number above, in JSON", co2At, `{"data":{"co2":601}}`, present},
		{"a number above, in a string", co2At, `{"data":{"co2":"601"}}`, present},
		{"a number below, in JSON", co2At, `{"data":{"co2":600}}`, absent},
		{"an element", at("values[0].state"), `{"values":[{"state":"present"},{"state":"absent"}]}`, present},
		{"another element", at("values[1].state"), `{"values":[{"state":"present"},{"state":"absent"}]}`, absent},
		{"an element of an element", at("[1][0]"), `[[],["off"]]`, absent},
		{"a name of digits", at("a.0"), `{"a":{"0":"on"}}`, present},
		{"a name with other letters", at("prä senz.$x"), `{"prä senz":{"$x":"yes"}}`, present},
		{"names have case", at("State"), `{"state":"on"}`, cannotTell},
		{"no such name", at("occupancy"), `{"battery":97}`, cannotTell},
		{"no such element", at("values[2]"), `{"values":["on","on"]}`, cannotTell},
		{"a name where a list is", at("values.state"), `{"values":[{"state":"on"}]}`, cannotTell},
		{"an element where names are", at("[0]"), `{"0":"on"}`, cannotTell},
		{"further than it goes", at("a.b"), `{"a":"on"}`, cannotTell},
		{"not as far as it goes", at("a"), `{"a":{"b":"on"}}`, cannotTell},
		{"null in JSON", Reading{Path: "a", On: []string{"null"}}, `{"a":null}`, cannotTell},
		{"no JSON", at("a"), `on`, cannotTell},
		{"half a JSON", at("a"), `{"a":"on"`, cannotTell},
		{"more than a JSON", at("a"), `{"a":"on"} {"a":"off"}`, cannotTell},

		{"the longest", at("a"), `{"a":"on"}` + strings.Repeat(" ", 64<<10-10), present},
		{"too long", at("a"), `{"a":"on"}` + strings.Repeat(" ", 64<<10-9), cannotTell},
		{"too long without a path", usual, "on" + strings.Repeat(" ", 64<<10), cannotTell},
		{"deep", at("a"), strings.Repeat("[", 60_000), cannotTell},
	} {
		if got := c.reading.Presence([]byte(c.payload)); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}

// Whatever comes, reading it never panics, and what cannot be told is not on.
func FuzzPayload(f *testing.F) {
	for _, payload := range []string{"on", "0", "22.5", `{"values":[{"state":"present"}]}`, `{"a":1e400}`, "\xff\x00", "", "[[[["} {
		f.Add([]byte(payload), "values[0].state", 0.5)
		f.Add([]byte(payload), "", 600.0)
	}
	f.Fuzz(func(t *testing.T, payload []byte, path string, limit float64) {
		words := Reading{Path: path, On: usualOn, Off: usualOff}
		numbers := words
		numbers.Above = &limit
		byWord, byNumber := words.Presence(payload), numbers.Presence(payload)
		for _, p := range []driver.Presence{byWord, byNumber} {
			if p.On && !p.Known {
				t.Errorf("%q at %q: on, and yet not known", payload, path)
			}
		}
		if byWord.Known && !byNumber.Known {
			t.Errorf("%q at %q: a threshold hides a word", payload, path)
		}
	})
}
