package main

import (
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"roomgate/config"
	"roomgate/driver"
	"roomgate/gateway"
	"roomgate/graph/graphsim"
)

func TestDoctorOnAnUnknownTenant(t *testing.T) {
	s := newStand(t, secretLine())
	s.cfg.Accounts[0].Settings.(*config.Microsoft).Tenant = "nobody.example"
	var around []driver.Finding
	err := gateway.Surroundings(t.Context(), s.cfg, gateway.Dependencies{Clock: driver.WallClock{}, Version: "test", Log: slog.New(slog.DiscardHandler)},
		func(f driver.Finding) { around = append(around, f) })
	if err != nil {
		t.Fatal(err)
	}
	wrong := slices.DeleteFunc(around, func(f driver.Finding) bool { return f.Level == driver.LevelGood })
	if len(wrong) != 1 || wrong[0].Subject != "tenant nobody.example" || !wrong[0].Person || !strings.Contains(wrong[0].Words, "AADSTS90002") || !strings.Contains(wrong[0].Action, "Tenant ID") {
		t.Errorf("found %+v", wrong)
	}
}

// With everything in place only the room's default processing is remarked on,
// and that only for the room whose subjects may be shown.
func TestDoctorOnASiteThatWorks(t *testing.T) {
	s := newStand(t, "sign_in = \"app\"\n"+secretLine())
	all, wrong := s.findings()
	if len(wrong) != 1 || wrong[0].Subject != "room boardroom subjects" || wrong[0].Level != driver.LevelWarning || !strings.Contains(wrong[0].Action, "Set-CalendarProcessing -Identity 'boardroom@contoso.example' -DeleteSubject $false") {
		t.Errorf("not good: %+v", wrong)
	}
	var subjects []string
	for _, f := range all {
		subjects = append(subjects, f.Subject)
	}
	want := []string{"database", "time zone", "server 127.0.0.1", "tenant " + graphsim.TenantID, "clock", "disk", "file permissions",
		"account rooms", "room boardroom", "room boardroom subjects", "room library", "broker", "subscriber"}
	if !slices.Equal(subjects, want) {
		t.Errorf("looked at %q, want %q", subjects, want)
	}
	if err := verdict(all); err != nil {
		t.Errorf("the verdict is %v", err)
	}
}

// Each thing that the customer's IT can have forgotten is found, with what to do.
func TestDoctorFindsWhatIsMissing(t *testing.T) {
	id, _, _ := graphsim.DefaultClient()
	for _, c := range []struct {
		name, account   string
		spoil           func(*stand)
		subject, action string
		exit            int
	}{
		{"nobody signed in", secretLine(), func(*stand) {}, "account rooms", "roomgate.toml login rooms", exitPerson},
		{"the secret has expired", "sign_in = \"app\"\n" + secretLine(), func(s *stand) { s.sim.FailToken(7000222, -1) }, "account rooms", "Certificates & secrets", exitPerson},
		{"no permission for the app", "sign_in = \"app\"\n" + secretLine(), func(s *stand) { s.sim.ChangeApp(id, func(a *graphsim.App) { a.AppRoles = nil }) }, "room library", "Test-ServicePrincipalAuthorization", exitPerson},
		{"the secret ends soon", "sign_in = \"app\"\nclient_secret_expires = " + time.Now().AddDate(0, 0, 10).Format(time.DateOnly) + "\n" + secretLine(), func(*stand) {}, "account rooms", "Certificates & secrets", exitOK},
		{"Microsoft is down", "sign_in = \"app\"\n" + secretLine(), func(s *stand) { s.sim.FailToken(90033, -1) }, "account rooms", "", exitOK},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStand(t, c.account)
			c.spoil(s)
			all, wrong := s.findings()
			if !slices.ContainsFunc(wrong, func(f driver.Finding) bool { return f.Subject == c.subject && strings.Contains(f.Action, c.action) }) {
				t.Errorf("not good: %+v, want %q with %q", wrong, c.subject, c.action)
			}
			if err := verdict(all); err != nil && exitCode(err) != c.exit || err == nil && c.exit != exitOK {
				t.Errorf("the verdict is %v, want exit code %d", err, c.exit)
			}
		})
	}
}
