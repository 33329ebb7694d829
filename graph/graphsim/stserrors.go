package graphsim

import (
	"fmt"
	"net/http"
)

// sts is one error of the identity platform (learn.microsoft.com/entra/identity-platform/reference-error-codes).
type sts struct {
	err  string // OAuth error value
	sub  string // suberror
	text string
}

var stsCodes = map[int]sts{
	16000:   {"interaction_required", "", "User account does not exist in tenant and cannot access the application."},
	50011:   {"invalid_request", "", "The redirect URI specified in the request does not match the redirect URIs configured for the application."},
	50034:   {"invalid_grant", "", "The user account does not exist in the directory."},
	50049:   {"invalid_instance", "", "Unknown or invalid instance."},
	50053:   {"invalid_grant", "", "The account is locked."},
	50055:   {"invalid_grant", "user_password_expired", "The password is expired."},
	50057:   {"invalid_grant", "", "The user account is disabled."},
	50058:   {"login_required", "", "A silent sign-in request was sent but no user is signed in."},
	50059:   {"invalid_request", "", "No tenant-identifying information found in either the request or implied by any provided credentials."},
	50076:   {"invalid_grant", "basic_action", "Due to a configuration change made by your administrator, or because you moved to a new location, you must use multi-factor authentication to access '00000003-0000-0000-c000-000000000000'."},
	50079:   {"invalid_grant", "basic_action", "Due to a configuration change made by your administrator, you must enroll in multi-factor authentication."},
	50173:   {"invalid_grant", "bad_token", "The provided grant has expired due to it being revoked, a fresh auth token is needed. The user might have changed or reset their password."},
	50194:   {"invalid_request", "", "The application is not configured as a multi-tenant application. Usage of the /common endpoint is not supported for such apps."},
	50196:   {"invalid_grant", "", "The server terminated an operation because it encountered a client request loop."},
	53003:   {"invalid_grant", "message_only", "Access has been blocked by Conditional Access policies. The access policy does not allow token issuance."},
	54005:   {"invalid_grant", "", "OAuth2 Authorization code was already redeemed, please retry with a new valid code or use an existing refresh token."},
	65001:   {"invalid_grant", "consent_required", "The user or administrator has not consented to use the application. Send an interactive authorization request for this user and resource."},
	65004:   {"access_denied", "", "User declined to consent to access the app."},
	70000:   {"invalid_grant", "", "The provided value for the 'code' or 'redirect_uri' parameter is not valid."},
	70003:   {"unsupported_grant_type", "", "The app requested an unsupported grant type."},
	70008:   {"invalid_grant", "", "The provided authorization code or refresh token has expired due to inactivity. Send a new interactive authorization request for this user and resource."},
	70011:   {"invalid_scope", "", "The provided value for the input parameter 'scope' is not valid."},
	70016:   {"authorization_pending", "", "OAuth 2.0 device flow error. Authorization is pending. Continue polling."},
	70018:   {"bad_verification_code", "", "Bad verification code."},
	70020:   {"expired_token", "", "The provided value for the input parameter 'device_code' is not valid. This device code has expired."},
	70043:   {"invalid_grant", "bad_token", "The refresh token has expired or is invalid due to sign-in frequency checks by conditional access."},
	90002:   {"invalid_tenant", "", "Tenant not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud."},
	90033:   {"temporarily_unavailable", "", "A transient error has occurred. Please try again."},
	90120:   {"invalid_grant", "", "The device code was already used."},
	500113:  {"invalid_request", "", "No reply address is registered for the application."},
	501481:  {"invalid_grant", "", "The Code_Verifier does not match the code_challenge supplied in the authorization request."},
	501491:  {"invalid_request", "", "Invalid size of Code_Challenge parameter."},
	650052:  {"invalid_client", "", "The app needs access to a service that your organization has not subscribed to or enabled."},
	700016:  {"unauthorized_client", "", "Application with the identifier sent was not found in the directory."},
	700024:  {"invalid_client", "", "Client assertion is not within its valid time range."},
	700025:  {"invalid_client", "", "Client is public so neither 'client_assertion' nor 'client_secret' should be presented."},
	700027:  {"invalid_client", "", "The certificate with identifier used to sign the client assertion is not registered on application, or its signature is not valid."},
	700054:  {"unsupported_response_type", "", "The response_type is not enabled for the application: it must contain 'code'."},
	700082:  {"invalid_grant", "bad_token", "The refresh token has expired due to inactivity."},
	700084:  {"invalid_grant", "bad_token", "The refresh token was issued to a single page app (SPA), and therefore has a fixed, limited lifetime of 1.00:00:00, which cannot be extended."},
	900023:  {"invalid_request", "", "Specified tenant identifier is neither a valid DNS name, nor a valid external domain."},
	900144:  {"invalid_request", "", "The request body must contain the following parameter: 'grant_type'."},
	900561:  {"invalid_request", "", "The endpoint only accepts POST requests."},
	1002012: {"invalid_scope", "", "The provided value for scope is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier (application ID URI)."},
	7000112: {"unauthorized_client", "", "Application is disabled."},
	7000215: {"invalid_client", "", "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID."},
	7000218: {"invalid_client", "", "The request body must contain the following parameter: 'client_assertion' or 'client_secret'."},
	7000222: {"invalid_client", "", "The provided client secret keys are expired."},
	9001023: {"invalid_request", "", "The grant type is not supported over the /common or /consumers endpoints. Please use the /organizations or tenant-specific endpoint."},
	9002325: {"invalid_request", "", "Proof Key for Code Exchange is required for cross-origin authorization code redemption."},
	9002327: {"invalid_request", "", "Tokens issued for the 'Single-Page Application' client-type may only be redeemed via cross-origin requests."},
	9002332: {"invalid_request", "", "The application is configured for use by Microsoft Entra users only. Please do not use the /consumers endpoint."},
	9002313: {"invalid_request", "", "Invalid request. Request is malformed or invalid."},
}

// lookup returns the error of a code; an unknown code is an invalid_grant.
func lookup(code int) sts {
	if e, ok := stsCodes[code]; ok {
		return e
	}
	return sts{"invalid_grant", "", "Simulated error without further text."}
}

// refusal is an identity error before it is formatted; detail replaces the text of the code. Zero: no error.
type refusal struct {
	code   int
	detail string
}

func missing(parameter string) refusal {
	return refusal{900144, "The request body must contain the following parameter: '" + parameter + "'."}
}

// description is the error text with the identifiers that Microsoft appends.
func (s *Sim) description(c *call, r refusal) string {
	text := r.detail
	if text == "" {
		text = lookup(r.code).text
	}
	return fmt.Sprintf("AADSTS%d: %s Trace ID: %s Correlation ID: %s Timestamp: %s", r.code, text, c.id, c.correlation(), c.now.Format("2006-01-02 15:04:05Z"))
}

func (c *call) correlation() string {
	for _, id := range []string{c.r.Header.Get("client-request-id"), c.form().Get("client-request-id")} {
		if id != "" {
			return id
		}
	}
	return c.id
}

func (s *Sim) stsError(c *call, code int) response { return s.refuse(c, refusal{code: code}) }

// refuse is an error response of the token endpoint; only invalid_client has status 401 (RFC 6749 §5.2).
func (s *Sim) refuse(c *call, r refusal) response {
	e := lookup(r.code)
	body := map[string]any{
		"error": e.err, "error_description": s.description(c, r), "error_codes": []int{r.code},
		"timestamp": c.now.Format("2006-01-02 15:04:05Z"), "trace_id": c.id, "correlation_id": c.correlation(),
	}
	if r.code != 70016 {
		body["error_uri"] = fmt.Sprintf("%s/error?code=%d", c.base, r.code)
	}
	if e.sub != "" {
		body["suberror"] = e.sub
	}
	if r.code == 50076 || r.code == 53003 {
		body["claims"] = fmt.Sprintf(`{"access_token":{"capolids":{"essential":true,"values":["%s"]}}}`, s.guid())
	}
	status := http.StatusBadRequest
	switch e.err {
	case "invalid_client":
		status = http.StatusUnauthorized
	case "temporarily_unavailable":
		status = http.StatusServiceUnavailable
	}
	return identityResponse(status, body)
}

func identityResponse(status int, v any) response {
	a := newResponse(status, "application/json; charset=utf-8", encodeJSON(v))
	h := a.header
	h.Set("Cache-Control", "no-store, no-cache")
	h.Set("Pragma", "no-cache")
	h.Set("Expires", "-1")
	h.Set("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("x-ms-ests-server", "2.1.0 - SIMULATOR ProdSlices")
	return a
}

// FailToken makes the token endpoint refuse the next requests of any grant type with an AADSTS code, such as 50076,
// 53003, 50057, 65001, 7000222, 7000215, 50173 or 700082; 90033 is a 503; 429 is throttling in plain text with
// Retry-After. A negative times means until further notice, 0 ends it.
func (s *Sim) FailToken(code, times int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.issued.failCode, s.issued.failTimes = code, times
}

// forcedRefusal returns the next of the failures requested with FailToken.
func (s *Sim) forcedRefusal(c *call) (response, bool) {
	if s.issued.failTimes == 0 {
		return response{}, false
	}
	if s.issued.failTimes > 0 {
		s.issued.failTimes--
	}
	if s.issued.failCode == http.StatusTooManyRequests {
		a := newResponse(http.StatusTooManyRequests, "text/plain; charset=utf-8", []byte("Too Many Requests"))
		a.header.Set("Retry-After", "60")
		return a, true
	}
	return s.stsError(c, s.issued.failCode), true
}
