// Package packaging holds the files that are installed beside the program.
package packaging

import _ "embed"

// Config is the reference configuration: every setting, with its default and a
// word of explanation. It is a valid configuration as it stands.
//
//go:embed roomgate.toml
var Config []byte
