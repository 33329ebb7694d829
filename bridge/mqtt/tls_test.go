package mqtt

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mochi-mqtt/server/v2/listeners"

	"roomgate/bridge"
	"roomgate/driver"
)

// authority is a private certificate authority.
type authority struct {
	t    *testing.T
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	a := &authority{t: t, dir: t.TempDir()}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Building CA"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	a.cert, a.key = a.sign(template, nil)
	a.write("ca.pem", "CERTIFICATE", a.cert.Raw)
	return a
}

// sign makes a key and a certificate for it; without a parent it signs itself.
func (a *authority) sign(template, parent *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	signer := a.key
	if parent == nil {
		parent, signer = template, key
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		a.t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(raw)
	if err != nil {
		a.t.Fatal(err)
	}
	return cert, key
}

// issue writes <name>.pem and <name>.key, good for 127.0.0.1 until the given time.
func (a *authority) issue(name string, until time.Time) {
	cert, key := a.sign(&x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: until, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}, a.cert)
	a.write(name+".pem", "CERTIFICATE", cert.Raw)
	raw, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	a.write(name+".key", "EC PRIVATE KEY", raw)
}

func (a *authority) path(name string) string { return filepath.Join(a.dir, name) }

func (a *authority) write(name, kind string, raw []byte) {
	if err := os.WriteFile(a.path(name), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: raw}), 0o600); err != nil {
		a.t.Fatal(err)
	}
}

// trust is the TLS configuration of a gateway that knows the authority.
func (a *authority) trust() *tls.Config {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return &tls.Config{RootCAs: pool}
}

// listener is mosquitto's configuration with the named certificate.
func (a *authority) listener(name, more string) string {
	return strings.Join([]string{anybody, "cafile " + a.path("ca.pem"), "certfile " + a.path(name+".pem"),
		"keyfile " + a.path(name+".key"), "user root", more}, "\n") // stays root, where it is, to read the test's files
}

func TestTLS(t *testing.T) {
	a := newAuthority(t)
	a.issue("broker", time.Now().Add(time.Hour))
	a.issue("old", time.Now().Add(-time.Hour))
	a.issue("gateway", time.Now().Add(time.Hour))
	client, err := tls.LoadX509KeyPair(a.path("gateway.pem"), a.path("gateway.key"))
	if err != nil {
		t.Fatal(err)
	}
	withCert := a.trust()
	withCert.Certificates = []tls.Certificate{client}
	const mutual = "require_certificate true"
	for _, c := range []struct {
		name   string
		broker string // mosquitto's configuration
		host   string
		config *tls.Config
		want   string // health in words, with BROKER for host and port
	}{
		{"private authority", a.listener("broker", ""), "127.0.0.1", a.trust(), "connected to the broker at BROKER"},
		{"client certificate", a.listener("broker", mutual), "127.0.0.1", withCert, "connected to the broker at BROKER"},
		{"authority not known", a.listener("broker", ""), "127.0.0.1", nil,
			"the certificate of the broker at BROKER is signed by an unknown authority; name the authority's certificate in mqtt.ca_file"},
		{"other name", a.listener("broker", ""), "localhost", a.trust(),
			`the certificate of the broker at BROKER is not for "localhost"; use the name in the certificate as the host of mqtt.broker`},
		{"expired", a.listener("old", ""), "127.0.0.1", a.trust(), "the certificate of the broker at BROKER is valid only from "},
		{"no client certificate", a.listener("broker", mutual), "127.0.0.1", a.trust(),
			"the broker at BROKER "},
		{"no TLS on the port", anybody, "127.0.0.1", a.trust(),
			"the broker at BROKER closed the connection without an answer; see the broker's log: it may want a client certificate (mqtt.cert_file and mqtt.key_file), or not speak TLS on this port"},
	} {
		t.Run(c.name, func(t *testing.T) {
			broker := startMosquitto(t, c.broker)
			_, port, _ := net.SplitHostPort(broker.addr)
			at := net.JoinHostPort(c.host, port)
			board := bridge.New()
			put(board, roomA, driver.BoolValue(true))
			o := options(t, "mqtts://"+at, board)
			o.TLS = c.config
			start(t, o)
			want := strings.ReplaceAll(c.want, "BROKER", at)
			got := healthWords(t, board, strings.HasPrefix(want, "connected"), "connecting to the broker at "+at)
			if !strings.HasPrefix(got, want) {
				t.Errorf("health:\n got %s\nwant %s", got, want)
			}
			// The broker hangs up at once: its alert does not always arrive before.
			if c.name == "no client certificate" && !strings.Contains(got, "mqtt.cert_file and mqtt.key_file") {
				t.Errorf("health %q does not name the settings", got)
			}
		})
	}
}

// A TLS port that is spoken to without TLS, and a port where nothing listens.
func TestWrongPort(t *testing.T) {
	a := newAuthority(t)
	a.issue("broker", time.Now().Add(time.Hour))
	broker := startMosquitto(t, a.listener("broker", ""))
	board := bridge.New()
	start(t, options(t, "mqtt://"+broker.addr, board))
	connecting := "connecting to the broker at " + broker.addr
	want := "the broker at " + broker.addr + " closed the connection without an answer; see the broker's log: the port may be for TLS (scheme mqtts in mqtt.broker)"
	closed := healthWords(t, board, false, connecting)
	if closed != want {
		t.Errorf("health:\n got %s\nwant %s", closed, want)
	}
	broker.kill()
	want = "nothing listens at " + broker.addr + "; start the broker, or correct the port in mqtt.broker"
	if got := healthWords(t, board, false, closed); got != want {
		t.Errorf("health:\n got %s\nwant %s", got, want)
	}
}

func TestWebsocket(t *testing.T) {
	address := freeAddress(t)
	messages := make(chan received, 10)
	broker := newInProcess(t, messages)
	defer broker.server.Close()
	if err := broker.server.AddListener(listeners.NewWebsocket(listeners.Config{ID: "ws", Address: address})); err != nil {
		t.Fatal(err)
	}
	if err := broker.server.Serve(); err != nil {
		t.Fatal(err)
	}
	board := bridge.New()
	put(board, roomA, driver.BoolValue(true))
	defer start(t, options(t, "ws://"+address, board))()
	expect(t, messages, `roomgate/hq/rooms/a/booked="true" qos1 retained`, `roomgate/hq/gateway/status="online" qos1 retained`)
}

// An authority, a certificate and a password that were renewed are used at the next
// connection. While they cannot be read, those before are used.
func TestRenewedCertificates(t *testing.T) {
	a := newAuthority(t)
	a.issue("broker", time.Now().Add(time.Hour))
	a.issue("gateway", time.Now().Add(time.Hour))
	broker := startMosquitto(t, a.listener("broker", "require_certificate true"))
	board := bridge.New()
	put(board, roomA, driver.BoolValue(true))
	o := options(t, "mqtts://"+broker.addr, board)
	var mu sync.Mutex
	dir, broken := a, error(nil)
	o.Reread = func() (string, *tls.Config, error) {
		mu.Lock()
		defer mu.Unlock()
		if broken != nil {
			return "", nil, broken
		}
		pair, err := tls.LoadX509KeyPair(dir.path("gateway.pem"), dir.path("gateway.key"))
		config := dir.trust()
		config.Certificates = []tls.Certificate{pair}
		return "", config, err
	}
	start(t, o)
	connected := healthWords(t, board, true, "")

	mu.Lock()
	broken = errors.New("mqtt.cert_file and mqtt.key_file: they do not fit together")
	mu.Unlock()
	broker.kill()
	healthWords(t, board, false, connected)
	broker.start()
	healthWords(t, board, true, "")

	renewed := newAuthority(t) // as the old authority has ended
	renewed.issue("broker", time.Now().Add(time.Hour))
	renewed.issue("gateway", time.Now().Add(time.Hour))
	text, err := os.ReadFile(broker.config)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(broker.config, []byte(strings.ReplaceAll(string(text), a.dir, renewed.dir)), 0o600); err != nil {
		t.Fatal(err)
	}
	broker.kill()
	broker.start()
	lost := "the certificate of the broker at " + broker.addr + " is signed by an unknown authority; name the authority's certificate in mqtt.ca_file"
	for words := ""; words != lost; words = healthWords(t, board, false, words) {
	}
	mu.Lock()
	dir, broken = renewed, nil
	mu.Unlock()
	healthWords(t, board, true, "")
}
