package config

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// bySchedule is the fail_safe that uses the weekly schedule.
const bySchedule = "schedule"

// failSafe reports contradictions in the fail-safe settings of a room. A
// fail_after that is left out becomes stale_after where that is longer.
func (c *checker) failSafe(path string, r *Room, site Week) {
	at := c.inherited(path, "fail_after")
	_, written := c.lines[at]
	switch {
	case r.FailAfter >= r.StaleAfter:
	case written:
		c.add(at, "is shorter than stale_after, "+short(r.StaleAfter)+": fail_safe would act while the quality is good", seen(short(r.FailAfter), ""),
			"lengthen it, or shorten stale_after")
	default:
		r.FailAfter = r.StaleAfter
	}
	if r.FailSafe == bySchedule && !r.Week.over(site).given() {
		c.add(c.inherited(path, "fail_safe"), "needs a weekly schedule", seen(r.FailSafe, ""), `add [site.schedule] with mon = ["07:00-18:30"] and the other days`)
	}
}

// presence reports contradictions in the settings of a room's sensor. Topics that
// begin with own are published by the gateway.
func (c *checker) presence(path string, r Room, own string) {
	if strings.HasPrefix(r.PresenceTopic, own) {
		c.add(join(path, "presence_topic"), "is a topic that the gateway publishes", seen(r.PresenceTopic, ""), "name the topic of the sensor")
	}
	words := map[string]bool{}
	for _, word := range r.PresenceOn {
		words[plainWord(word)] = true
	}
	for _, word := range r.PresenceOff {
		if words[plainWord(word)] {
			c.add(c.inherited(path, "presence_off"), "contains a word of presence_on", seen(word, ""), "keep it in one of the two")
		}
	}
	if r.PresenceAbove != nil {
		return
	}
	if len(r.PresenceOn) == 0 {
		c.add(c.inherited(path, "presence_on"), "is empty, so that nobody would ever be present", "", `write ["true"], or add presence_above`)
	}
	if len(r.PresenceOff) == 0 {
		c.add(c.inherited(path, "presence_off"), "is empty, so that nobody would ever be absent", "", `write ["false"], or add presence_above`)
	}
}

// plainWord returns a word in the form that payloads are compared in.
func plainWord(s string) string { return strings.ToLower(strings.TrimSpace(s)) }

// ineffective reports settings without effect: those of one room, and shared ones that
// no room uses.
func (c *checker) ineffective(f file, rooms []Room, accounts []Account) {
	const noSensor = "has no effect without presence_topic"
	var sensor, subjects bool // some room has it
	var reason Complaint      // why a room has no subjects
	for i, r := range rooms {
		path := element("room", i)
		if r.PresenceTopic == "" {
			c.without(path, "presence_topic", r.RoomSettings, f.Defaults.Room, noSensor)
		}
		none := withoutSubjects(r, accounts)
		if none.Message != "" && len(r.Rules) > 0 {
			c.add(join(path, "rule"), none.Message, "", none.Fix)
		}
		sensor, subjects = sensor || r.PresenceTopic != "", subjects || none.Message == ""
		reason = cmp.Or(reason, none)
	}
	if len(rooms) == 0 {
		return
	}
	if !sensor {
		c.without("defaults.room", "presence_topic", f.Defaults.Room, defaults().Defaults.Room, noSensor+", which no room has")
	}
	if !subjects && len(f.Defaults.Room.Rules) > 0 {
		c.add("defaults.room.rule", reason.Message, "", reason.Fix)
	}
}

// withoutSubjects says why rules have no effect in a room whose account reads no
// subjects.
func withoutSubjects(r Room, accounts []Account) Complaint {
	i := slices.IndexFunc(accounts, func(a Account) bool { return a.Name == r.Account })
	if i < 0 {
		return Complaint{}
	}
	can := accounts[i].Settings.Abilities()
	if can.NoNames.Message == "" {
		return Complaint{}
	}
	return Complaint{noNames(accounts[i], can), "remove it, or " + can.NoNames.Fix}
}

// without reports the settings of a table that differ from their inherited values
// and have no effect without the setting needed.
func (c *checker) without(path, needed string, s, inherited RoomSettings, message string) {
	given, otherwise := reflect.ValueOf(s), reflect.ValueOf(inherited)
	for _, field := range settings(given.Type()) {
		if field.Tag.Get("needs") == needed && !reflect.DeepEqual(given.FieldByIndex(field.Index).Interface(), otherwise.FieldByIndex(field.Index).Interface()) {
			c.add(join(path, field.Tag.Get("toml")), message, "", fmt.Sprintf("add %s to the room, or remove it", needed))
		}
	}
}
