package config

import (
	"os"
	"path/filepath"
	"testing"
)

func TestProgram(t *testing.T) {
	folder, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"/etc/roomgate/roomgate.toml":    "roomgate",
		"/etc/roomgate/../roomgate.toml": "roomgate --config /etc/roomgate.toml",
		"hq.toml":                        "roomgate --config " + filepath.Join(folder, "hq.toml"),
		"/srv/head office/a'b.toml":      `roomgate --config '/srv/head office/a'\''b.toml'`,
		"/srv/$HOME;reboot.toml":         "roomgate --config '/srv/$HOME;reboot.toml'",
	} {
		if got := Program(path); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
}

// What was loaded from a file, and what is wrong with a file, name that file in
// every command.
func TestProgramOfAFile(t *testing.T) {
	t.Setenv("CREDENTIALS_DIRECTORY", "")
	path := filepath.Join(t.TempDir(), "hq.toml")
	if err := os.WriteFile(path, []byte(minimal), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load(path)
	if err != nil || c.Program != "roomgate --config "+path {
		t.Errorf("%v, %v", c, err)
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = Load(path)
	if p, ok := err.(*Problems); !ok || p.Action() != "correct the configuration, then run: roomgate --config "+path+" config check" {
		t.Errorf("%v", err)
	}
}
