package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"roomgate/gateway"
	"roomgate/graph/graphsim"
)

// TestMain makes this test binary also the programs that the tests run, on the
// PATH: roomgate itself, and the person at the sign-in pages: signin and entercode.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"roomgate": main, "signin": acceptAsPerson, "entercode": enterAsPerson})
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

// enterAsPerson reads what 'roomgate accounts --json' printed, and enters the
// device code in it at the simulator's page.
func enterAsPerson() {
	var accounts []gateway.AccountStatus
	err := json.NewDecoder(os.Stdin).Decode(&accounts)
	if err == nil {
		err = enterCode(accounts)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "entercode:", err)
		os.Exit(1)
	}
}

// enterCode enters the first device code that an account shows.
func enterCode(accounts []gateway.AccountStatus) error {
	i := slices.IndexFunc(accounts, func(a gateway.AccountStatus) bool { return a.Device != nil })
	if i < 0 {
		return errors.New("no account shows a code")
	}
	d := accounts[i].Device
	resp, err := http.PostForm(d.VerificationURI, url.Values{"user_code": {d.UserCode}, "user": {graphsim.ServiceAccount}, "action": {"accept"}})
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	page, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if !strings.Contains(string(page), "You can close this page") {
		return fmt.Errorf("the page did not take the code: %s", resp.Status)
	}
	return nil
}

// needProgram returns the path of a program of the system. Without it the test
// is skipped, unless ROOMGATE_REAL=1 says that it must run.
func needProgram(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	const advice = "%s is missing: apt-get install mosquitto mosquitto-clients chromium chromium-driver"
	if err != nil && os.Getenv("ROOMGATE_REAL") == "1" {
		t.Fatalf(advice, name)
	}
	if err != nil {
		t.Skipf(advice, name)
	}
	return path
}
