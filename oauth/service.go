package oauth

import (
	"net/url"
	"slices"
	"strings"
	"time"
)

// Service describes the identity service of one account. Name and TokenURL are
// required; a nil function means the rule of the specification.
type Service struct {
	Name             string     // display name, such as "Contoso 365"
	AuthorizationURL string     // authorization endpoint (RFC 6749 §3.1); required for Code
	TokenURL         string     // token endpoint (RFC 6749 §3.2)
	DeviceURL        string     // device authorization endpoint (RFC 8628 §3.1); required for Device
	Parameters       url.Values // of every authorization request, beyond those of RFC 6749 and RFC 7636

	Scopes        []string                                // to ask for, as the service spells them
	ScopeNames    func(granted []string) []string         // the display names of granted scopes; nil: as granted
	MissingScopes func(granted []string) []string         // which of the names that were asked for were not granted; nil: by comparing
	Diagnose      func(r ErrorResponse) (Diagnosis, bool) // what an error response means; false: the service did not write it

	// RefreshTokenLifetime is how long a refresh token lives without being used; 0: not known.
	// An end in a token response (refresh_token_expires_in) applies too.
	RefreshTokenLifetime time.Duration

	// Bound are the settings that a sign-in belongs to, beside the client id:
	// one that was made with other values is not used.
	Bound []Setting

	NoRefreshToken  string // what to do when a sign-in brings no refresh token; may be empty
	RenewCredential string // what to do before the client's secret or certificate expires; may be empty
}

// Setting is a setting of the configuration with its value.
type Setting struct{ Name, Value string }

// ErrorResponse is what a service answered in place of tokens (RFC 6749 §5.2) or
// in place of a code (RFC 6749 §4.1.2.1). Its texts are untrusted; secrets of
// the request are hidden in them.
type ErrorResponse struct {
	Status      int            // HTTP status; 400 for an authorization response
	Code        string         // "error"; empty: there is none
	Description string         // "error_description"
	Fields      map[string]any // all fields of the response, as encoding/json decodes them
}

// Diagnosis is what an error response means for the user.
type Diagnosis struct {
	Class      Class
	Reason     string   // what is wrong, in words; a text of the response is reduced by Sentence
	Codes      []string // under which the service's documentation lists it
	References []string // to quote to the service's support, such as "trace id 5b0c"; they are in the log alone
	Action     string   // the next step; where SignIn is set, what comes before signing in again
	SignIn     bool     // signing in again is the last step
}

// StandardClass classifies an error response that the service wrote, by its HTTP
// status and its "error" (RFC 6749 §4.1.2.1 and §5.2, RFC 8628 §3.5).
func StandardClass(r ErrorResponse) Class {
	switch {
	case r.Status == 408, r.Status == 429, r.Status >= 500:
		return Retry
	case r.Code == "", r.Code == "temporarily_unavailable", r.Code == "server_error", r.Code == pendingCode, r.Code == slowDownCode:
		return Retry
	}
	return Person
}

// standardErrors are the values of "error" in RFC 6749 §4.1.2.1 and §5.2, RFC 8628
// §3.5 and OpenID Connect Core 1.0 §3.1.2.6.
var standardErrors = []string{
	"invalid_request", "invalid_client", "invalid_grant", "invalid_scope", "unauthorized_client", "unsupported_grant_type",
	"unsupported_response_type", "access_denied", "server_error", "temporarily_unavailable",
	pendingCode, slowDownCode, "expired_token",
	"interaction_required", "login_required", "account_selection_required", "consent_required",
}

// diagnose asks the service what an error response means. Without Diagnose
// the response's texts are used, and one with an "error" of no specification may be a
// proxy's; false: the service did not write it.
func (s Service) diagnose(r ErrorResponse) (Diagnosis, bool) {
	if s.Diagnose != nil {
		return s.Diagnose(r)
	}
	d := Diagnosis{Class: StandardClass(r), Reason: Sentence(r.Description), Codes: []string{r.Code}}
	d.SignIn = d.Class == Person
	return d, slices.Contains(standardErrors, r.Code)
}

// names returns the display names of granted scopes.
func (s Service) names(granted []string) []string {
	if s.ScopeNames == nil {
		return granted
	}
	return s.ScopeNames(granted)
}

// missing returns the scopes that were asked for and not granted; nil where it
// is not known what was granted.
func (s Service) missing(granted []string) []string {
	switch {
	case len(granted) == 0:
		return nil
	case s.MissingScopes != nil:
		return s.MissingScopes(granted)
	}
	var missing []string
	for _, scope := range s.Scopes {
		if !slices.Contains(granted, scope) {
			missing = append(missing, scope)
		}
	}
	return missing
}

// scope is the value of the parameter "scope" (RFC 6749 §3.3).
func (s Service) scope() string { return strings.Join(s.Scopes, " ") }
