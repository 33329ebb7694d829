package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestSecretNeverPrints(t *testing.T) {
	s := NewSecret("abc~text")
	outer := struct {
		Public Secret
		hidden Secret
		list   []Secret
	}{s, s, []Secret{s}}
	var logged bytes.Buffer
	log := slog.New(slog.NewTextHandler(&logged, nil))
	log.Info("x", "secret", s, "outer", outer, "pointer", &s)
	slog.New(slog.NewJSONHandler(&logged, nil)).Info("x", "secret", s, "outer", outer)
	encoded, err := json.Marshal(map[Secret]any{})
	if err == nil {
		encoded, err = json.Marshal([]any{s, outer, &s})
	}
	if err != nil {
		t.Fatal(err)
	}
	outputs := []string{logged.String(), string(encoded), s.String(), fmt.Errorf("with %w", fmt.Errorf("%v", s)).Error()}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%10s"} {
		outputs = append(outputs, fmt.Sprintf(verb, s), fmt.Sprintf(verb, outer), fmt.Sprintf(verb, &outer))
	}
	for _, out := range outputs {
		if strings.Contains(out, "abc~text") || strings.Contains(out, fmt.Sprintf("%x", "abc~text")) {
			t.Errorf("prints the secret: %s", out)
		}
	}
	if got := fmt.Sprintf("%v|%s|%q|%#v", s, s, s, s); got != "(secret)|(secret)|(secret)|(secret)" {
		t.Errorf("prints as %s", got)
	}
	if s.Reveal() != "abc~text" {
		t.Errorf("reveals %q", s.Reveal())
	}
}

func TestEmptySecretPrintsNothing(t *testing.T) {
	for _, s := range []Secret{{}, NewSecret("")} {
		encoded, err := json.Marshal(s)
		if err != nil || string(encoded) != `""` || fmt.Sprint(s) != "" || s.Reveal() != "" {
			t.Errorf("empty secret: %s, %q, %q, %v", encoded, fmt.Sprint(s), s.Reveal(), err)
		}
	}
}
