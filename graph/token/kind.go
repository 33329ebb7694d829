package token

import (
	"errors"
	"fmt"
	"slices"
)

// Kind is how an account signs in.
type Kind string

const (
	Code       Kind = "code"   // a person, in a browser, with a redirect (RFC 6749 §4.1); the default
	DeviceCode Kind = "device" // a person, in a browser anywhere, with a short code (RFC 8628)
	App        Kind = "app"    // nobody: the app's own permissions (RFC 6749 §4.4)
)

// check refuses what the kind of sign-in cannot work with.
func (o Options) check() error {
	switch {
	case o.Kind != Code && o.Kind != DeviceCode && o.Kind != App:
		return fmt.Errorf("%q is no way to sign in; it is code, device or app", o.Kind)
	case o.Certificate != nil && o.ClientSecret != "":
		return errors.New("there is a client secret and a certificate; leave one out")
	case o.Kind == App && o.Certificate == nil && o.ClientSecret == "":
		return errors.New("an app that signs in by itself needs a client secret or a certificate")
	case o.Kind == App && (o.Tenant == "common" || o.Tenant == "organizations" || o.Tenant == "consumers"):
		return fmt.Errorf("an app that signs in by itself needs the tenant's id or domain, not %q", o.Tenant)
	}
	return nil
}

// only refuses a sign-in of another kind than the configured one.
func (k *Keeper) only(kinds ...Kind) error {
	if slices.Contains(kinds, k.opts.Kind) {
		return nil
	}
	e := k.endpoint.problem(opSignIn, Person, fmt.Sprintf("this is another way to sign in than sign_in = %q of the configuration", k.opts.Kind))
	if k.opts.Kind == App {
		e.next = "nothing is to be done: the app signs in by itself. To have a person sign in, change sign_in and restart roomgate"
	}
	return e
}
