package config

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Week is a weekly schedule of the hours at which a room is in use, in the
// site's zone.
type Week struct {
	Days       [7][]HoursRange         // by [time.Weekday]
	Exceptions map[string][]HoursRange // by date, as in "2026-12-25"; replaces the weekday's
}

// A HoursRange is a part of a day, its end exclusive, in minutes of local time since
// midnight: 24:00 is 1440.
type HoursRange struct{ From, To int }

// String returns a stretch as it is written, "07:00-18:30".
func (s HoursRange) String() string {
	return fmt.Sprintf("%02d:%02d-%02d:%02d", s.From/60, s.From%60, s.To/60, s.To%60)
}

// given returns whether a week has any day or date.
func (w Week) given() bool {
	return len(w.Exceptions) > 0 || slices.ContainsFunc(w.Days[:], func(d []HoursRange) bool { return d != nil })
}

// over returns w with the days and dates that it leaves out taken from shared.
func (w Week) over(shared Week) Week {
	for day, stretches := range w.Days {
		if stretches == nil {
			w.Days[day] = shared.Days[day]
		}
	}
	dates := maps.Clone(shared.Exceptions)
	if len(dates) > 0 {
		maps.Copy(dates, w.Exceptions)
		w.Exceptions = dates
	}
	return w
}

// weekdays are the keys of a schedule, by [time.Weekday].
var weekdays = [7]string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

const exceptions = "exceptions"

// week binds a weekly schedule.
func (b *binder) week(path string, value any, to *Week) {
	t, ok := b.asTable(path, value)
	if !ok {
		return
	}
	for _, key := range slices.Sorted(maps.Keys(t)) {
		day := slices.Index(weekdays[:], key)
		switch {
		case day >= 0:
			to.Days[day] = b.stretches(join(path, key), t[key])
		case isDate(key):
			b.add(join(path, key), "is a date among the weekdays", "", "move it to ["+elementIndex.ReplaceAllString(path, "")+".exceptions]")
		case key != exceptions:
			b.add(join(path, segment(key)), "is not a day", "", "write mon, tue, wed, thu, fri, sat or sun")
		}
	}
	dates, _ := b.asTable(join(path, exceptions), t[exceptions])
	for _, date := range slices.Sorted(maps.Keys(dates)) {
		at := join(join(path, exceptions), segment(date))
		if !isDate(date) {
			b.add(at, "is not a date", "", `write "2026-12-25"`)
			continue
		}
		if to.Exceptions == nil {
			to.Exceptions = map[string][]HoursRange{}
		}
		to.Exceptions[date] = b.stretches(at, dates[date])
	}
}

func isDate(s string) bool {
	_, err := time.Parse(time.DateOnly, s)
	return err == nil
}

// stretches reads the stretches of one day, and returns them in their order.
func (b *binder) stretches(path string, value any) []HoursRange {
	list, ok := value.([]any)
	if !ok {
		b.add(path, "must be a list of stretches of the day", seen(value, ""), `write ["07:00-18:30"], or [] for none`)
		return []HoursRange{}
	}
	out := []HoursRange{}
	for i, item := range list {
		s, c := stretch(item)
		if c.Message != "" {
			b.add(element(path, i), c.Message, seen(item, ""), c.Fix)
			continue
		}
		out = append(out, s)
	}
	slices.SortFunc(out, func(a, b HoursRange) int { return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To)) })
	for i := 1; i < len(out); i++ {
		if out[i].From < out[i-1].To {
			b.add(path, fmt.Sprintf("has stretches that overlap, %s and %s", out[i-1], out[i]), "", "join the two, or move one")
		}
	}
	return out
}

var stretchForm = regexp.MustCompile(`^(\d\d):([0-5]\d)-(\d\d):([0-5]\d)$`)

// stretch reads one stretch of a day, such as "07:00-18:30".
func stretch(value any) (HoursRange, Complaint) {
	s, _ := value.(string)
	parts := stretchForm.FindStringSubmatch(s)
	if parts == nil {
		return HoursRange{}, Complaint{"must be two times of the day, with two digits each", `write "07:00-18:30"`}
	}
	minute := func(hours, minutes string) int {
		h, _ := strconv.Atoi(hours)
		m, _ := strconv.Atoi(minutes)
		return h*60 + m
	}
	out := HoursRange{From: minute(parts[1], parts[2]), To: minute(parts[3], parts[4])}
	switch {
	case max(out.From, out.To) > 24*60:
		return out, Complaint{"goes past the end of the day", "end it at 24:00"}
	case out.From >= out.To:
		return out, Complaint{"must end later than it begins", `split a night: "22:00-24:00", and "00:00-06:00" on the next day`}
	}
	return out, Complaint{}
}

// printWeek writes the tables of a week; none where it is empty.
func printWeek(b *bytes.Buffer, name string, w Week) {
	if !w.given() {
		return
	}
	fmt.Fprintf(b, "\n[%s]\n", name)
	for i := range weekdays {
		day := (i + int(time.Monday)) % len(weekdays)
		if w.Days[day] != nil {
			fmt.Fprintf(b, "%s = %s\n", weekdays[day], stretchList(w.Days[day]))
		}
	}
	if len(w.Exceptions) == 0 {
		return
	}
	fmt.Fprintf(b, "\n[%s.%s]\n", name, exceptions)
	for _, date := range slices.Sorted(maps.Keys(w.Exceptions)) {
		fmt.Fprintf(b, "%q = %s\n", date, stretchList(w.Exceptions[date]))
	}
}

// stretchList returns stretches in TOML.
func stretchList(list []HoursRange) string {
	items := make([]string, len(list))
	for i, s := range list {
		items[i] = strconv.Quote(s.String())
	}
	return "[" + strings.Join(items, ", ") + "]"
}
