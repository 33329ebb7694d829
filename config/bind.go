package config

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// A binder moves a decoded document into the tagged structs of a [file]. A bad
// value is reported and leaves the default in place.
type binder struct {
	*report
	providers []Provider
	forms     map[string]Form // those of the provider whose table is bound, beside forms
}

// file binds a whole document over the defaults.
func (b *binder) file(doc map[string]any) file {
	f := defaults()
	b.unknown("", doc, keysOf(reflect.TypeFor[file]()))
	b.table("site", doc["site"], &f.Site)
	for i, t := range b.tables("account", doc["account"]) {
		f.Accounts = append(f.Accounts, b.account(element("account", i), t))
	}
	b.roomDefaults(doc["defaults"], &f.Defaults.Room)
	for i, t := range b.tables("room", doc["room"]) {
		room := Room{RoomSettings: f.Defaults.Room}
		room.Rules = nil // its own come before those for all
		b.table(element("room", i), t, &room)
		f.Rooms = append(f.Rooms, room)
	}
	b.table("mqtt", doc["mqtt"], &f.MQTT)
	b.table("web", doc["web"], &f.Web)
	b.table("store", doc["store"], &f.Store)
	return f
}

// roomDefaults binds [defaults.room]. Settings of a single room get a message of
// their own instead of being unknown.
func (b *binder) roomDefaults(value any, into *RoomSettings) {
	t, ok := b.asTable("defaults", value)
	if !ok {
		return
	}
	b.unknown("defaults", t, []string{"room"})
	room, ok := b.asTable("defaults.room", t["room"])
	if !ok {
		return
	}
	room = maps.Clone(room)
	for _, key := range []string{"id", "name", "mailbox", "calendar", "match", "presence_topic"} {
		if _, given := room[key]; given {
			b.add(join("defaults.room", key), "belongs to one room and can have no default", "", "move it to a [[room]]")
			delete(room, key)
		}
	}
	b.table("defaults.room", room, into)
}

// table binds one table over the struct that into points to.
func (b *binder) table(path string, value, into any) {
	t, ok := b.asTable(path, value)
	if !ok {
		return
	}
	b.unknown(path, t, keysOf(reflect.TypeOf(into).Elem()))
	b.fields(path, t, into)
}

// fields binds the settings of table t that the struct into points to has.
func (b *binder) fields(path string, t map[string]any, into any) {
	to := reflect.ValueOf(into).Elem()
	for _, field := range settings(to.Type()) {
		b.setting(join(path, field.Tag.Get("toml")), t, field.Tag, to.FieldByIndex(field.Index))
	}
}

// setting binds the one setting of table t that tag describes.
func (b *binder) setting(path string, t map[string]any, tag reflect.StructTag, to reflect.Value) {
	value, given := t[tag.Get("toml")]
	switch to := to.Addr().Interface().(type) {
	case *[]Rule:
		b.rules(path, value, to)
		return
	case *Week:
		b.week(path, value, to)
		return
	}
	if given {
		if c := b.assign(value, tag, to.Addr().Interface()); c.Message != "" {
			b.add(path, c.Message, seen(value, tag), c.Fix)
			return
		}
	}
	if example := tag.Get("required"); example != "" && to.IsZero() {
		b.add(path, "is missing", "", fmt.Sprintf("add %s = %q", tag.Get("toml"), example))
	}
}

// rules binds the rules of a room.
func (b *binder) rules(path string, value any, to *[]Rule) {
	for i, t := range b.tables(path, value) {
		var rule Rule
		b.table(element(path, i), t, &rule)
		if settings, ok := t.(map[string]any); ok && settings["comfort"] == nil {
			b.add(join(element(path, i), "comfort"), "is missing", "", "add comfort = false")
		}
		*to = append(*to, rule)
	}
}

// asTable returns the table under path; a table left out is an empty one.
func (b *binder) asTable(path string, value any) (map[string]any, bool) {
	if value == nil {
		return nil, true
	}
	t, ok := value.(map[string]any)
	if !ok {
		header := "[" + elementIndex.ReplaceAllString(path, "") + "]"
		if strings.HasSuffix(path, "]") {
			header = "[" + header + "]"
		}
		b.add(path, "must be a table", "", "write "+header+" on a line of its own")
	}
	return t, ok
}

// tables returns the array of tables under path.
func (b *binder) tables(path string, value any) []any {
	switch list := value.(type) {
	case nil:
		return nil
	case []map[string]any:
		tables := make([]any, len(list))
		for i, t := range list {
			tables[i] = t
		}
		return tables
	case []any:
		return list
	}
	header := "[[" + elementIndex.ReplaceAllString(path, "") + "]]"
	b.add(path, "must be an array of tables", "", "write "+header+" on a line of its own, once for each")
	return nil
}

// unknown reports the keys of a table that are not among the known ones.
func (b *binder) unknown(path string, t map[string]any, known []string) {
	for _, key := range slices.Sorted(maps.Keys(t)) {
		if slices.Contains(known, key) {
			continue
		}
		fix := ""
		if sections := b.sectionsOf(key); sections != "" {
			fix = "belongs in " + sections
		} else if near := nearest(key, known); near != "" {
			fix = fmt.Sprintf("did you mean %q?", near)
		}
		b.add(join(path, segment(key)), "unknown setting", "", fix)
	}
}

// sectionsOf returns the headers of the sections that have a setting, "" when
// none has.
func (b *binder) sectionsOf(key string) string {
	var headers []string
	for _, field := range settings(reflect.TypeFor[file]()) {
		header, t := "["+field.Tag.Get("toml")+"]", field.Type
		if t.Kind() == reflect.Slice {
			header, t = "["+header+"]", t.Elem()
		}
		keys := keysOf(t)
		if t == reflect.TypeFor[rawAccount]() {
			keys = b.accountKeys(b.providers...)
		}
		if slices.Contains(keys, key) && t != reflect.TypeFor[rawDefaults]() {
			headers = append(headers, header)
		}
	}
	return strings.Join(headers, " or ")
}

// settings returns the fields of a struct that have a key, embedded ones included.
func settings(t reflect.Type) []reflect.StructField {
	return slices.DeleteFunc(reflect.VisibleFields(t), func(f reflect.StructField) bool { return f.Tag.Get("toml") == "" })
}

func keysOf(t reflect.Type) []string {
	var keys []string
	for _, field := range settings(t) {
		keys = append(keys, field.Tag.Get("toml"))
	}
	return keys
}

// RoomWords returns the words that settings of a room may have, by key, for
// those settings that allow certain words only.
func RoomWords() map[string][]string {
	words := map[string][]string{}
	for _, field := range settings(reflect.TypeFor[Room]()) {
		if allowed, closed := field.Tag.Lookup("oneof"); closed {
			words[field.Tag.Get("toml")] = strings.Split(allowed, "|")
		}
	}
	return words
}
