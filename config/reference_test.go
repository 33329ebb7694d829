package config

import (
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

var (
	commented = regexp.MustCompile(`(?m)^# ?([a-z_]+ *=|"[0-9-]+" *=|\[.*\]$)`)
	assigned  = regexp.MustCompile(`(?m)^(?:# ?)?([a-z_]+) *=`)
)

const reference = "../packaging/roomgate.toml"

// TestReference parses the shipped configuration as it is and with every setting
// in force, and finds the defaults it names to be the defaults.
func TestReference(t *testing.T) {
	shipped := string(readTest(t, reference))
	mustParse(t, shipped, nil)
	full := commented.ReplaceAllString(shipped, "$1")
	mustParse(t, full, nil)

	doc, problem := decode(reference, full)
	if problem != nil {
		t.Fatal(problem)
	}
	got := (&binder{report: &report{}, providers: Providers()}).file(doc)
	usual := (&binder{report: &report{}, providers: Providers()}).account("account[0]", nil)
	usual.table = nil
	table := got.Accounts[0].table.(*microsoftTable)
	checkDefaults(t, "account", got.Accounts[0], usual)
	checkDefaults(t, "account", *table, *microsoftDefaults("code"))
	checkDefaults(t, "defaults.room", got.Defaults.Room, defaults().Defaults.Room)
	checkDefaults(t, "mqtt", got.MQTT, defaults().MQTT)
	checkDefaults(t, "web", got.Web, defaults().Web)
	checkDefaults(t, "store", got.Store, defaults().Store)
}

// checkDefaults compares the settings that have a default.
func checkDefaults(t *testing.T, table string, got, want any) {
	t.Helper()
	g, w := reflect.ValueOf(got), reflect.ValueOf(want)
	for _, field := range settings(w.Type()) {
		a, b := g.FieldByIndex(field.Index), w.FieldByIndex(field.Index)
		if !b.IsZero() && !reflect.DeepEqual(a.Interface(), b.Interface()) {
			t.Errorf("%s.%s is shown as %v, the default is %v", table, field.Tag.Get("toml"), a, b)
		}
	}
}

// TestReferenceIsWhole finds every setting in the section it belongs to.
func TestReferenceIsWhole(t *testing.T) {
	sections := map[string][]string{
		"[site]": keysOf(reflect.TypeFor[rawSite]()), "[site.schedule]": weekdays[:], "[site.schedule.exceptions]": nil, "[[account]]": (&binder{}).accountKeys(Providers()...),
		"[defaults.room]": keysOf(reflect.TypeFor[RoomSettings]()), "[[room]]": {"id", "name", "mailbox", "calendar", "match", "presence_topic"},
		"[[defaults.room.rule]]": keysOf(reflect.TypeFor[Rule]()), "[[room.rule]]": keysOf(reflect.TypeFor[Rule]()), "[room.schedule]": {"sat"},
		"[mqtt]": keysOf(reflect.TypeFor[rawMQTT]()), "[web]": keysOf(reflect.TypeFor[rawWeb]()), "[store]": keysOf(reflect.TypeFor[rawStore]()),
	}
	parts := regexp.MustCompile(`(?m)^(?:# )?\[.*\]$`)
	text := string(readTest(t, reference))
	at := parts.FindAllStringIndex(text, -1)
	if len(at) != len(sections) {
		t.Fatalf("%d sections, want %d", len(at), len(sections))
	}
	for i, span := range at {
		header, body := strings.TrimPrefix(text[span[0]:span[1]], "# "), text[span[1]:]
		if i+1 < len(at) {
			body = text[span[1]:at[i+1][0]]
		}
		var keys []string
		for _, m := range assigned.FindAllStringSubmatch(body, -1) {
			keys = append(keys, m[1])
		}
		want := slices.DeleteFunc(slices.Sorted(slices.Values(sections[header])), func(key string) bool { return key == "rule" || key == "schedule" }) // sections of their own
		if slices.Sort(keys); !slices.Equal(keys, want) {
			t.Errorf("%s has %v, want %v", header, keys, want)
		}
	}
}

// TestTags checks that binding knows every tag, form and range of the settings.
func TestTags(t *testing.T) {
	known := []string{"toml", "oneof", "range", "form", "required", "needs", "hide"}
	key := regexp.MustCompile(`(\w+):"`)
	tables := map[reflect.Type]*binder{}
	for _, table := range []any{rawSite{}, rawAccount{}, Room{}, Rule{}, rawMQTT{}, rawWeb{}, rawStore{}} {
		tables[reflect.TypeOf(table)] = &binder{}
	}
	for _, p := range Providers() {
		tables[reflect.TypeOf(p.Table(nil)).Elem()] = &binder{forms: p.Forms}
	}
	for table, b := range tables {
		for _, field := range settings(table) {
			for _, m := range key.FindAllStringSubmatch(string(field.Tag), -1) {
				if !slices.Contains(known, m[1]) {
					t.Errorf("%s has the tag %s", field.Name, m[1])
				}
			}
			if form := field.Tag.Get("form"); form != "" && b.form(form) == nil {
				t.Errorf("%s has the form %s", field.Name, form)
			}
			if d, ok := reflect.New(field.Type).Interface().(*time.Duration); ok && b.assign("1m", field.Tag, d).Message != "" {
				t.Errorf("%s has the range %q", field.Name, field.Tag.Get("range"))
			}
		}
	}
}
