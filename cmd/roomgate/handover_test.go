package main

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestHandoverCommand(t *testing.T) {
	s := newStand(t, secretLine())
	path := filepath.Join(s.dir, "roomgate.toml")
	code, out, errOut := command(t, "handover", "--config", path)
	if code != exitOK || !strings.HasPrefix(out, "# Room bookings for the building: hq\n") || !strings.Contains(out, "`rooms@YOUR-DOMAIN`") {
		t.Errorf("ended with %d: %s\n%s", code, errOut, out)
	}
	code, out, errOut = command(t, "handover", "--format", "html", "--user", "svc@contoso.example", "--config", path)
	if code != exitOK || !regexp.MustCompile(`^<!DOCTYPE html>\n`).MatchString(out) || !strings.Contains(out, "<code>svc@contoso.example</code>") {
		t.Errorf("ended with %d: %s\n%s", code, errOut, out)
	}
	if code, _, _ := command(t, "handover", "--format", "pdf", "--config", path); code != exitUsage {
		t.Errorf("an unknown format ended with %d", code)
	}
}
