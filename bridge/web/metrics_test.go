package web

import (
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"roomgate/driver"
)

func TestMetricsOfTheBoard(t *testing.T) {
	o := options(t)
	o.Version = "1.2.3\"\\\n"
	p := booked("a secret subject")
	p[driver.Comfort] = driver.BoolValue(false)
	p[driver.Age] = driver.IntValue(37)
	p[driver.ModePoint], p[driver.SensorPoint], p[driver.Occupied] = driver.EnumValue("standby"), driver.EnumValue("good"), driver.BoolValue(false)
	p[driver.CurrentOrganizer] = driver.TextValue("a secret organizer")
	publish(o, driver.OfRoom, "boardroom", p)
	publish(o, driver.OfAccount, "rooms", points{
		driver.AccountState: driver.EnumValue("retrying"), driver.Polls: driver.IntValue(12), driver.Throttled: driver.IntValue(3),
		driver.AccessExpires: driver.TimeValue(noon), driver.RefreshDaysLeft: driver.IntValue(89), driver.SecretDaysLeft: driver.NoInt(driver.NotForeseen),
	})
	publish(o, driver.OfGateway, "", points{driver.Started: driver.TimeValue(noon)})
	o.Board.Report("mqtt", false, "", noon)
	o.Board.Report("store", true, "", noon)
	text := get(t, Handler(o), "/metrics")
	checkExposition(t, text)
	for _, want := range []string{
		`roomgate_build_info{goversion="` + runtime.Version() + `",version="1.2.3\"\\\n"} 1`,
		`roomgate_room_booked{room="boardroom"} 1`,
		`roomgate_room_comfort{room="boardroom"} 0`,
		`roomgate_room_last_good_read_age_seconds{room="boardroom"} 37`,
		`roomgate_room_quality{quality="good",room="boardroom"} 1`,
		`roomgate_room_mode{mode="standby",room="boardroom"} 1`,
		`roomgate_room_mode{mode="bypass",room="boardroom"} 0`,
		`roomgate_room_sensor{room="boardroom",sensor="good"} 1`,
		`roomgate_room_occupied{room="boardroom"} 0`,
		`roomgate_room_quality{quality="stale",room="boardroom"} 0`,
		`roomgate_room_quality{quality="good",room="attic"} 0`,
		`roomgate_account_state{account="rooms",state="retrying"} 1`,
		`roomgate_account_state{account="rooms",state="ok"} 0`,
		"# TYPE roomgate_account_polls_total counter\n" + `roomgate_account_polls_total{account="rooms"} 12`,
		`roomgate_account_throttled_total{account="rooms"} 3`,
		`roomgate_account_access_token_expires_timestamp_seconds{account="rooms"} 1.7954352e+09`,
		`roomgate_account_refresh_days_left{account="rooms"} 89`,
		`roomgate_part_healthy{part="mqtt"} 0`,
		`roomgate_part_healthy{part="store"} 1`,
	} {
		if !strings.Contains(text, "\n"+want) {
			t.Errorf("missing: %s", want)
		}
	}
	for _, never := range []string{"secret subject", "secret organizer", `room_booked{room="attic"}`, "secret_days_left{", "last_refresh_timestamp_seconds{"} {
		if strings.Contains(text, never) {
			t.Errorf("%s is exposed", never)
		}
	}
}

// A point is exposed by what its row says, and by nothing else.
func TestMetricsOfRows(t *testing.T) {
	rows := []driver.Point{
		{Name: "private", Kind: driver.Text},
		{Name: "guests", Kind: driver.Int, Metric: driver.Metric{Name: "guests_total", Help: "Guests.", Counter: true}},
		{Name: "door", Kind: driver.Enum, Values: []string{"open", "shut"}, Metric: driver.Metric{Name: "door", Help: "1 for what the door is."}},
		{Name: "opened", Kind: driver.Time, Metric: driver.Metric{Name: "opened_timestamp_seconds", Help: "Opened."}},
	}
	values := []driver.Value{driver.TextValue("secret"), driver.IntValue(5), driver.EnumValue("shut"), driver.TimeValue(noon)}
	for _, c := range []struct {
		families []family
		labels   []string
		want     string
	}{
		{familiesOf(rows, "room", "room"), []string{"attic"}, `# HELP roomgate_room_door 1 for what the door is.
# TYPE roomgate_room_door gauge
roomgate_room_door{door="open",room="attic"} 0
roomgate_room_door{door="shut",room="attic"} 1
# HELP roomgate_room_guests_total Guests.
# TYPE roomgate_room_guests_total counter
roomgate_room_guests_total{room="attic"} 5
# HELP roomgate_room_opened_timestamp_seconds Opened.
# TYPE roomgate_room_opened_timestamp_seconds gauge
roomgate_room_opened_timestamp_seconds{room="attic"} 1.7954352e+09
`},
		{familiesOf(rows[1:2], "gateway"), nil, `# HELP roomgate_gateway_guests_total Guests.
# TYPE roomgate_gateway_guests_total counter
roomgate_gateway_guests_total 5
`},
	} {
		if c.labels == nil {
			values = values[1:]
		}
		r := prometheus.NewRegistry()
		r.MustRegister(fixed{c.families, values, c.labels})
		w := httptest.NewRecorder()
		promhttp.HandlerFor(r, promhttp.HandlerOpts{}).ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
		if got := w.Body.String(); got != c.want {
			t.Errorf("got\n%s\nwant\n%s", got, c.want)
		}
	}
}

// fixed collects the families of one subject.
type fixed struct {
	families []family
	values   []driver.Value
	labels   []string
}

func (fixed) Describe(chan<- *prometheus.Desc) {}

func (f fixed) Collect(out chan<- prometheus.Metric) {
	collect(out, f.families, f.values, f.labels...)
}

// checkExposition reads the text with Prometheus' own parser.
func checkExposition(t *testing.T, text string) {
	t.Helper()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(text))
	if err != nil {
		t.Fatalf("Prometheus cannot read this: %v", err)
	}
	if families["process_resident_memory_bytes"] == nil || families["go_goroutines"] == nil {
		t.Error("nothing is told of the process itself")
	}
}
