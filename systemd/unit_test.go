// Package systemd holds the unit files; its tests have systemd's own tools read
// them.
package systemd

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// exposure is the highest score of 'systemd-analyze security', times ten, that
// is accepted: 0 is closed, 100 wide open.
const exposure = "15"

func TestUnitIsUnderstood(t *testing.T) {
	analyze(t, "verify")
}

func TestUnitIsHardened(t *testing.T) {
	analyze(t, "security", "--offline=true", "--threshold="+exposure)
}

// The watchdog, the reload, the stop and the memory limit are described in docs/operations.md.
func TestUnitKeepsPromises(t *testing.T) {
	text, err := os.ReadFile("roomgate.service")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"Type=notify", "Restart=always", "WatchdogSec=180", "ExecReload=/bin/kill -HUP $MAINPID", "StateDirectoryMode=0700", "LimitCORE=0", "MemoryMax=512M"} {
		if !strings.Contains(string(text), "\n"+line+"\n") {
			t.Errorf("missing: %s", line)
		}
	}
}

// analyze has systemd-analyze read the unit, with a program that exists on this
// machine in the place of an installed roomgate.
func analyze(t *testing.T, args ...string) {
	t.Helper()
	tool, err := exec.LookPath("systemd-analyze")
	if err != nil {
		if os.Getenv("ROOMGATE_REAL") != "" {
			t.Fatal("systemd-analyze is missing: apt-get install systemd")
		}
		t.Skip("systemd-analyze is not installed")
	}
	text, err := os.ReadFile("roomgate.service")
	if err != nil {
		t.Fatal(err)
	}
	unit := filepath.Join(t.TempDir(), "roomgate.service")
	if err := os.WriteFile(unit, []byte(strings.Replace(string(text), "/usr/bin/roomgate", "/bin/true", 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(tool, append(args, unit)...).CombinedOutput()
	if err != nil {
		t.Errorf("systemd-analyze %s: %v\n%s", args[0], err, out)
	}
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, "Unknown") {
			t.Errorf("systemd does not know: %s", line)
		}
	}
}
