package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestMain makes this test binary also the programs that the tests run, told
// apart by the name they are called by: roomgate itself, and signin, the person
// at the sign-in page.
func TestMain(m *testing.M) {
	switch filepath.Base(os.Args[0]) {
	case "roomgate":
		main()
	case "signin":
		acceptAsPerson()
	default:
		os.Exit(runWithPrograms(m))
	}
}

// runWithPrograms runs the tests with the programs on the PATH.
func runWithPrograms(m *testing.M) int {
	bin, err := os.MkdirTemp("", "rg-bin-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(bin)
	self, err := os.Executable()
	for _, name := range []string{"roomgate", "signin"} {
		if err == nil {
			err = os.Symlink(self, filepath.Join(bin, name))
		}
	}
	if err == nil {
		err = os.Setenv("PATH", bin+string(filepath.ListSeparator)+os.Getenv("PATH"))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
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
