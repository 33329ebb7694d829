package driver

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestFailure(t *testing.T) {
	for _, c := range []struct {
		err  error
		want Finding
	}{
		{errors.New("connection refused"), Finding{Subject: "broker", Level: LevelBad, Words: "connection refused"}},
		{fmt.Errorf("reading the rooms: %w", personError{"access is denied", "grant it"}),
			Finding{Subject: "broker", Level: LevelBad, Words: "access is denied", Action: "grant it", Person: true}},
	} {
		if got := Failure("broker", c.err); got != c.want {
			t.Errorf("%v: %+v, want %+v", c.err, got, c.want)
		}
	}
}

func TestForeignAnswer(t *testing.T) {
	f := ServerAnswer{Host: "calendar.example", Status: 200, ContentType: "text/html"}.Foreign("tenant contoso")
	if f.Subject != "tenant contoso" || f.Level != LevelBad || f.Person {
		t.Errorf("found %+v", f)
	}
	for _, words := range []string{"status 200", `"text/html"`, "open https://calendar.example in a browser"} {
		if !strings.Contains(f.Words+f.Action, words) {
			t.Errorf("%q is missing in %+v", words, f)
		}
	}
}
