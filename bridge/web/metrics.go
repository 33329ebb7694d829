package web

import (
	"net/http"
	"runtime"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

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
		v := points[f.index]
		for _, word := range f.words {
			out <- prometheus.MustNewConstMetric(f.desc, f.kind, truth(v.Text() == word), append(slices.Clone(labels), word)...)
		}
		if f.words == nil && !v.Nothing() {
			out <- prometheus.MustNewConstMetric(f.desc, f.kind, number(v), labels...)
		}
	}
}

var (
	partHealthy = prometheus.NewDesc("roomgate_part_healthy", "1 while the part of the gateway is working.", []string{"part"}, nil)
	buildInfo   = prometheus.NewDesc("roomgate_build_info", "1; the labels are the version.", []string{"version", "goversion"}, nil)
)

// metrics answers in Prometheus' format. What is not known is absent, not zero.
// Nothing a calendar contains is exposed.
func (s *server) metrics() http.Handler {
	r := prometheus.NewRegistry()
	r.MustRegister(newBoardCollector(s), s.refused, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return promhttp.HandlerFor(r, promhttp.HandlerOpts{})
}

// newRefused returns the counter of refused requests, at zero for every reason.
func newRefused() *prometheus.CounterVec {
	c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "roomgate_requests_refused_total", Help: "Requests refused since the start."}, []string{"reason"})
	for _, reason := range refusals {
		c.WithLabelValues(reason)
	}
	return c
}

// boardCollector reads the board whenever metrics are asked for.
type boardCollector struct {
	s                        *server
	rooms, accounts, gateway []family
}

func newBoardCollector(s *server) boardCollector {
	return boardCollector{s,
		familiesOf(driver.Catalogue(driver.OfRoom), "room", "room"),
		familiesOf(driver.Catalogue(driver.OfAccount), "account", "account"),
		familiesOf(driver.Catalogue(driver.OfGateway), "gateway")}
}

// Describe implements prometheus.Collector. It describes nothing, because accounts
// and parts are known only once they have published something.
func (boardCollector) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (c boardCollector) Collect(out chan<- prometheus.Metric) {
	out <- prometheus.MustNewConstMetric(buildInfo, prometheus.GaugeValue, 1, c.s.Version, runtime.Version())
	for _, room := range c.s.Rooms {
		collect(out, c.rooms, c.s.points(driver.OfRoom, room.ID).values, room.ID)
	}
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
