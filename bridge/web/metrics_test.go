package web

import (
	"regexp"
	"strings"
	"testing"

	"roomgate/driver"
)

func TestMetrics(t *testing.T) {
	o := options(t)
	o.Version = "1.2.3\"\\\n"
	p := booked("a secret subject")
	p[driver.Comfort] = driver.BoolValue(false)
	p[driver.Age] = driver.IntValue(37)
	p[driver.CurrentOrganizer] = driver.TextValue("a secret organizer")
	publish(o, driver.OfRoom, "boardroom", p)
	publish(o, driver.OfAccount, "rooms", points{
		driver.AccountState: driver.EnumValue("retrying"), driver.Polls: driver.IntValue(12), driver.Throttled: driver.IntValue(3),
		driver.AccessExpires: driver.TimeValue(noon), driver.RefreshDaysLeft: driver.IntValue(89), driver.SecretDaysLeft: driver.NoInt(driver.NotInSight),
	})
	publish(o, driver.OfGateway, "", points{driver.Started: driver.TimeValue(noon)})
	o.Board.Report("mqtt", false, "", noon)
	o.Board.Report("store", true, "", noon)
	text := get(t, Handler(o), "/metrics")
	checkExposition(t, text)
	for _, want := range []string{
		`roomgate_build_info{version="1.2.3\"\\\n",goversion="go`,
		`roomgate_room_booked{room="boardroom"} 1`,
		`roomgate_room_comfort{room="boardroom"} 0`,
		`roomgate_room_last_good_read_age_seconds{room="boardroom"} 37`,
		`roomgate_room_quality{room="boardroom",quality="good"} 1`,
		`roomgate_room_quality{room="boardroom",quality="stale"} 0`,
		`roomgate_room_quality{room="attic",quality="good"} 0`,
		`roomgate_account_state{account="rooms",state="retrying"} 1`,
		`roomgate_account_state{account="rooms",state="ok"} 0`,
		"# TYPE roomgate_account_polls_total counter\n" + `roomgate_account_polls_total{account="rooms"} 12`,
		`roomgate_account_throttled_total{account="rooms"} 3`,
		`roomgate_account_access_token_expires_timestamp_seconds{account="rooms"} 1.7954352e+09`,
		`roomgate_account_refresh_days_left{account="rooms"} 89`,
		`roomgate_part_healthy{part="mqtt"} 0`,
		`roomgate_part_healthy{part="store"} 1`,
		"process_start_time_seconds 1.7954352e+09",
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

// sampleLine is the grammar of a sample in the text format
// (prometheus.io/docs/instrumenting/exposition_formats).
var sampleLine = regexp.MustCompile(`^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{[a-z_]+="([^"\\\n]|\\["\\n])*"(,[a-z_]+="([^"\\\n]|\\["\\n])*")*\})? [-+0-9.e]+$`)

// checkExposition reads the text as a scraper would: every sample belongs to the
// family that was opened last, and no family or sample comes twice.
func checkExposition(t *testing.T, text string) {
	t.Helper()
	family := ""
	seen := map[string]bool{}
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		key := line
		switch fields := strings.Fields(line); {
		case strings.HasPrefix(line, "# HELP ") && len(fields) > 3:
			family = fields[2]
		case strings.HasPrefix(line, "# TYPE ") && len(fields) == 4 && fields[2] == family && (fields[3] == "gauge" || fields[3] == "counter"):
		default:
			m := sampleLine.FindStringSubmatch(line)
			if m == nil || m[1] != family {
				t.Errorf("in family %q no sample: %s", family, line)
				continue
			}
			key = m[1] + m[2]
		}
		if seen[key] {
			t.Errorf("twice: %s", key)
		}
		seen[key] = true
	}
}
