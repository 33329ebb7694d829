package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"roomgate/config"
	"roomgate/graph/token"
)

// offset is how far a server's clock is from ours.
type offset struct {
	host string
	by   time.Duration
}

// answerOf is what a server said to one request.
type answerOf struct {
	url     *url.URL
	status  int
	kind    string // media type
	body    []byte
	date    time.Time // of the server's clock; zero: it did not tell
	took    time.Duration
	tls     *tls.ConnectionState
	err     error
	proxied *url.URL // nil: straight
}

// servers visits the sign-in and the Graph server of every account, and returns
// the largest difference between their clocks and ours.
func (d doctor) servers(ctx context.Context) (findings []finding, largest *offset) {
	seen := map[string]bool{}
	visit := func(base, path string, look func(answerOf) []finding) {
		if seen[base+path] {
			return
		}
		a := d.visit(ctx, base+path)
		if !seen[base] {
			findings = append(findings, d.way(ctx, a)...)
		}
		seen[base], seen[base+path] = true, true
		if by := d.w.clock.Now().Add(-a.took / 2).Sub(a.date); !a.date.IsZero() && (largest == nil || by.Abs() > largest.by.Abs()) {
			largest = &offset{a.url.Hostname(), by}
		}
		if a.err == nil {
			findings = append(findings, look(a)...)
		}
	}
	for _, a := range d.cfg.Accounts {
		visit(microsoft(a).LoginURL, "/"+url.PathEscape(microsoft(a).Tenant)+"/v2.0/.well-known/openid-configuration", func(got answerOf) []finding { return []finding{tenantFinding(a, got)} })
		visit(microsoft(a).GraphURL, "/v1.0/me", graphFindings)
	}
	return findings, largest
}

// visit asks one address without any token. Redirects are not followed: neither
// service redirects, so one is somebody else's.
func (d doctor) visit(ctx context.Context, address string) answerOf {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return answerOf{url: &url.URL{Host: address}, err: err}
	}
	a := answerOf{url: req.URL}
	client := &http.Client{Transport: d.w.transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	if d.w.transport == nil {
		t := newTransport()
		defer t.CloseIdleConnections()
		client.Transport = t
		if a.proxied, err = http.ProxyFromEnvironment(req); err != nil {
			a.err = errors.New("HTTPS_PROXY of the environment is not the address of a proxy") // Go's words quote it, password and all
			return a
		}
	}
	req.Header.Set("User-Agent", userAgent())
	asked := time.Now()
	resp, err := client.Do(req)
	if a.took = time.Since(asked); err != nil {
		a.err = err
		var u *url.Error
		if errors.As(err, &u) {
			a.err = u.Err
		}
		return a
	}
	defer resp.Body.Close()
	a.status, a.tls = resp.StatusCode, resp.TLS
	a.kind, _, _ = strings.Cut(resp.Header.Get("Content-Type"), ";")
	a.date, _ = http.ParseTime(resp.Header.Get("Date"))
	a.body, a.err = io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	return a
}

// way is how the server was reached: name, proxy and TLS.
func (d doctor) way(ctx context.Context, a answerOf) []finding {
	var findings []finding
	host := a.url.Hostname()
	if a.proxied != nil {
		findings = append(findings, finding{Subject: "proxy", Level: good, Words: host + " is reached through " + withoutUser(a.proxied) + ", as the environment says (HTTPS_PROXY, NO_PROXY)"})
	} else if d.w.transport == nil && net.ParseIP(host) == nil {
		findings = append(findings, dnsFinding(ctx, host))
	}
	f := finding{Subject: "server " + host, Level: good, Words: "answers"}
	switch {
	case a.err != nil:
		f = unreached(a)
	case a.tls != nil:
		f = tlsFinding(host, a.tls)
	case a.url.Scheme == "http":
		f.Words = "answers, without TLS: a simulator on this machine"
	}
	return append(findings, f)
}

func withoutUser(proxy *url.URL) string {
	u := *proxy
	u.User = nil
	return u.String()
}

func dnsFinding(ctx context.Context, host string) finding {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	addresses, err := net.DefaultResolver.LookupHost(ctx, host)
	if err != nil {
		return finding{Subject: "name " + host, Level: bad, Words: "the name servers do not know it: " + err.Error(),
			Action: "check the name servers of this machine (resolvectl status) and ask the customer's IT to let it resolve " + host}
	}
	return finding{Subject: "name " + host, Level: good, Words: addresses[0]}
}

const inspected = "ask the customer's IT to exempt this host from TLS inspection, or install their authority on the gateway (/usr/local/share/ca-certificates, then update-ca-certificates)"

// unreached puts into words why there was no answer.
func unreached(a answerOf) finding {
	host := a.url.Hostname()
	f := finding{Subject: "server " + host, Level: bad, Words: "no answer: " + a.err.Error(),
		Action: "ask the customer's IT to let the gateway connect to " + host + " port " + portIn(a.url) + ", or to name their proxy (HTTPS_PROXY in the gateway's environment)"}
	var cert *tls.CertificateVerificationError
	var invalid x509.CertificateInvalidError
	var authority x509.UnknownAuthorityError
	switch {
	case !errors.As(a.err, &cert):
		if a.proxied != nil {
			f.Words = "no answer through " + withoutUser(a.proxied) + ": " + a.err.Error()
			f.Action = "check HTTPS_PROXY and NO_PROXY in the gateway's environment, and that the proxy lets the gateway through to " + host
		}
	case errors.As(a.err, &invalid) && invalid.Reason == x509.Expired:
		f.Words = "the certificate is not good at the time of this machine's clock: " + a.err.Error()
		f.Action = "set the clock: timedatectl set-ntp true"
	case errors.As(a.err, &authority):
		f.Words = fmt.Sprintf("the certificate is issued by %s, which this machine does not trust: the connection is opened on the way (TLS inspection)", issuerOf(cert.UnverifiedCertificates))
		f.Action = inspected
	default:
		f.Words = "the certificate is not this server's: " + a.err.Error() + "; a sign-in page of the network may stand between"
	}
	return f
}

func portIn(u *url.URL) string {
	_, port, _ := hostPort(u.String())
	return port
}

// microsoftHosts are the endings of Microsoft's own hosts
// (learn.microsoft.com/graph/deployments).
var microsoftHosts = []string{".microsoftonline.com", ".microsoft.com", ".microsoftonline.us", ".microsoft.us", ".microsoftonline.cn", ".chinacloudapi.cn"}

// publicIssuers issue Microsoft's certificates
// (learn.microsoft.com/azure/security/fundamentals/azure-certificate-authority-details).
var publicIssuers = []string{"Microsoft", "DigiCert", "GlobalSign", "Entrust", "GeoTrust", "Sectigo"}

// tlsFinding names who issued the certificate, and a proxy that opens the
// connection with one of its own.
func tlsFinding(host string, state *tls.ConnectionState) finding {
	issuer := issuerOf(state.PeerCertificates)
	f := finding{Subject: "server " + host, Level: good, Words: tls.VersionName(state.Version) + ", certificate issued by " + issuer}
	ends := func(ending string) bool { return strings.HasSuffix(host, ending) }
	known := func(name string) bool { return strings.Contains(issuer, name) }
	if slices.ContainsFunc(microsoftHosts, ends) && !slices.ContainsFunc(publicIssuers, known) {
		f.Level, f.Action = warning, inspected
		f.Words = "the connection is opened on the way: the certificate is issued by " + issuer + ", not by one of Microsoft's authorities (TLS inspection)"
	}
	return f
}

func issuerOf(chain []*x509.Certificate) string {
	if len(chain) == 0 {
		return "nobody"
	}
	name := chain[0].Issuer
	return strings.TrimSpace(strings.Join(append([]string{strconv.Quote(name.CommonName)}, name.Organization...), " "))
}

// tenantFinding tells whether the sign-in server knows the tenant.
func tenantFinding(a config.Account, got answerOf) finding {
	f := finding{Subject: "tenant " + microsoft(a).Tenant, Level: good, Words: "known to " + got.url.Hostname()}
	var doc struct {
		Issuer string
		Codes  []int  `json:"error_codes"`
		Error  string `json:"error"`
	}
	switch err := json.Unmarshal(got.body, &doc); {
	case err != nil:
		return foreign(f.Subject, got)
	case got.status == http.StatusOK && doc.Issuer != "":
		return f
	}
	f.Level, f.Words = bad, fmt.Sprintf("%s answers status %d %s", got.url.Hostname(), got.status, doc.Error)
	if got.status >= http.StatusInternalServerError || got.status == http.StatusTooManyRequests {
		f.Level = warning
		return f
	}
	f.Person, f.Action = true, "check tenant and cloud of account "+a.Name
	for _, code := range doc.Codes {
		if advice, ok := token.Explain(strconv.Itoa(code)); ok {
			f.Words, f.Action = fmt.Sprintf("%s (AADSTS%d)", advice.What, code), advice.Next
		}
	}
	return f
}

// graphFindings tells whether it is Graph that answers: without a token it
// refuses, in JSON.
func graphFindings(got answerOf) []finding {
	if json.Valid(got.body) && len(got.body) > 0 {
		return nil
	}
	return []finding{foreign("server "+got.url.Hostname(), got)}
}

// foreign is an answer that is not Microsoft's.
func foreign(subject string, got answerOf) finding {
	return finding{Subject: subject, Level: bad, Words: fmt.Sprintf("answered with status %d and %q, not with JSON: a proxy or a sign-in page of the network stands between", got.status, got.kind),
		Action: "open https://" + got.url.Host + " in a browser on the gateway's network, and ask the customer's IT to let the gateway through"}
}
