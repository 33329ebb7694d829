package config

import (
	"path/filepath"
	"regexp"
	"strings"
)

// DefaultPath is the configuration of commands that are called without --config.
const DefaultPath = "/etc/roomgate/roomgate.toml"

// defaultProgram is how commands are called with the configuration at DefaultPath.
const defaultProgram = "roomgate"

// Program returns how the commands of roomgate are called with the configuration at
// path, as in "roomgate --config /srv/hq.toml". The name of a command follows. Every
// text that advises a command begins it so: the user, who may be in another folder
// or read a page, must not act on another gateway. The path is quoted for a shell
// where it needs to be.
func Program(path string) string {
	if absolute, err := filepath.Abs(path); err == nil {
		path = absolute
	}
	if path == DefaultPath {
		return defaultProgram
	}
	if !plainPath.MatchString(path) {
		path = "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
	}
	return defaultProgram + " --config " + path
}

// plainPath is a path in which no character means anything to a shell.
var plainPath = regexp.MustCompile(`^[A-Za-z0-9/._+:@%-]+$`)
