package gateway

import (
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"roomgate/config"
	"roomgate/driver"
)

// Kind is a kind of provider that accounts may name.
type Kind struct {
	Name    string // as in the setting provider
	Build   func(b Building) (driver.Provider, error)
	Explain func(text, program string) driver.Advice // looks an error code up; nil: the kind has no dictionary

	// CertificateSteps are what is done at the service, and in the configuration,
	// with a certificate that authenticates an account's client. nil: accounts do
	// not authenticate with certificates.
	CertificateSteps func(account, certFile, keyFile string, cert []byte) []string
}

// Providers are the kinds of provider there are. A further one is a line here.
func Providers() []Kind {
	return []Kind{
		microsoft,
	}
}

// Building is what a provider is built from. Building one touches neither the
// network nor the storage: its predecessor may still be running.
type Building struct {
	Account     config.Account
	Program     string          // how commands are called, see config.Program
	Old         driver.Provider // the predecessor, whose sign-in may be reused; nil: there is none
	OldSettings config.Settings // of the predecessor
	Secrets     Storage         // for tokens: sealed where a key is configured
	State       Storage         // for what is no secret at rest
	HTTP        *http.Client
	UserAgent   string
	Clock       driver.Clock
	Jitter      func(limit time.Duration) time.Duration
	Log         *slog.Logger // its records name the account
}

// Storage keeps small values under keys. The error of Get matches
// fs.ErrNotExist where there is none; Put is one durable step.
type Storage interface {
	Get(key string) ([]byte, error)
	Put(values map[string][]byte) error
	Delete(keys ...string) error
}

// Explain looks an error code up in the dictionaries of all providers. Where it is
// in none, the advice says where to look it up. program is how commands are called, see
// config.Program.
func Explain(text, program string) driver.Advice {
	var first driver.Advice
	for _, k := range Providers() {
		if k.Explain == nil {
			continue
		}
		a := k.Explain(text, program)
		if a.Known {
			return a
		}
		if first.Code == "" {
			first = a
		}
	}
	return first
}

// CertificateSteps returns what is done with a certificate that authenticates an
// account of a provider.
func CertificateSteps(provider string) (func(account, certFile, keyFile string, cert []byte) []string, error) {
	for _, k := range Providers() {
		if k.Name == provider && k.CertificateSteps != nil {
			return k.CertificateSteps, nil
		}
	}
	return nil, fmt.Errorf("accounts of provider %q do not authenticate with a certificate", provider)
}
