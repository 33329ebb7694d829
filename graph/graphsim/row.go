package graphsim

import (
	"bytes"
	"html"
	"slices"
	"strings"
	"time"
)

// rowWriter writes events as Graph does: its fields in its order (learn.microsoft.com/graph/api/resources/event).
type rowWriter struct {
	b      bytes.Buffer
	q      query
	box    *mailbox
	sim    *Sim
	view   bool     // calendarView cannot select createdDateTime and lastModifiedDateTime
	fields []string // selected; none: all
}

type field struct {
	name string
	get  func(*rowWriter, *Event) any
}

const (
	microseconds = "2006-01-02T15:04:05.0000000Z"
	localTime    = "2006-01-02T15:04:05.0000000"
	noTime       = "0001-01-01T00:00:00Z"
)

var eventFields = []field{
	{"createdDateTime", func(_ *rowWriter, e *Event) any { return e.Created.UTC().Format(microseconds) }},
	{"lastModifiedDateTime", func(_ *rowWriter, e *Event) any { return e.Modified.UTC().Format(microseconds) }},
	{"changeKey", func(_ *rowWriter, e *Event) any { return e.ChangeKey }},
	{"categories", func(_ *rowWriter, e *Event) any { return append([]string{}, e.Categories...) }},
	{"transactionId", func(*rowWriter, *Event) any { return nil }},
	{"originalStartTimeZone", func(_ *rowWriter, e *Event) any { return windowsName(e.Zone) }},
	{"originalEndTimeZone", func(_ *rowWriter, e *Event) any { return windowsName(e.Zone) }},
	{"iCalUId", func(_ *rowWriter, e *Event) any { return e.globalID() }},
	{"reminderMinutesBeforeStart", func(*rowWriter, *Event) any { return 15 }},
	{"isReminderOn", func(*rowWriter, *Event) any { return false }},
	{"hasAttachments", func(*rowWriter, *Event) any { return false }},
	{"subject", func(_ *rowWriter, e *Event) any { return e.Subject }},
	{"bodyPreview", func(_ *rowWriter, e *Event) any { return preview(e.Body) }},
	{"importance", func(*rowWriter, *Event) any { return "normal" }},
	{"sensitivity", func(_ *rowWriter, e *Event) any { return orText(e.Sensitivity, "normal") }},
	{"isAllDay", func(_ *rowWriter, e *Event) any { return e.AllDay }},
	{"isCancelled", func(_ *rowWriter, e *Event) any { return e.Cancelled }},
	{"isOrganizer", func(w *rowWriter, e *Event) any { return w.box.organizes(e) }},
	{"responseRequested", func(*rowWriter, *Event) any { return true }},
	{"seriesMasterId", func(w *rowWriter, e *Event) any { return orNull(w.id(e.SeriesMasterID)) }},
	{"showAs", func(_ *rowWriter, e *Event) any { return orText(e.ShowAs, "busy") }},
	{"type", func(_ *rowWriter, e *Event) any { return e.Type }},
	{"originalStart", func(_ *rowWriter, e *Event) any { return instantOrNull(e.OriginalStart) }},
	{"webLink", func(w *rowWriter, e *Event) any { return "https://outlook.office365.com/owa/?itemid=" + w.id(e.ID) }},
	{"onlineMeetingUrl", func(*rowWriter, *Event) any { return nil }},
	{"isOnlineMeeting", func(_ *rowWriter, e *Event) any { return e.JoinURL != "" }},
	{"onlineMeetingProvider", func(_ *rowWriter, e *Event) any { return provider(e) }},
	{"allowNewTimeProposals", func(*rowWriter, *Event) any { return true }},
	{"isDraft", func(*rowWriter, *Event) any { return false }},
	{"hideAttendees", func(*rowWriter, *Event) any { return false }},
	{"recurrence", func(_ *rowWriter, e *Event) any { return recurrenceRow(e) }},
	{"onlineMeeting", func(_ *rowWriter, e *Event) any { return joinRow(e) }},
	{"responseStatus", func(w *rowWriter, e *Event) any { return w.response(e) }},
	{"body", func(w *rowWriter, e *Event) any { return w.body(e) }},
	{"start", func(w *rowWriter, e *Event) any { return w.clock(e, e.Start) }},
	{"end", func(w *rowWriter, e *Event) any { return w.clock(e, e.End) }},
	{"location", func(_ *rowWriter, e *Event) any { return locationRow(e) }},
	{"locations", func(_ *rowWriter, e *Event) any { return locationRows(e) }},
	{"attendees", func(_ *rowWriter, e *Event) any { return attendeeRows(e) }},
	{"organizer", func(_ *rowWriter, e *Event) any { return map[string]any{"emailAddress": e.Organizer.row()} }},
}

func knownField(name string) bool {
	return name == "id" || slices.ContainsFunc(eventFields, func(f field) bool { return f.name == name })
}

func (w *rowWriter) value(v any) { w.b.Write(encodeJSON(v)) }

func (w *rowWriter) row(e *Event) {
	w.b.WriteByte('{')
	w.rowBody(e)
}

// rowBody writes an event after its opening brace. Etag and id come whatever was selected.
func (w *rowWriter) rowBody(e *Event) {
	w.b.WriteString(`"@odata.etag":`)
	w.value(`W/"` + e.ChangeKey + `"`)
	w.b.WriteString(`,"id":`)
	w.value(w.id(e.ID))
	for _, f := range eventFields {
		if !w.wanted(f.name) {
			continue
		}
		w.b.WriteString(`,"` + f.name + `":`)
		w.value(f.get(w, e))
	}
	w.b.WriteByte('}')
}

func (w *rowWriter) wanted(name string) bool {
	switch {
	case w.q.basic && (name == "body" || name == "bodyPreview"):
		return false
	case len(w.fields) == 0:
		return true
	case w.view && (name == "createdDateTime" || name == "lastModifiedDateTime"):
		return false
	}
	return slices.Contains(w.fields, name)
}

// id writes an id in the form asked for.
func (w *rowWriter) id(id string) string {
	if rest, ok := strings.CutPrefix(id, ordinaryID); ok && w.q.immutable {
		return immutableID + rest
	}
	return id
}

// clock is a dateTimeTimeZone: seven digits, no offset. All-day times are midnights in whatever zone is asked for.
func (w *rowWriter) clock(e *Event, t time.Time) any {
	zone, name := w.q.zone, w.q.zoneName
	if w.sim.sw.IgnoreTimezonePref {
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
	return map[string]any{"dateTime": t.Format(localTime), "timeZone": name}
}

func (w *rowWriter) body(e *Event) any {
	switch {
	case w.q.text:
		return map[string]any{"contentType": "text", "content": e.Body}
	case e.Body == "":
		return map[string]any{"contentType": "html", "content": ""}
	}
	return map[string]any{"contentType": "html", "content": "<html><body>" + html.EscapeString(e.Body) + "</body></html>"}
}

func (w *rowWriter) response(e *Event) any {
	switch {
	case w.box.organizes(e):
		return map[string]any{"response": "organizer", "time": noTime}
	case e.Response == "":
		return map[string]any{"response": "none", "time": noTime}
	}
	return map[string]any{"response": e.Response, "time": e.Created.UTC().Format(time.RFC3339)}
}

// globalID is the iCalUId; an occurrence carries its date in the bytes kept for it ([MS-OXOCAL] §2.2.1.27).
func (e *Event) globalID() string {
	const from, to = 32, 40
	if e.OriginalStart.IsZero() || len(e.ICalUID) < to {
		return e.ICalUID
	}
	day := e.OriginalStart.In(e.location())
	return e.ICalUID[:from] + strings.ToUpper(hexDate(day)) + e.ICalUID[to:]
}
