package main

import (
	"os"
	"strings"
	"testing"

	"roomgate/driver"
)

// The manual of the topics lists every point of the catalogue, with its type
// and its meaning.
func TestManualListsEveryPoint(t *testing.T) {
	text, err := os.ReadFile("../../docs/mqtt.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, scope := range []driver.Scope{driver.OfRoom, driver.OfAccount, driver.OfGateway} {
		for _, p := range driver.Catalogue(scope) {
			row := "| `" + p.Name + "` | " + p.Kind.String()
			if !strings.Contains(string(text), row) || !strings.Contains(string(text), p.Description) {
				t.Errorf("docs/mqtt.md has no row %q with %q", row, p.Description)
			}
		}
	}
}

// The manual of operations lists every command.
func TestManualListsEveryCommand(t *testing.T) {
	text, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range newRoot().Commands() {
		if !strings.Contains(string(text), "`"+c.Name()) {
			t.Errorf("docs/operations.md does not mention %q", c.Name())
		}
	}
}
