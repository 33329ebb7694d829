package graphsim

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"math/big"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// identity routes requests under /{tenant}/ and for the device page.
func (s *Sim) identity(c *call) response {
	switch strings.Join(c.path[1:], "/") {
	case "oauth2/v2.0/authorize":
		return s.authorize(c)
	case "oauth2/v2.0/token":
		return s.token(c)
	case "oauth2/v2.0/devicecode":
		return s.deviceCode(c)
	case "oauth2/v2.0/logout":
		return messagePage("Signed out", "You signed out of your account.")
	case "v2.0/.well-known/openid-configuration":
		return s.discovery(c)
	case "discovery/v2.0/keys":
		return s.keys()
	case "discovery/instance":
		return s.instance(c)
	case "":
		if c.path[0] == "devicelogin" {
			return s.deviceLogin(c)
		}
	}
	a := messagePage("Not found", "There is nothing at this address of the simulator.")
	a.status = http.StatusNotFound
	return a
}

// form returns the fields of a form-encoded body; empty for any other body.
func (c *call) form() url.Values {
	if !strings.HasPrefix(c.r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		return url.Values{}
	}
	v, err := url.ParseQuery(string(c.body))
	if err != nil {
		return url.Values{}
	}
	return v
}

var guidShape = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

// tenantRefusal validates the tenant in the path.
func tenantRefusal(tenant string) refusal {
	switch t := fold(tenant); {
	case slices.Contains([]string{"common", "organizations", TenantID, TenantDomain, "contoso.onmicrosoft.com"}, t):
		return refusal{}
	case t == "consumers":
		return refusal{code: 9002332}
	case guidShape.MatchString(t), strings.Contains(t, "."):
		return refusal{90002, "Tenant '" + tenant + "' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud."}
	}
	return refusal{900023, "Specified tenant identifier '" + tenant + "' is neither a valid DNS name, nor a valid external domain."}
}

// application finds an app that may use this tenant.
func (s *Sim) application(tenant, clientID string) (*App, refusal) {
	if r := tenantRefusal(tenant); r.code != 0 {
		return nil, r
	}
	a := s.directory.apps[fold(clientID)]
	switch {
	case a == nil:
		return nil, refusal{700016, "Application with identifier '" + clientID + "' was not found in the directory 'Contoso'."}
	case a.Disabled:
		return nil, refusal{code: 7000112}
	case a.SingleTenant && (fold(tenant) == "common" || fold(tenant) == "organizations"):
		return nil, refusal{code: 50194}
	}
	return a, refusal{}
}

// issuerTenant is the tenant in the issuer: a template for common and organizations.
func issuerTenant(tenant string) string {
	switch fold(tenant) {
	case "common", "organizations":
		return "{tenantid}"
	}
	return TenantID
}

// discovery is the OpenID Connect discovery document (openid.net, Discovery 1.0 §3).
func (s *Sim) discovery(c *call) response {
	if r := tenantRefusal(c.path[0]); r.code != 0 {
		return s.refuse(c, r)
	}
	host, _ := url.Parse(c.base)
	t := c.base + "/" + c.path[0]
	return identityResponse(http.StatusOK, map[string]any{
		"token_endpoint":                        t + "/oauth2/v2.0/token",
		"token_endpoint_auth_methods_supported": []string{"client_secret_post", "private_key_jwt", "client_secret_basic"},
		"jwks_uri":                              t + "/discovery/v2.0/keys",
		"response_modes_supported":              []string{"query", "fragment", "form_post"},
		"subject_types_supported":               []string{"pairwise"},
		"id_token_signing_alg_values_supported": []string{"RS256"},
		"response_types_supported":              []string{"code"},
		"scopes_supported":                      []string{"openid", "profile", "email", "offline_access"},
		"issuer":                                c.base + "/" + issuerTenant(c.path[0]) + "/v2.0",
		"request_uri_parameter_supported":       false,
		"userinfo_endpoint":                     c.base + "/oidc/userinfo",
		"authorization_endpoint":                t + "/oauth2/v2.0/authorize",
		"device_authorization_endpoint":         t + "/oauth2/v2.0/devicecode",
		"end_session_endpoint":                  t + "/oauth2/v2.0/logout",
		"http_logout_supported":                 true,
		"frontchannel_logout_supported":         true,
		"claims_supported":                      []string{"sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "preferred_username", "name", "tid", "ver", "email"},
		"tenant_region_scope":                   "WW",
		"cloud_instance_name":                   "microsoftonline.com",
		"cloud_graph_host_name":                 "graph.windows.net",
		"msgraph_host":                          host.Host,
	})
}

// cloud is one entry of the instance discovery document: the host names of one sign-in service.
type cloud struct {
	Network string   `json:"preferred_network"`
	Cache   string   `json:"preferred_cache"`
	Aliases []string `json:"aliases"`
}

// microsoftClouds are those of learn.microsoft.com/entra/identity-platform/authentication-national-cloud.
var microsoftClouds = []cloud{
	{"login.microsoftonline.com", "login.windows.net", []string{"login.microsoftonline.com", "login.windows.net", "login.microsoft.com", "sts.windows.net"}},
	{"login.partner.microsoftonline.cn", "login.partner.microsoftonline.cn", []string{"login.partner.microsoftonline.cn", "login.chinacloudapi.cn"}},
	{"login.microsoftonline.us", "login.microsoftonline.us", []string{"login.microsoftonline.us", "login.usgovcloudapi.net"}},
}

func hasHost(clouds []cloud, host string) bool {
	return slices.ContainsFunc(clouds, func(k cloud) bool { return slices.Contains(k.Aliases, host) })
}

// instance is the instance discovery that Microsoft's libraries start with: whether the host of an authorization
// endpoint is a known cloud, and where its tenant is described. The simulator is a cloud of its own.
func (s *Sim) instance(c *call) response {
	own, _ := url.Parse(c.base)
	clouds := microsoftClouds
	if !hasHost(clouds, own.Host) {
		clouds = append([]cloud{{own.Host, own.Host, []string{own.Host}}}, clouds...)
	}
	requested, err := url.Parse(orText(c.r.URL.Query().Get("authorization_endpoint"), c.base+"/common"))
	if err != nil || !hasHost(clouds, requested.Host) {
		return s.stsError(c, 50049)
	}
	tenant := requested.Scheme + "://" + requested.Host + "/" + segments(requested.EscapedPath())[0]
	return identityResponse(http.StatusOK, map[string]any{
		"tenant_discovery_endpoint": tenant + "/v2.0/.well-known/openid-configuration", "api-version": "1.1", "metadata": clouds,
	})
}

const keyID = "simulator-1"

// keys is the JSON web key set for verifying id tokens (RFC 7517).
func (s *Sim) keys() response {
	k := s.key().PublicKey
	enc := base64.RawURLEncoding.EncodeToString
	return identityResponse(http.StatusOK, map[string]any{"keys": []any{map[string]any{
		"kty": "RSA", "use": "sig", "alg": "RS256", "kid": keyID, "x5t": keyID,
		"n": enc(k.N.Bytes()), "e": enc(big.NewInt(int64(k.E)).Bytes()),
	}}})
}

// newSigningKey generates the key that signs id tokens. Since Go 1.24 crypto/rand cannot fail, and 2048 bits are valid.
func newSigningKey() *rsa.PrivateKey {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic("graphsim: make an RSA key: " + err.Error())
	}
	return k
}
