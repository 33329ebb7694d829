package web

import (
	"net/http"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"roomgate/driver"
)

// family is a point that is exposed as a number.
type family struct {
	index int // in the catalogue of the scope
	kind  prometheus.ValueType
	desc  *prometheus.Desc
}

func ofRoom(index int, name, help string) family {
	return family{index, prometheus.GaugeValue, prometheus.NewDesc("roomgate_room_"+name, help, []string{"room"}, nil)}
}

func ofAccount(index int, kind prometheus.ValueType, name, help string) family {
	return family{index, kind, prometheus.NewDesc("roomgate_account_"+name, help, []string{"account"}, nil)}
}

var roomFamilies = []family{
	ofRoom(driver.Booked, "booked", "1 while a booking that counts is running."),
	ofRoom(driver.Comfort, "comfort", "1 while the room is to be heated, cooled and ventilated for people."),
	ofRoom(driver.Occupied, "occupied", "1 while somebody is there, as the presence sensor says; without one that can be trusted, while booked."),
	ofRoom(driver.Age, "last_good_read_age_seconds", "Time since the room's calendar was last read, taken at each full minute."),
}

var accountFamilies = []family{
	ofAccount(driver.Polls, prometheus.CounterValue, "polls_total", "Polls of the account's calendars since the start."),
	ofAccount(driver.Throttled, prometheus.CounterValue, "throttled_total", "Requests that the service put off since the start."),
	ofAccount(driver.AccessExpires, prometheus.GaugeValue, "access_token_expires_timestamp_seconds", "End of the access token in use."),
	ofAccount(driver.LastRefresh, prometheus.GaugeValue, "last_refresh_timestamp_seconds", "Last refresh of the tokens."),
	ofAccount(driver.LastPoll, prometheus.GaugeValue, "last_poll_timestamp_seconds", "End of the last poll of the calendars."),
	ofAccount(driver.RefreshDaysLeft, prometheus.GaugeValue, "refresh_days_left", "Whole days until the refresh token would lapse unused."),
	ofAccount(driver.SecretDaysLeft, prometheus.GaugeValue, "secret_days_left", "Whole days until the client secret expires; absent when its date is not configured."),
}

var (
	roomMode     = prometheus.NewDesc("roomgate_room_mode", "1 for the mode the room is in.", []string{"room", "mode"}, nil)
	roomSensor   = prometheus.NewDesc("roomgate_room_sensor", "1 for how far the room's presence sensor can be trusted.", []string{"room", "sensor"}, nil)
	roomQuality  = prometheus.NewDesc("roomgate_room_quality", "1 for the quality the room's points have.", []string{"room", "quality"}, nil)
	accountState = prometheus.NewDesc("roomgate_account_state", "1 for the state the sign-in is in.", []string{"account", "state"}, nil)
	partHealthy  = prometheus.NewDesc("roomgate_part_healthy", "1 while the part of the gateway is working.", []string{"part"}, nil)
	buildInfo    = prometheus.NewDesc("roomgate_build_info", "1; the labels tell the version.", []string{"version", "goversion"}, nil)
)

// metrics answers in Prometheus' format. What is not known is absent, not zero.
// Nothing a calendar contains is exposed.
func (s *server) metrics() http.Handler {
	r := prometheus.NewRegistry()
	r.MustRegister(boardCollector{s}, s.refused, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
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

// boardCollector reads the board whenever it is asked.
type boardCollector struct{ s *server }

// Describe implements prometheus.Collector. Accounts and parts come as they
// show themselves, so nothing is promised.
func (boardCollector) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (c boardCollector) Collect(out chan<- prometheus.Metric) {
	out <- prometheus.MustNewConstMetric(buildInfo, prometheus.GaugeValue, 1, c.s.Version, runtime.Version())
	for _, room := range c.s.Rooms {
		points := c.s.points(driver.OfRoom, room.ID)
		collect(out, roomFamilies, room.ID, points)
		for index, desc := range map[int]*prometheus.Desc{driver.QualityPoint: roomQuality, driver.ModePoint: roomMode, driver.SensorPoint: roomSensor} {
			collectWords(out, desc, room.ID, driver.Catalogue(driver.OfRoom)[index], points[index])
		}
	}
	for _, a := range c.s.Board.Subjects(driver.OfAccount) {
		points := c.s.points(driver.OfAccount, a.ID)
		collect(out, accountFamilies, a.ID, points)
		collectWords(out, accountState, a.ID, driver.Catalogue(driver.OfAccount)[driver.AccountState], points[driver.AccountState])
	}
	for name, p := range c.s.parts() {
		out <- prometheus.MustNewConstMetric(partHealthy, prometheus.GaugeValue, truth(p.OK), name)
	}
}

func collect(out chan<- prometheus.Metric, families []family, id string, points []driver.Value) {
	for _, f := range families {
		if v := points[f.index]; !v.Nothing() {
			out <- prometheus.MustNewConstMetric(f.desc, f.kind, number(v), id)
		}
	}
}

// collectWords exposes an Enum as one sample for each of its words, of which one is 1.
func collectWords(out chan<- prometheus.Metric, desc *prometheus.Desc, id string, p driver.Point, v driver.Value) {
	for _, word := range p.Values {
		out <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, truth(v.Text() == word), id, word)
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
