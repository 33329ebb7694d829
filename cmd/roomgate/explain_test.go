package main

import (
	"encoding/json"
	"strings"
	"testing"

	"roomgate/driver"
)

func TestExplain(t *testing.T) {
	for _, c := range []struct {
		args []string
		exit int
		code string // as it is printed
		next string // part of what to do
	}{
		{[]string{"AADSTS7000222"}, exitOK, "AADSTS7000222", "Certificates & secrets"},
		{[]string{"7000222"}, exitOK, "AADSTS7000222", "Certificates & secrets"},
		{[]string{"aadsts50173"}, exitOK, "AADSTS50173", "roomgate login"},
		{[]string{"invalid_grant"}, exitOK, "invalid_grant", "roomgate login"},
		{[]string{"invalid_grant", "--config", "/srv/hq.toml"}, exitOK, "invalid_grant", "run: roomgate --config /srv/hq.toml login <account>"},
		{[]string{"ErrorAccessDenied"}, exitOK, "ErrorAccessDenied", "Add-MailboxFolderPermission"},
		{[]string{"mailboxnotenabledforrestapi"}, exitOK, "MailboxNotEnabledForRESTAPI", "licence"},
		{[]string{"AADSTS700082: The refresh token has expired due to inactivity. Trace ID: 5b0c0f2e-1"}, exitOK, "AADSTS700082", "roomgate login"},
		{[]string{"HTTP", "404", "ErrorItemNotFound:", "The", "specified", "object", "was", "not", "found"}, exitOK, "ErrorItemNotFound", "Add-MailboxFolderPermission"},
		{[]string{"AADSTS90033"}, exitOK, "AADSTS90033", "tries again automatically"},
		{[]string{"AADSTS1234567"}, exitFailed, "AADSTS1234567", "https://login.microsoftonline.com/error?code=1234567"},
		{[]string{"NoSuchCode"}, exitFailed, "NoSuchCode", "learn.microsoft.com/graph/errors"},
	} {
		code, out, errOut := command(t, append([]string{"explain"}, c.args...)...)
		if code != c.exit || errOut != "" {
			t.Errorf("%q ended with %d, want %d: %s", c.args, code, c.exit, errOut)
		}
		if first, _, _ := strings.Cut(out, "\n"); first != c.code || !strings.Contains(out, c.next) {
			t.Errorf("%q printed, without %q or %q:\n%s", c.args, c.code, c.next, out)
		}
		for _, label := range []string{"What happened    ", "Who can fix it   ", "What to do       "} {
			if _, said, ok := strings.Cut(out, label); !ok || strings.HasPrefix(said, "\n") {
				t.Errorf("%q says nothing after %q:\n%s", c.args, label, out)
			}
		}
	}
	if code, _, errOut := command(t, "explain"); code != exitUsage {
		t.Errorf("without a code it ended with %d: %s", code, errOut)
	}
}

func TestExplainAsJSON(t *testing.T) {
	_, out, _ := command(t, "explain", "--json", "AADSTS7000215")
	var e driver.Advice
	if err := json.Unmarshal([]byte(out), &e); err != nil {
		t.Fatal(err)
	}
	if e.Code != "AADSTS7000215" || !e.Known || !e.NeedsPerson || e.Page != "https://login.microsoftonline.com/error?code=7000215" {
		t.Errorf("explained as %+v", e)
	}
}
