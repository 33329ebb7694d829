package config

import (
	"fmt"
	"io"
	"log/slog"
)

// mask is what a secret prints as.
const mask = "(secret)"

// A Secret is a text that never prints: every way of formatting, encoding or
// logging it gives "(secret)", or "" when it is empty. The zero Secret is empty.
type Secret struct {
	// A pointer, because fmt cannot call the methods of a Secret that sits in
	// an unexported field and would print a plain string there.
	text *string
}

// NewSecret returns text as a Secret.
func NewSecret(text string) Secret {
	if text == "" {
		return Secret{}
	}
	return Secret{&text}
}

// Reveal returns the secret itself.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// String returns "(secret)", or "" for an empty secret.
func (s Secret) String() string {
	if s.text == nil {
		return ""
	}
	return mask
}

// Format writes String, whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) { io.WriteString(f, s.String()) }

// MarshalText is String; the error is nil. JSON uses it too.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// LogValue is String.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }
