package graphsim

import (
	"html"
	"slices"
	"strings"
	"time"
)

// rowWriter writes events with the fields of Graph in its order (learn.microsoft.com/graph/api/resources/event).
type rowWriter struct {
	jsonWriter
	q      query
	box    *mailbox
	sim    *Sim
	fields []field

	busyTimes bool // it writes schedules
}

type field struct {
	name  string
	write func(*rowWriter, *Event)
}

const (
	microseconds = "2006-01-02T15:04:05.0000000Z"
	localTime    = "2006-01-02T15:04:05.0000000"
	noTime       = "0001-01-01T00:00:00Z"
)

var eventFields = []field{
	{"createdDateTime", func(w *rowWriter, e *Event) { w.time(e.Created.UTC(), microseconds) }},
	{"lastModifiedDateTime", func(w *rowWriter, e *Event) { w.time(e.Modified.UTC(), microseconds) }},
	{"changeKey", func(w *rowWriter, e *Event) { w.text(e.ChangeKey) }},
	{"categories", func(w *rowWriter, e *Event) { w.texts(e.Categories) }},
	{"transactionId", constant("null")},
	{"originalStartTimeZone", func(w *rowWriter, e *Event) { w.text(windowsName(e.Zone)) }},
	{"originalEndTimeZone", func(w *rowWriter, e *Event) { w.text(windowsName(e.Zone)) }},
	{"iCalUId", func(w *rowWriter, e *Event) { w.text(e.globalID()) }},
	{"reminderMinutesBeforeStart", constant("15")},
	{"isReminderOn", constant("false")},
	{"hasAttachments", constant("false")},
	{"subject", func(w *rowWriter, e *Event) { w.text(e.Subject) }},
	{"bodyPreview", func(w *rowWriter, e *Event) { w.text(preview(e.Body)) }},
	{"importance", constant(`"normal"`)},
	{"sensitivity", func(w *rowWriter, e *Event) { w.text(orText(e.Sensitivity, "normal")) }},
	{"isAllDay", func(w *rowWriter, e *Event) { w.boolean(e.AllDay) }},
	{"isCancelled", func(w *rowWriter, e *Event) { w.boolean(e.Cancelled) }},
	{"isOrganizer", func(w *rowWriter, e *Event) { w.boolean(w.box.organizes(e)) }},
	{"responseRequested", constant("true")},
	{"seriesMasterId", func(w *rowWriter, e *Event) { w.textOrNull(w.id(e.SeriesMasterID)) }},
	{"showAs", func(w *rowWriter, e *Event) { w.text(orText(e.ShowAs, "busy")) }},
	{"type", func(w *rowWriter, e *Event) { w.text(e.Type) }},
	{"originalStart", (*rowWriter).originalStart},
	{"webLink", func(w *rowWriter, e *Event) { w.text("https://outlook.office365.com/owa/?itemid=" + w.id(e.ID)) }},
	{"onlineMeetingUrl", constant("null")},
	{"isOnlineMeeting", func(w *rowWriter, e *Event) { w.boolean(e.JoinURL != "") }},
	{"onlineMeetingProvider", func(w *rowWriter, e *Event) { w.text(provider(e)) }},
	{"allowNewTimeProposals", constant("true")},
	{"isDraft", constant("false")},
	{"hideAttendees", constant("false")},
	{"recurrence", func(w *rowWriter, e *Event) { w.value(recurrenceRow(e)) }},
	{"onlineMeeting", func(w *rowWriter, e *Event) { w.value(joinRow(e)) }},
	{"responseStatus", (*rowWriter).response},
	{"body", (*rowWriter).body},
	{"start", func(w *rowWriter, e *Event) { w.dateTime(e, e.Start) }},
	{"end", func(w *rowWriter, e *Event) { w.dateTime(e, e.End) }},
	{"location", (*rowWriter).location},
	{"locations", (*rowWriter).locations},
	{"attendees", (*rowWriter).attendees},
	{"organizer", func(w *rowWriter, e *Event) { w.person(`{"emailAddress":`, e.Organizer); w.raw("}") }},
}

// constant writes a field with the same value in every event.
func constant(value string) func(*rowWriter, *Event) {
	return func(w *rowWriter, _ *Event) { w.raw(value) }
}

func knownField(name string) bool {
	return name == "id" || slices.ContainsFunc(eventFields, func(f field) bool { return f.name == name })
}

// rows returns a writer of the selected fields; calendarView cannot select createdDateTime and
// lastModifiedDateTime.
func (s *Sim) rows(box *mailbox, q query, view bool) *rowWriter {
	w := &rowWriter{q: q, box: box, sim: s}
	for _, f := range eventFields {
		switch {
		case q.basic && (f.name == "body" || f.name == "bodyPreview"):
		case len(q.fields) > 0 && !slices.Contains(q.fields, f.name):
		case len(q.fields) > 0 && view && (f.name == "createdDateTime" || f.name == "lastModifiedDateTime"):
		default:
			w.fields = append(w.fields, f)
		}
	}
	return w
}

func (w *rowWriter) row(e *Event) {
	w.raw("{")
	w.rowBody(e)
}

// rowBody writes an event after its opening brace. Etag and id are always included.
func (w *rowWriter) rowBody(e *Event) {
	w.raw(`"@odata.etag":"W/\"`)
	w.raw(e.ChangeKey) // needs no escaping
	w.raw(`\"","id":`)
	w.text(w.id(e.ID))
	for _, f := range w.fields {
		w.raw(`,"`)
		w.raw(f.name)
		w.raw(`":`)
		f.write(w, e)
	}
	w.raw("}")
}

// id returns an id in the requested form.
func (w *rowWriter) id(id string) string {
	if rest, ok := strings.CutPrefix(id, ordinaryID); ok && w.q.immutable {
		return immutableID + rest
	}
	return id
}

// dateTime writes a dateTimeTimeZone: seven decimals, no offset. All-day times are midnight in any requested zone.
func (w *rowWriter) dateTime(e *Event, t time.Time) {
	zone, name := w.q.zone, w.q.zoneName
	if w.sim.behaviour.IgnoreTimezonePref && !(w.busyTimes && e.location() == time.UTC) {
		zone, name = e.location(), orText(e.Zone, "UTC")
		if len(e.ChangeKey) > 0 && e.ChangeKey[0]%2 == 0 {
			name = windowsName(e.Zone)
		}
	}
	if e.AllDay {
		t = date(t.In(e.location()))
	} else {
		t = t.In(zone)
	}
	w.raw(`{"dateTime":`)
	w.time(t, localTime)
	w.raw(`,"timeZone":`)
	w.text(name)
	w.raw("}")
}

func (w *rowWriter) originalStart(e *Event) {
	if e.OriginalStart.IsZero() {
		w.raw("null")
		return
	}
	w.time(e.OriginalStart.UTC(), time.RFC3339)
}

func (w *rowWriter) body(e *Event) {
	kind, content := "html", ""
	switch {
	case w.q.text:
		kind, content = "text", e.Body
	case e.Body != "":
		content = "<html><body>" + html.EscapeString(e.Body) + "</body></html>"
	}
	w.raw(`{"contentType":"` + kind + `","content":`)
	w.text(content)
	w.raw("}")
}

func (w *rowWriter) response(e *Event) {
	switch {
	case w.box.organizes(e):
		w.responseStatus("organizer", time.Time{})
	case e.Response == "":
		w.responseStatus("none", time.Time{})
	default:
		w.responseStatus(e.Response, e.Created)
	}
}

// responseStatus writes a responseStatus; the zero time means none.
func (w *rowWriter) responseStatus(response string, at time.Time) {
	w.raw(`{"response":`)
	w.text(response)
	w.raw(`,"time":`)
	w.time(at.UTC(), time.RFC3339)
	w.raw("}")
}

// person writes an emailAddress after the text before.
func (w *rowWriter) person(before string, p Person) {
	w.raw(before)
	w.raw(`{"name":`)
	w.text(p.Name)
	w.raw(`,"address":`)
	w.text(p.Address)
	w.raw("}")
}

func (w *rowWriter) location(e *Event) {
	if e.Location == "" {
		w.raw(`{"displayName":"","locationType":"default","uniqueIdType":"unknown","address":{},"coordinates":{}}`)
		return
	}
	w.raw(`{"displayName":`)
	w.text(e.Location)
	w.raw(`,"locationType":"default","uniqueId":`)
	w.text(e.Location)
	w.raw(`,"uniqueIdType":"private"}`)
}

// locations writes the booked rooms, or else the location as text.
func (w *rowWriter) locations(e *Event) {
	n := 0
	w.raw("[")
	for _, a := range e.Attendees {
		if a.Type == "resource" {
			w.comma(n)
			w.roomLocation(a.Person)
			n++
		}
	}
	switch {
	case n > 0 || e.Location == "":
	case e.LocationAddress != "":
		w.roomLocation(Person{e.Location, e.LocationAddress})
	default:
		w.location(e)
	}
	w.raw("]")
}

func (w *rowWriter) roomLocation(p Person) {
	w.raw(`{"displayName":`)
	w.text(p.Name)
	w.raw(`,"locationType":"conferenceRoom","uniqueId":`)
	w.text(p.Address)
	w.raw(`,"locationEmailAddress":`)
	w.text(p.Address)
	w.raw(`,"uniqueIdType":"directory"}`)
}

func (w *rowWriter) attendees(e *Event) {
	w.raw("[")
	for i, a := range e.Attendees {
		w.comma(i)
		w.raw(`{"type":`)
		w.text(orText(a.Type, "required"))
		w.raw(`,"status":`)
		at := e.Created
		if a.Response == "" || a.Response == "none" {
			at = time.Time{}
		}
		w.responseStatus(orText(a.Response, "none"), at)
		w.person(`,"emailAddress":`, a.Person)
		w.raw("}")
	}
	w.raw("]")
}

// globalID is the iCalUId; that of an occurrence contains its date ([MS-OXOCAL] §2.2.1.27).
func (e *Event) globalID() string {
	const from, to = 32, 40
	if e.OriginalStart.IsZero() || len(e.ICalUID) < to {
		return e.ICalUID
	}
	day := e.OriginalStart.In(e.location())
	return e.ICalUID[:from] + strings.ToUpper(hexDate(day)) + e.ICalUID[to:]
}
