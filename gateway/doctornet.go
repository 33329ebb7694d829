package gateway

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
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

	"roomgate/driver"
	"roomgate/oauth"
)

// offset is how far our clock is ahead of a server's.
type offset struct {
	host string
	by   time.Duration
}

func (o offset) words() string {
	side := "ahead of"
	if o.by < 0 {
		side = "behind"
	}
	return fmt.Sprintf("%s %s the clock of %s", o.by.Abs().Round(time.Second), side, o.host)
}

// visit is one request to a server, and its result.
type visit struct {
	driver.ServerAnswer
	server  driver.Server
	service string // of the provider
	url     *url.URL
	date    time.Time // of the server's clock; zero: not known
	took    time.Duration
	tls     *tls.ConnectionState
	err     error
	proxied *url.URL // nil: directly
}

// Bounds of a visit.
const (
	visitPatience = 20 * time.Second
	namePatience  = 10 * time.Second // for the name servers
	largestAnswer = 1 << 20          // bytes
)

// servers visits the servers of every account, and returns the largest
// difference between their clocks and ours, and whether there are servers.
func (d Doctor) servers(ctx context.Context, found func(driver.Finding)) (largest *offset, visited bool) {
	reached, asked := map[string]bool{}, map[string]bool{} // by scheme and host, by URL
	for _, a := range d.Accounts {
		e, ok := a.Provider.(driver.Examiner)
		if !ok {
			continue
		}
		for _, s := range e.Servers() {
			if asked[s.URL] {
				continue
			}
			v := d.visit(ctx, s, a.Provider.Service())
			if base := v.url.Scheme + "://" + v.url.Host; !reached[base] {
				each(d.connection(ctx, v), found)
				reached[base] = true
			}
			asked[s.URL] = true
			if by := d.Clock.Now().Add(-v.took / 2).Sub(v.date); !v.date.IsZero() && (largest == nil || by.Abs() > largest.by.Abs()) {
				largest = &offset{v.Host, by}
			}
			if v.err == nil && s.Judge != nil {
				each(s.Judge(v.ServerAnswer), found)
			}
		}
	}
	return largest, len(asked) > 0
}

// visit asks a server without signing in. Redirects are not followed: a
// sign-in page of the network works by them, and its answer is to be seen.
func (d Doctor) visit(ctx context.Context, s driver.Server, service string) visit {
	ctx, cancel := context.WithTimeout(ctx, visitPatience)
	defer cancel()
	v := visit{server: s, service: service, url: &url.URL{Host: s.URL}}
	v.Host = s.URL
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL, nil)
	if err != nil {
		v.err = err
		return v
	}
	v.url, v.Host = req.URL, req.URL.Hostname()
	client := oauth.WithoutRedirects(&http.Client{Transport: d.Transport})
	if d.Transport == nil {
		t := http.DefaultTransport.(*http.Transport).Clone()
		defer t.CloseIdleConnections()
		client.Transport = t
		if v.proxied, err = http.ProxyFromEnvironment(req); err != nil {
			v.err = errors.New("HTTPS_PROXY of the environment is not the address of a proxy") // Go's error quotes it with its password
			return v
		}
	}
	req.Header.Set("User-Agent", d.UserAgent)
	v.ask(client, req)
	return v
}

// ask sends the request and keeps the answer.
func (v *visit) ask(client *http.Client, req *http.Request) {
	asked := time.Now()
	resp, err := client.Do(req)
	if v.took = time.Since(asked); err != nil {
		v.err = err
		var u *url.Error
		if errors.As(err, &u) {
			v.err = u.Err
		}
		return
	}
	defer resp.Body.Close()
	v.Status, v.tls = resp.StatusCode, resp.TLS
	v.ContentType, _, _ = strings.Cut(resp.Header.Get("Content-Type"), ";")
	v.date, _ = http.ParseTime(resp.Header.Get("Date"))
	body, err := io.ReadAll(io.LimitReader(resp.Body, largestAnswer))
	v.Body, v.err = oauth.TrimBOM(body), err
}

// connection is how the server was reached: name, proxy and TLS.
func (d Doctor) connection(ctx context.Context, v visit) []driver.Finding {
	var findings []driver.Finding
	if v.proxied != nil {
		findings = append(findings, driver.Finding{Subject: "proxy", Level: driver.LevelGood,
			Words: v.Host + " is reached through " + withoutUser(v.proxied) + ", as the environment says (HTTPS_PROXY, NO_PROXY)"})
	} else if d.Transport == nil && net.ParseIP(v.Host) == nil {
		findings = append(findings, nameFinding(ctx, v.Host))
	}
	f := driver.Finding{Subject: "server " + v.Host, Level: driver.LevelGood, Words: "answers"}
	switch {
	case v.err != nil:
		f = v.unreached()
	case v.tls != nil:
		f = v.tlsFinding()
	case v.url.Scheme == "http":
		f.Words = "answers, without TLS: a simulator on this machine"
	}
	return append(findings, f)
}

func withoutUser(proxy *url.URL) string {
	u := *proxy
	u.User = nil
	return u.String()
}

func nameFinding(ctx context.Context, host string) driver.Finding {
	ctx, cancel := context.WithTimeout(ctx, namePatience)
	defer cancel()
	addresses, err := net.DefaultResolver.LookupHost(ctx, host)
	if err != nil {
		return driver.Finding{Subject: "name " + host, Level: driver.LevelBad, Words: "the name cannot be resolved: " + err.Error(),
			Action: "check the name servers of this machine (resolvectl status), and ask the customer's IT to make them resolve " + host}
	}
	return driver.Finding{Subject: "name " + host, Level: driver.LevelGood, Words: addresses[0]}
}

const exemptFromInspection = "ask the customer's IT to exempt this host from TLS inspection, or install their authority on the gateway (/usr/local/share/ca-certificates, then update-ca-certificates)"

// unreached is the finding that there was no answer.
func (v visit) unreached() driver.Finding {
	port := cmp.Or(v.url.Port(), map[string]string{"https": "443", "http": "80"}[v.url.Scheme])
	f := driver.Finding{Subject: "server " + v.Host, Level: driver.LevelBad, Words: "no answer: " + v.err.Error(),
		Action: "ask the customer's IT to let the gateway connect to " + v.Host + " port " + port + " for " + v.server.Purpose +
			", or to name their proxy (HTTPS_PROXY in the gateway's environment)"}
	var cert *tls.CertificateVerificationError
	var invalid x509.CertificateInvalidError
	var authority x509.UnknownAuthorityError
	switch {
	case !errors.As(v.err, &cert):
		if v.proxied != nil {
			f.Words = "no answer through " + withoutUser(v.proxied) + ": " + v.err.Error()
			f.Action = "check HTTPS_PROXY and NO_PROXY in the gateway's environment, and that the proxy lets the gateway through to " + v.Host
		}
	case errors.As(v.err, &invalid) && invalid.Reason == x509.Expired:
		f.Words = "the certificate is not valid at the time of this machine's clock: " + v.err.Error()
		f.Action = "set the clock: timedatectl set-ntp true"
	case errors.As(v.err, &authority):
		f.Words = fmt.Sprintf("the certificate is issued by %s, which this machine does not trust: the connection is intercepted (TLS inspection)", issuerOf(cert.UnverifiedCertificates))
		f.Action = exemptFromInspection
	default:
		f.Words = "the certificate is not this server's: " + v.err.Error() + "; a sign-in page of the network may intercept the connection"
	}
	return f
}

// tlsFinding names who issued the certificate, and a proxy that intercepts the
// connection with a certificate of its own.
func (v visit) tlsFinding() driver.Finding {
	issuer := issuerOf(v.tls.PeerCertificates)
	f := driver.Finding{Subject: "server " + v.Host, Level: driver.LevelGood, Words: tls.VersionName(v.tls.Version) + ", certificate issued by " + issuer}
	known := func(name string) bool { return strings.Contains(issuer, name) }
	if len(v.server.Issuers) > 0 && !slices.ContainsFunc(v.server.Issuers, known) {
		f.Level, f.Action = driver.LevelWarning, exemptFromInspection
		f.Words = "the connection is intercepted: the certificate is issued by " + issuer + ", not by one of the authorities of " + v.service + " (TLS inspection)"
	}
	return f
}

func issuerOf(chain []*x509.Certificate) string {
	if len(chain) == 0 {
		return "nobody"
	}
	name := chain[0].Issuer
	return OneLine(strings.Join(append([]string{strconv.Quote(name.CommonName)}, name.Organization...), " "))
}
