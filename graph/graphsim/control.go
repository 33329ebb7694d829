package graphsim

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// isControl reports whether a path belongs to the control page at / or to the control API under /sim/.
func isControl(path []string) bool { return path[0] == "" || path[0] == "sim" }

// control serves the control page and the control API, which takes form posts and returns JSON on request.
func (s *Sim) control(c *call) response {
	if c.r.Method != http.MethodPost {
		switch strings.Join(c.path, "/") {
		case "":
			return controlPage(s.state(c.now))
		case "sim/state":
			return newResponse(http.StatusOK, "application/json; charset=utf-8", encodeJSON(s.state(c.now)))
		}
	}
	handle := controlHandlers[strings.Join(c.path, "/")]
	switch {
	case handle == nil:
		return s.controlResponse(c, http.StatusNotFound, map[string]any{"error": "there is no such command: see the list at /"})
	case c.r.Method != http.MethodPost:
		return s.controlResponse(c, http.StatusMethodNotAllowed, map[string]any{"error": "use POST"})
	}
	v := c.r.URL.Query()
	for name, values := range c.form() {
		v[name] = values
	}
	result, err := handle(s, v, c.now)
	if err != nil {
		return s.controlResponse(c, http.StatusBadRequest, map[string]any{"error": err.Error()})
	}
	result["ok"] = true
	return s.controlResponse(c, http.StatusOK, result)
}

// controlResponse is JSON for programs; a browser is redirected to the control page, or shows the error.
func (s *Sim) controlResponse(c *call, status int, result map[string]any) response {
	wantsJSON := strings.Contains(c.r.Header.Get("Accept"), "application/json") || c.r.URL.Query().Get("json") == "1"
	switch {
	case wantsJSON:
		return newResponse(status, "application/json; charset=utf-8", encodeJSON(result))
	case status != http.StatusOK:
		a := messagePage("That did not work", fmt.Sprint(result["error"]))
		a.status = status
		return a
	}
	a := newResponse(http.StatusSeeOther, "text/plain; charset=utf-8", []byte("done\n"))
	a.header.Set("Location", "/")
	return a
}

type controlHandler func(s *Sim, v url.Values, now time.Time) (map[string]any, error)

// controlHandlers are the commands of the control API by path.
var controlHandlers = map[string]controlHandler{
	"sim/book":       (*Sim).controlBook,
	"sim/cancel":     (*Sim).controlCancel,
	"sim/revoke":     (*Sim).controlRevoke,
	"sim/expire":     (*Sim).controlExpire,
	"sim/throttle":   (*Sim).controlThrottle,
	"sim/outage":     (*Sim).controlOutage,
	"sim/fail-token": (*Sim).controlFailToken,
	"sim/polite":     (*Sim).controlPolite,
	"sim/upload":     (*Sim).controlUpload,
}

// duration parses a parameter such as 90s, 5m or 1h.
func duration(v url.Values, name string, usual time.Duration) (time.Duration, error) {
	text := v.Get(name)
	if text == "" {
		return usual, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 || d > 366*24*time.Hour {
		return 0, fmt.Errorf("%s=%q is not a duration such as 90s, 5m or 1h", name, text)
	}
	return d, nil
}

func flag(v url.Values, name string) (bool, error) {
	switch text := v.Get(name); text {
	case "1", "true", "on", "":
		return true, nil
	case "0", "false", "off":
		return false, nil
	default:
		return false, fmt.Errorf("%s=%q is not 1 or 0", name, text)
	}
}

func (s *Sim) controlBook(v url.Values, now time.Time) (map[string]any, error) {
	in, err := duration(v, "in", 0)
	if err != nil {
		return nil, err
	}
	length, err := duration(v, "for", 30*time.Minute)
	if err != nil {
		return nil, err
	}
	room := s.findRoom(v.Get("room"))
	if room == nil {
		return nil, fmt.Errorf("there is no room %q: give its address or the part before the @", v.Get("room"))
	}
	owner := ServiceAccount
	if s.mailbox(owner) == nil {
		owner = room.Address
	}
	start := now.Add(in)
	e := Event{Subject: orText(v.Get("subject"), "Booked at the simulator"), Start: start, End: start.Add(length),
		Organizer: Person{orText(v.Get("organizer"), "Priya Rao"), "priya@" + TenantDomain}}
	id, err := s.book(owner, []string{room.Address}, e)
	return map[string]any{"id": id, "start": start.Format(time.RFC3339), "end": e.End.Format(time.RFC3339)}, err
}

// findRoom finds a room by its address or the part before the @.
func (s *Sim) findRoom(name string) *Room {
	m := s.mailbox(name)
	if m == nil {
		m = s.mailbox(name + "@" + TenantDomain)
	}
	if m == nil {
		return nil
	}
	return m.room
}

func (s *Sim) controlCancel(v url.Values, now time.Time) (map[string]any, error) {
	room := s.findRoom(v.Get("room"))
	if room == nil {
		return nil, fmt.Errorf("there is no room %q", v.Get("room"))
	}
	id := v.Get("id")
	if id == "" {
		next := s.runningOrNext(room.Address, now)
		if next == nil {
			return nil, fmt.Errorf("%s has no current booking and none within a week", room.Name)
		}
		id = next.ID
	}
	return map[string]any{"id": id}, s.cancelBooking(room.Address, id)
}

func (s *Sim) runningOrNext(address string, now time.Time) *Event {
	for _, e := range s.sortedView(s.mailbox(address), now, now.Add(7*24*time.Hour)) {
		if !e.Cancelled && e.End.After(now) && !e.AllDay {
			return e
		}
	}
	return nil
}

func (s *Sim) sortedView(m *mailbox, from, to time.Time) []*Event {
	rows := m.view(from, to)
	slices.SortStableFunc(rows, func(a, b *Event) int { return a.Start.Compare(b.Start) })
	return rows
}

func (s *Sim) controlRevoke(v url.Values, _ time.Time) (map[string]any, error) {
	s.revoke(v.Get("user"))
	return map[string]any{}, nil
}

func (s *Sim) controlExpire(_ url.Values, now time.Time) (map[string]any, error) {
	s.expireAccess(now)
	return map[string]any{}, nil
}

func (s *Sim) controlThrottle(v url.Values, now time.Time) (map[string]any, error) {
	d, err := duration(v, "for", time.Minute)
	if err == nil {
		s.behaviour.ThrottleUntil = now.Add(d)
	}
	return map[string]any{"until": s.behaviour.ThrottleUntil.Format(time.RFC3339)}, err
}

func (s *Sim) controlOutage(v url.Values, now time.Time) (map[string]any, error) {
	on, err := flag(v, "on")
	if err != nil {
		return nil, err
	}
	d, err := duration(v, "for", 24*time.Hour)
	if err != nil {
		return nil, err
	}
	s.behaviour.OutageUntil = time.Time{}
	if on {
		s.behaviour.OutageUntil = now.Add(d)
	}
	return map[string]any{"on": on}, nil
}

func (s *Sim) controlFailToken(v url.Values, _ time.Time) (map[string]any, error) {
	code, err := strconv.Atoi(v.Get("aadsts"))
	if err != nil {
		return nil, fmt.Errorf("aadsts=%q is not a number such as 50173", v.Get("aadsts"))
	}
	times, err := strconv.Atoi(orText(v.Get("times"), "1"))
	if err != nil {
		return nil, fmt.Errorf("times=%q is not a number", v.Get("times"))
	}
	s.issued.failCode, s.issued.failTimes = code, times
	return map[string]any{"aadsts": code, "times": times}, nil
}

func (s *Sim) controlPolite(v url.Values, _ time.Time) (map[string]any, error) {
	on, err := flag(v, "on")
	if err == nil {
		s.behaviour.Polite = on
	}
	return map[string]any{"polite": s.behaviour.Polite}, err
}

// controlUpload adds a certificate to the default app, as an administrator does in the portal.
func (s *Sim) controlUpload(v url.Values, _ time.Time) (map[string]any, error) {
	block, _ := pem.Decode([]byte(v.Get("certificate")))
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, errors.New("certificate= holds no certificate in PEM form")
	}
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("certificate=: %w", err)
	}
	id, _, _ := DefaultClient()
	app := s.directory.apps[fold(id)]
	if app == nil {
		return nil, fmt.Errorf("there is no application %s", id)
	}
	app.Certificates = append(app.Certificates, certificate)
	return map[string]any{"subject": certificate.Subject.String()}, nil
}
