package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// Print writes the configuration in effect as TOML: every setting, the defaults
// included, and "(secret)" for each secret. Its output is a configuration
// again, once such secrets are put back. It returns the error of the writer.
func (c *Config) Print(w io.Writer) error {
	var b bytes.Buffer
	printTable(&b, "[site]", c.file.Site)
	printWeek(&b, "site.schedule", c.file.Site.Week)
	for _, a := range c.file.Accounts {
		printTable(&b, "[[account]]", a)
		printSettings(&b, reflect.ValueOf(a.table).Elem())
	}
	printTable(&b, "[defaults.room]", c.file.Defaults.Room)
	printRules(&b, "[[defaults.room.rule]]", c.file.Defaults.Room.Rules)
	for _, r := range c.file.Rooms {
		printTable(&b, "[[room]]", r)
		printRules(&b, "[[room.rule]]", r.Rules)
		printWeek(&b, "room.schedule", r.Week)
	}
	printTable(&b, "[mqtt]", c.file.MQTT)
	printTable(&b, "[web]", c.file.Web)
	printTable(&b, "[store]", c.file.Store)
	_, err := w.Write(bytes.TrimPrefix(b.Bytes(), []byte("\n")))
	return err
}

// PrintJSON writes what Print writes as JSON: a member for each table, a list for each
// table that repeats.
func (c *Config) PrintJSON(w io.Writer) error {
	var b bytes.Buffer
	if err := c.Print(&b); err != nil {
		return err
	}
	doc, problem := decode("the printed configuration", b.String())
	if problem != nil {
		return errors.New(problem.String())
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(withoutTimes(doc))
}

// withoutTimes writes the dates of a decoded document as they are written in TOML: JSON
// has none.
func withoutTimes(value any) any {
	switch v := value.(type) {
	case map[string]any:
		for key, member := range v {
			v[key] = withoutTimes(member)
		}
	case []map[string]any:
		for _, table := range v {
			withoutTimes(table)
		}
	case time.Time:
		return v.Format(time.DateOnly)
	}
	return value
}

func printTable(b *bytes.Buffer, header string, settingsOf any) {
	fmt.Fprintf(b, "\n%s\n", header)
	printSettings(b, reflect.ValueOf(settingsOf))
}

// printSettings writes the settings of a struct.
func printSettings(b *bytes.Buffer, v reflect.Value) {
	for _, field := range settings(v.Type()) {
		if value := literal(v.FieldByIndex(field.Index).Interface()); value != "" {
			fmt.Fprintf(b, "%s = %s\n", field.Tag.Get("toml"), value)
		}
	}
}

func printRules(b *bytes.Buffer, header string, rules []Rule) {
	for _, r := range rules {
		printTable(b, header, r)
	}
}

// literal returns a value in TOML, "" for a date or a number that is not set and
// for values that have tables of their own. Go's quoting is valid TOML, because
// texts contain no control characters.
func literal(value any) string {
	switch v := value.(type) {
	case string:
		return strconv.Quote(v)
	case Secret:
		return strconv.Quote(v.String())
	case time.Duration:
		return strconv.Quote(short(v))
	case time.Time:
		if v.IsZero() {
			return ""
		}
		return v.Format(time.DateOnly)
	case *float64:
		if v == nil {
			return ""
		}
		return strconv.FormatFloat(*v, 'g', -1, 64)
	case []Rule, Week:
		return ""
	case []string:
		items := make([]string, len(v))
		for i, item := range v {
			items[i] = strconv.Quote(item)
		}
		return "[" + strings.Join(items, ", ") + "]"
	}
	return fmt.Sprint(value) // true, false and whole numbers
}
