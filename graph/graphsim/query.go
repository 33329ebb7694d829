package graphsim

import (
	"encoding/base64"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// query holds the OData options and Prefer headers of a request for events.
type query struct {
	top, skip int
	noEmpty   bool // the previous page was empty, so this one is not
	fields    []string
	order     string // "", start/dateTime, end/dateTime, subject
	desc      bool
	filter    filter
	count     bool
	zone      *time.Location
	zoneName  string // as sent
	immutable bool   // ids
	text      bool   // bodies
	basic     bool   // Calendars.ReadBasic: no bodies
	applied   []string
}

// defaultPage is the page size without $top.
const defaultPage = 10

func (s *Sim) readQuery(c *call, basic bool) (query, response, bool) {
	q := query{top: defaultPage, zone: time.UTC, zoneName: "UTC", basic: basic}
	if name, ok := q.prefer(c.r.Header.Values("Prefer")); !ok {
		return q, graphError(c, 400, "TimeZoneNotSupportedException",
			"A valid TimeZone value must be specified. The following TimeZone value is not supported: '"+name+"'."), false
	}
	values := c.r.URL.Query()
	if err := q.page(values, linkHash(c)); err != nil {
		return q, graphError(c, 400, "ErrorInvalidParameter", err.Error()), false
	}
	if err := q.options(values); err != nil {
		return q, graphError(c, 400, "BadRequest", err.Error()), false
	}
	return q, response{}, true
}

// prefer reads the Prefer headers (RFC 7240); it returns the name of an unknown zone.
func (q *query) prefer(headers []string) (badZone string, ok bool) {
	for _, p := range strings.Split(strings.Join(headers, ","), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(p), "=")
		value = strings.Trim(value, `" `)
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "outlook.timezone":
			zone, err := loadZone(value)
			if err != nil {
				return value, false
			}
			q.zone, q.zoneName = zone, value
			q.applied = append(q.applied, `outlook.timezone="`+value+`"`)
		case "idtype":
			q.immutable = strings.EqualFold(value, "ImmutableId")
			q.applied = append(q.applied, `IdType="`+value+`"`)
		case "outlook.body-content-type":
			q.text = strings.EqualFold(value, "text")
			q.applied = append(q.applied, `outlook.body-content-type="`+value+`"`)
		}
	}
	return "", true
}

func (q *query) page(v url.Values, hash uint64) error {
	if t := v.Get("$top"); t != "" {
		n, err := strconv.Atoi(t)
		if err != nil || n < 1 || n > 1000 {
			return fmt.Errorf("the value '%s' of $top is not in the range 1 to 1000", t)
		}
		q.top = n
	}
	if t := v.Get("$skip"); t != "" {
		n, err := strconv.Atoi(t)
		if err != nil || n < 0 {
			return fmt.Errorf("the value '%s' of $skip is not a number of rows", t)
		}
		q.skip = n
	}
	if t := v.Get("$skiptoken"); t != "" {
		raw, err := base64.RawURLEncoding.DecodeString(t)
		var bound uint64
		if n, _ := fmt.Sscanf(string(raw), "%d.%t.%x", &q.skip, &q.noEmpty, &bound); err != nil || n != 3 || bound != hash || q.skip < 0 {
			return fmt.Errorf("the skip token is not valid for this request")
		}
	}
	return nil
}

func (q *query) options(v url.Values) error {
	q.count = v.Get("$count") == "true"
	for _, name := range strings.FieldsFunc(v.Get("$select"), func(r rune) bool { return r == ',' || r == ' ' }) {
		if !knownField(name) {
			return serviceErrorf("Could not find a property named '%s' on type 'microsoft.graph.event'.", name)
		}
		q.fields = append(q.fields, name)
	}
	words := strings.Fields(v.Get("$orderby"))
	if len(words) > 0 {
		q.order = words[0]
		if len(words) > 2 || !slices.Contains([]string{"start/dateTime", "end/dateTime", "subject"}, q.order) {
			return serviceErrorf("The $orderby expression must evaluate to a single value of primitive type.")
		}
		q.desc = len(words) == 2 && words[1] == "desc"
	}
	var err error
	q.filter, err = parseFilter(v.Get("$filter"))
	return err
}

// linkQuery is the raw query without the paging parameters.
func linkQuery(c *call) string {
	parts := strings.Split(c.r.URL.RawQuery, "&")
	return strings.Join(slices.DeleteFunc(parts, func(p string) bool {
		name, _, _ := strings.Cut(p, "=")
		name, _ = url.QueryUnescape(name)
		return p == "" || name == "$skip" || name == "$skiptoken"
	}), "&")
}

// linkHash binds a skip token to its request.
func linkHash(c *call) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(c.r.URL.Path + "?" + linkQuery(c))) // a hash never fails
	return h.Sum64()
}

func nextLink(c *call, skip int, noEmpty bool) string {
	token := base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%d.%t.%x", skip, noEmpty, linkHash(c)))
	q := linkQuery(c)
	if q != "" {
		q += "&"
	}
	return c.base + c.r.URL.EscapedPath() + "?" + q + "$skiptoken=" + token
}

// arrange filters and orders rows. Without $orderby the order is arbitrary but the same on every page.
func (s *Sim) arrange(c *call, q query, box *mailbox, rows []*Event) []*Event {
	rows = slices.DeleteFunc(rows, func(e *Event) bool { return !q.filter.match(e, box) })
	if q.order == "" {
		if s.shuffles() {
			shuffle(c, rows)
		}
		return rows
	}
	slices.SortStableFunc(rows, func(a, b *Event) int {
		if q.desc {
			a, b = b, a
		}
		return compareBy(q.order, a, b)
	})
	return rows
}

func (s *Sim) shuffles() bool { return !s.behaviour.Polite && s.behaviour.Faults.Shuffle }

// shuffle puts rows in a random order that is the same on every page.
func shuffle[T any](c *call, rows []T) {
	rand.New(rand.NewPCG(linkHash(c), 1)).Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
}

func compareBy(order string, a, b *Event) int {
	as, ae := a.span()
	bs, be := b.span()
	switch order {
	case "start/dateTime":
		return as.Compare(bs)
	case "end/dateTime":
		return ae.Compare(be)
	}
	return strings.Compare(a.Subject, b.Subject)
}

// pageOf returns the range of one page and the start of the next; a negative next means there is none.
func (s *Sim) pageOf(q query, n int) (from, to, next int, empty bool) {
	from = min(q.skip, n)
	to = min(from+q.top, n)
	if from == to {
		return from, to, -1, false
	}
	if m := s.behaviour.Faults; !s.behaviour.Polite {
		if !q.noEmpty && s.rng.Float64() < m.EmptyPage {
			return from, from, from, true
		}
		if s.rng.Float64() < m.ShortPage {
			to = from + 1 + s.rng.IntN(to-from)
		}
	}
	if to < n {
		return from, to, to, false
	}
	return from, to, -1, false
}
