package web

import (
	"bytes"
	"fmt"
	"net/http"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"roomgate/bridge"
	"roomgate/driver"
)

// family is a point that is exposed as a metric, of all subjects of its scope.
type family struct {
	index int      // of the point in the catalogue of the scope
	words []string // of an Enum
	kind  prometheus.ValueType
	desc  *prometheus.Desc
}

// familiesOf returns the points of a catalogue that are exposed. The scope precedes
// their names; labels identify its subjects.
func familiesOf(catalogue []driver.Point, scope string, labels ...string) []family {
	var all []family
	for i, p := range catalogue {
		if p.Metric.Name == "" {
			continue
		}
		f := family{index: i, words: p.Values, kind: prometheus.GaugeValue}
		if p.Metric.Counter {
			f.kind = prometheus.CounterValue
		}
		own := slices.Clone(labels)
		if p.Kind == driver.Enum {
			own = append(own, p.Name)
		}
		f.desc = prometheus.NewDesc("roomgate_"+scope+"_"+p.Metric.Name, p.Metric.Help, own, nil)
		all = append(all, f)
	}
	return all
}

// collect sends the samples of one subject.
func collect(out chan<- prometheus.Metric, families []family, points []driver.Value, labels ...string) {
	for _, f := range families {
		f.collect(out, points[f.index], labels...)
	}
}

// collect sends the samples of one point of one subject.
func (f family) collect(out chan<- prometheus.Metric, v driver.Value, labels ...string) {
	for _, word := range f.words {
		out <- prometheus.MustNewConstMetric(f.desc, f.kind, truth(v.Text() == word), append(slices.Clone(labels), word)...)
	}
	if f.words == nil && !v.Nothing() {
		out <- prometheus.MustNewConstMetric(f.desc, f.kind, number(v), labels...)
	}
}

var (
	partHealthy = prometheus.NewDesc("roomgate_part_healthy", "1 while the part of the gateway is working.", []string{"part"}, nil)
	buildInfo   = prometheus.NewDesc("roomgate_build_info", "1; the labels are the version.", []string{"version", "goversion"}, nil)
)

// metrics answers in Prometheus' text format. What is not known is absent, not zero.
// Nothing a calendar contains is exposed. A family is gathered when the client has
// received those before it, so that a client which does not read holds one family and
// not all.
func (s *server) metrics() http.HandlerFunc {
	format := expfmt.NewFormat(expfmt.TypeTextPlain).WithEscapingScheme(model.UnderscoreEscaping)
	families := s.metricFamilies()
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", string(format))
		for _, f := range families {
			text, err := f.render(s.Board, format)
			if err != nil {
				s.Log.Error("metrics could not be gathered", "err", err)
				panic(http.ErrAbortHandler)
			}
			if _, err := w.Write(text); err != nil {
				return // the client has disconnected
			}
		}
	}
}

// metricFamilies are all metrics: each of the rooms' families by itself, because they
// are large.
func (s *server) metricFamilies() []*renderedMetrics {
	all := []*renderedMetrics{gatherNow(newRestCollector(s), s.refused, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))}
	for _, f := range familiesOf(driver.Catalogue(driver.OfRoom), "room", "room") {
		rooms := gatherNow(roomCollector{s, f})
		rooms.ofBoard = true
		all = append(all, rooms)
	}
	return all
}

// renderedMetrics renders metrics, which are one family or some small ones.
type renderedMetrics struct {
	registry *prometheus.Registry
	ofBoard  bool // they follow from the points on the board: they are rendered once for a state of it

	mu      sync.Mutex
	text    []byte
	changed <-chan struct{} // closed when the board has changed since; nil: not rendered yet
}

// gatherNow are metrics that are rendered at every request.
func gatherNow(all ...prometheus.Collector) *renderedMetrics {
	r := prometheus.NewRegistry()
	r.MustRegister(all...)
	return &renderedMetrics{registry: r}
}

// render returns the metrics as text, which is not to be changed.
func (m *renderedMetrics) render(board *bridge.Board, format expfmt.Format) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.ofBoard && m.changed != nil && m.changed == board.Changed() {
		return m.text, nil
	}
	changed := board.Changed() // before the board is read
	families, err := m.registry.Gather()
	if err != nil {
		return nil, fmt.Errorf("gathering metrics: %w", err)
	}
	var text bytes.Buffer
	e := expfmt.NewEncoder(&text, format)
	for _, f := range families {
		if err := e.Encode(f); err != nil {
			return nil, fmt.Errorf("encoding the metric %s: %w", f.GetName(), err)
		}
	}
	m.text, m.changed = text.Bytes(), changed
	return m.text, nil
}

// newRefused returns the counter of refused requests, at zero for every reason.
func newRefused() *prometheus.CounterVec {
	c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "roomgate_requests_refused_total", Help: "Requests refused since the start."}, []string{"reason"})
	for _, reason := range refusals {
		c.WithLabelValues(reason)
	}
	return c
}

// roomCollector reads one point of all rooms.
type roomCollector struct {
	s      *server
	family family
}

// Describe implements prometheus.Collector. It describes nothing: a point may have no
// value in any room.
func (roomCollector) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (c roomCollector) Collect(out chan<- prometheus.Metric) {
	for _, room := range c.s.Rooms {
		c.family.collect(out, c.s.Board.Value(driver.Subject{Scope: driver.OfRoom, ID: room.ID}, c.family.index), room.ID)
	}
}

// restCollector reads what is not of a room.
type restCollector struct {
	s                 *server
	accounts, gateway []family
}

func newRestCollector(s *server) restCollector {
	return restCollector{s,
		familiesOf(driver.Catalogue(driver.OfAccount), "account", "account"),
		familiesOf(driver.Catalogue(driver.OfGateway), "gateway")}
}

// Describe implements prometheus.Collector. It describes nothing, because accounts
// and parts are known only once they have published something.
func (restCollector) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (c restCollector) Collect(out chan<- prometheus.Metric) {
	out <- prometheus.MustNewConstMetric(buildInfo, prometheus.GaugeValue, 1, c.s.Version, runtime.Version())
	for _, a := range c.s.Board.Subjects(driver.OfAccount) {
		collect(out, c.accounts, c.s.points(driver.OfAccount, a.ID).values, a.ID)
	}
	collect(out, c.gateway, c.s.points(driver.OfGateway, "").values)
	for name, p := range c.s.parts() {
		out <- prometheus.MustNewConstMetric(partHealthy, prometheus.GaugeValue, truth(p.OK), name)
	}
}

// number is the value of a Bool, Int or Time; of a Time the epoch seconds.
func number(v driver.Value) float64 {
	switch v.Kind() {
	case driver.Time:
		return float64(v.Time().UnixMilli()) / float64(time.Second/time.Millisecond)
	case driver.Int:
		return float64(v.Int())
	}
	return truth(v.Bool())
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
