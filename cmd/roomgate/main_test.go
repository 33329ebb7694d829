package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain makes this test binary also the programs that the tests run, on the
// PATH: roomgate itself, and signin, the person at the sign-in page.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"roomgate": main, "signin": acceptAsPerson})
}

// acceptAsPerson reads the address that 'roomgate login --print-url' printed, presses
// Accept on the simulator's page there, and prints where the browser ends up.
func acceptAsPerson() {
	address, err := io.ReadAll(os.Stdin)
	var landed string
	if err == nil {
		landed, err = acceptSignIn(context.Background(), strings.TrimSpace(string(address)))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "signin:", err)
		os.Exit(1)
	}
	fmt.Println(landed)
}

// needProgram returns the path of a program of the system. Without it the test
// is skipped, unless ROOMGATE_REAL=1 says that it must run.
func needProgram(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	const advice = "%s is missing: apt-get install mosquitto mosquitto-clients"
	if err != nil && os.Getenv("ROOMGATE_REAL") == "1" {
		t.Fatalf(advice, name)
	}
	if err != nil {
		t.Skipf(advice, name)
	}
	return path
}
