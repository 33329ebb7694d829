package main

import (
	"crypto/sha1"
	"crypto/tls"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCertificateMakesAPair(t *testing.T) {
	dir := t.TempDir()
	none := filepath.Join(dir, "roomgate.toml")
	code, out, errOut := command(t, "certificate", "rooms", "--years", "3", "--config", none)
	if code != exitOK {
		t.Fatalf("ended with %d: %s", code, errOut)
	}
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, "rooms.crt"), filepath.Join(dir, "rooms.key"))
	if err != nil {
		t.Fatal(err)
	}
	if got := pair.Leaf.Subject.CommonName; got != "roomgate rooms" {
		t.Errorf("common name %q", got)
	}
	sum := sha1.Sum(pair.Certificate[0]) // the portal shows the SHA-1 thumbprint
	if thumbprint := strings.ToUpper(hex.EncodeToString(sum[:])); !strings.Contains(out, thumbprint) {
		t.Errorf("the thumbprint %s is not told:\n%s", thumbprint, out)
	}
	if strings.Contains(out, "PRIVATE KEY") {
		t.Error("the private key is printed")
	}
	for _, name := range []string{"rooms.crt", "rooms.key"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has the mode %v", name, info.Mode())
		}
	}
}

// A key that the portal knows must never be lost to a second call, not even
// when only one of the two files is left.
func TestCertificateOverwritesNothing(t *testing.T) {
	for _, left := range []string{"rooms.crt", "rooms.key"} {
		dir := t.TempDir()
		path := filepath.Join(dir, left)
		if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
			t.Fatal(err)
		}
		code, _, errOut := command(t, "certificate", "rooms", "--folder", dir, "--config", filepath.Join(dir, "none.toml"))
		if code != exitFailed || !strings.Contains(errOut, left+" exists and is left as it is") {
			t.Errorf("with %s there: ended with %d: %s", left, code, errOut)
		}
		entries, err := os.ReadDir(dir)
		if err != nil || len(entries) != 1 {
			t.Errorf("with %s there: the folder holds %v, %v", left, entries, err)
		}
		if text, err := os.ReadFile(path); err != nil || string(text) != "precious" {
			t.Errorf("%s now holds %q, %v", left, text, err)
		}
	}
}

func TestCertificateRefuses(t *testing.T) {
	none := filepath.Join(t.TempDir(), "none.toml")
	for _, args := range [][]string{{"../rooms"}, {"Rooms"}, {"rooms", "--years", "0"}, {"rooms", "--years", "11"}, {}, {"a", "b"}} {
		if code, _, errOut := command(t, append([]string{"certificate", "--config", none}, args...)...); code != exitUsage {
			t.Errorf("%q ended with %d: %s", args, code, errOut)
		}
	}
}
