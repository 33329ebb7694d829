package graph

import (
	"slices"
	"strings"
	"testing"
)

func TestScopesOfTheClouds(t *testing.T) {
	asked := []string{"offline_access", "Calendars.Read", "https://graph.microsoft.us/User.Read"}
	for graph, want := range map[string][]string{
		"":                               asked,
		"https://graph.microsoft.com":    asked,
		"http://127.0.0.1:8765":          asked,
		"https://dod-graph.microsoft.us": {"offline_access", "https://dod-graph.microsoft.us/Calendars.Read", "https://graph.microsoft.us/User.Read"},
	} {
		if got := fullScopes(asked, graph); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", graph, got, want)
		}
	}
	if got := shortScopes([]string{"https://graph.microsoft.us/Calendars.Read", "openid"}); !slices.Equal(got, []string{"Calendars.Read", "openid"}) {
		t.Errorf("shortScopes = %v", got)
	}
}

func TestMissingScopes(t *testing.T) {
	for _, test := range []struct{ asked, granted, want string }{
		{"offline_access openid Calendars.Read", "Calendars.Read", ""},
		{"Calendars.Read", "", ""}, // not known
		{"https://graph.microsoft.us/Calendars.Read", "calendars.read", ""},
		{"Calendars.Read Calendars.Read.Shared", "Calendars.ReadWrite", "Calendars.Read.Shared"},
		{"Calendars.Read.Shared", "Calendars.ReadWrite.Shared", ""},
		{"Calendars.ReadWrite", "Calendars.Read", "Calendars.ReadWrite"},
		{"https://graph.microsoft.com/.default", "User.Read", ""},
	} {
		if got := strings.Join(missingScopes(strings.Fields(test.asked), strings.Fields(test.granted)), " "); got != test.want {
			t.Errorf("%q of which %q was granted: %q is missing, want %q", test.asked, test.granted, got, test.want)
		}
	}
}
