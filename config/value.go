package config

import (
	"cmp"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

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
		return "", Complaint{"must be one line without control characters", "remove line breaks and tabs"}
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
			c = Complaint{"must not contain an empty text", "remove it"}
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

// scalar returns whether a value prints as it is written in TOML.
func scalar(value any) bool {
	switch value.(type) {
	case int64, bool:
		return true
	}
	return false
}

// seen returns a value for a message, as written in TOML; "" where it may contain
// a secret and for tables.
func seen(value any, tag reflect.StructTag) string {
	if tag.Get("hide") != "" {
		return ""
	}
	switch v := value.(type) {
	case string:
		if mayContainPassword(v) {
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

// shorten cuts a text to 80 characters.
func shorten(s string) string {
	const most = 80
	if runes := []rune(s); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return s
}
