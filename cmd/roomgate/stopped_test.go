package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"testing"
)

// A command that was stopped says what became of its work, and nothing of contexts.
func TestStopped(t *testing.T) {
	ended := fmt.Errorf("asking the running gateway: %w", context.Canceled)
	for want, err := range map[string]error{
		"roomgate: stopped; nothing changed\n":                                         afterSignal(ended),
		"roomgate: stopped; whether the gateway has done it shows roomgate accounts\n": afterSignal(sent(ended, "roomgate accounts")),
		"roomgate: stopped; the code stays valid until 15:04\n":                        afterSignal(errors.Join(stopped("stopped; the code stays valid until 15:04"), nil)),
	} {
		var out bytes.Buffer
		complain(&out, err)
		if out.String() != want || exitCode(err) != exitStopped {
			t.Errorf("%q, exit code %d, want %q", out.String(), exitCode(err), want)
		}
	}
	refused := errors.New("access is denied")
	if err := afterSignal(refused); err != refused {
		t.Errorf("an error of its own becomes %v", err)
	}
}

// A file on the command line that does not exist is a mistake on it; any other error of
// a file is not.
func TestNamedFiles(t *testing.T) {
	for err, want := range map[error]int{fs.ErrNotExist: exitUsage, fs.ErrPermission: exitFailed} {
		if got := exitCode(named(fmt.Errorf("reading the backup: %w", err))); got != want {
			t.Errorf("%v: exit code %d, want %d", err, got, want)
		}
	}
}
