package config

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// A binder moves a decoded document into the tagged structs of a [file]. What is
// wrong is reported, and leaves the default in place.
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

// roomDefaults binds [defaults.room]. What names one room is told apart from
// what is merely unknown.
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
	b.add(path, "must be a table that may repeat", "", "write "+header+" on a line of its own, once for each")
	return nil
}

// unknown reports the keys of a table that are not among the known ones.
func (b *binder) unknown(path string, t map[string]any, known []string) {
	for _, key := range slices.Sorted(maps.Keys(t)) {
		if slices.Contains(known, key) {
			continue
		}
		fix := ""
		if home := b.sectionsOf(key); home != "" {
			fix = "belongs in " + home
		} else if near := nearest(key, known); near != "" {
			fix = fmt.Sprintf("did you mean %q?", near)
		}
		b.add(join(path, segment(key)), "unknown setting", "", fix)
	}
}

// sectionsOf returns the headers of the sections that know a setting, "" when
// none does.
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

// assign checks a decoded value against its tag and stores it where to points,
// unless there is a Complaint.
func (b *binder) assign(value any, tag reflect.StructTag, to any) (c Complaint) {
	switch to := to.(type) {
	case *string:
		c = store(to, value, tag, b.text)
	case *Secret:
		c = store(to, value, tag, b.secret)
	case *[]string:
		c = store(to, value, tag, b.texts)
	case *bool:
		c = store(to, value, tag, truth)
	case *int:
		c = store(to, value, tag, whole)
	case **float64:
		c = store(to, value, tag, number)
	case *time.Duration:
		c = store(to, value, tag, duration)
	case *time.Time:
		c = store(to, value, tag, date)
	}
	return c
}

// store reads a value with read and keeps it if there is no Complaint.
func store[T any](to *T, value any, tag reflect.StructTag, read func(any, reflect.StructTag) (T, Complaint)) Complaint {
	got, c := read(value, tag)
	if c.Message == "" {
		*to = got
	}
	return c
}

func (b *binder) text(value any, tag reflect.StructTag) (string, Complaint) {
	s, ok := value.(string)
	switch {
	case !ok && tag.Get("hide") == "" && scalar(value):
		return "", Complaint{"must be text in quotes", fmt.Sprintf(`write "%v"`, value)}
	case !ok:
		return "", Complaint{"must be text in quotes", "put it in quotes"}
	case strings.ContainsFunc(s, unicode.IsControl):
		return "", Complaint{"must be one line without control characters", "remove the line ends, tabs and the like"}
	}
	if allowed, closed := tag.Lookup("oneof"); closed {
		return s, oneOf(s, strings.Split(allowed, "|"))
	}
	if check := b.form(tag.Get("form")); check != nil && s != "" {
		return s, check(s)
	}
	return s, Complaint{}
}

// form returns the check of a name, nil when there is none.
func (b *binder) form(name string) Form {
	if check, ok := b.forms[name]; ok {
		return check
	}
	return forms[name]
}

func (b *binder) secret(value any, tag reflect.StructTag) (Secret, Complaint) {
	s, c := b.text(value, tag)
	return NewSecret(s), c
}

func (b *binder) texts(value any, tag reflect.StructTag) ([]string, Complaint) {
	list, ok := value.([]any)
	if !ok {
		return nil, Complaint{"must be a list of texts", `write ["a", "b"]`}
	}
	var out []string
	for _, item := range list {
		s, c := b.text(item, tag)
		if c.Message == "" && s == "" {
			c = Complaint{"must hold no empty text", "remove it"}
		}
		if c.Message != "" {
			return nil, c
		}
		out = append(out, s)
	}
	return out, Complaint{}
}

func truth(value any, _ reflect.StructTag) (bool, Complaint) {
	v, ok := value.(bool)
	if !ok {
		return false, Complaint{"must be true or false, without quotes", "write true or false"}
	}
	return v, Complaint{}
}

func whole(value any, tag reflect.StructTag) (int, Complaint) {
	n, ok := value.(int64)
	if !ok {
		return 0, Complaint{"must be a whole number, without quotes", "write 12"}
	}
	low, high, _ := strings.Cut(tag.Get("range"), "|")
	least, _ := strconv.ParseInt(low, 10, 64)
	most, _ := strconv.ParseInt(high, 10, 64)
	return int(n), within(n, least, most, low, high)
}

func number(value any, _ reflect.StructTag) (*float64, Complaint) {
	switch v := value.(type) {
	case int64:
		n := float64(v)
		return &n, Complaint{}
	case float64:
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			return &v, Complaint{}
		}
	}
	return nil, Complaint{"must be a number, without quotes", "write 0.5"}
}

func duration(value any, tag reflect.StructTag) (time.Duration, Complaint) {
	if n, ok := value.(int64); ok {
		return 0, Complaint{"must be a duration in quotes, with a unit", fmt.Sprintf(`write "%ds"`, n)}
	}
	s, _ := value.(string)
	d, err := time.ParseDuration(s)
	if err != nil {
		return 0, Complaint{`must be a duration in quotes, with the units h, m and s`, `write "30s" or "1h30m"`}
	}
	low, high, _ := strings.Cut(tag.Get("range"), "|")
	least, _ := time.ParseDuration(low)
	most, _ := time.ParseDuration(high)
	return d, within(d, least, most, low, high)
}

// date reads a TOML local date, as midnight UTC. The parser marks such dates
// only by the name of their zone.
func date(value any, _ reflect.StructTag) (time.Time, Complaint) {
	t, ok := value.(time.Time)
	if !ok || t.Location().String() != "date-local" {
		return time.Time{}, Complaint{"must be a date, without quotes and without a time", "write 2027-05-01"}
	}
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC), Complaint{}
}

func oneOf(s string, allowed []string) Complaint {
	if slices.Contains(allowed, s) {
		return Complaint{}
	}
	quoted := make([]string, len(allowed))
	for i, a := range allowed {
		quoted[i] = strconv.Quote(a)
	}
	fix := ""
	if near := nearest(s, allowed); near != "" {
		fix = fmt.Sprintf("did you mean %q?", near)
	}
	if len(quoted) == 1 {
		return Complaint{"must be " + quoted[0], fix}
	}
	return Complaint{"must be one of " + strings.Join(quoted, ", "), fix}
}

func within[T cmp.Ordered](v, least, most T, low, high string) Complaint {
	if v < least || v > most {
		return Complaint{fmt.Sprintf("must be between %s and %s", low, high), ""}
	}
	return Complaint{}
}

// scalar tells whether a value prints as the person wrote it.
func scalar(value any) bool {
	switch value.(type) {
	case int64, bool:
		return true
	}
	return false
}

// seen returns a value for a message: as it would be written, and "" where it
// may hold a secret or is too much to show.
func seen(value any, tag reflect.StructTag) string {
	if tag.Get("hide") != "" {
		return ""
	}
	switch v := value.(type) {
	case string:
		if mayHoldPassword(v) {
			return ""
		}
		return strconv.Quote(shorten(v))
	case int64, bool, float64:
		return fmt.Sprint(v)
	case []any:
		items := make([]string, len(v))
		for i, item := range v {
			items[i] = cmp.Or(seen(item, tag), "…")
		}
		return shorten("[" + strings.Join(items, ", ") + "]")
	}
	return ""
}

// shorten cuts a text that would not fit on a line.
func shorten(s string) string {
	const most = 80
	if runes := []rune(s); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return s
}
