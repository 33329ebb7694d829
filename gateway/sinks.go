package gateway

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"sync/atomic"

	"roomgate/bridge"
	"roomgate/bridge/mqtt"
	"roomgate/config"
	"roomgate/driver"
)

// sink is a connection to a broker, with what it was built from.
type sink struct {
	*mqtt.Sink
	settings  sinkSettings
	succeeded atomic.Bool // by another sink with the same connection and topics, so that "offline" would be a false alarm
}

// sinkSettings are what of a configuration a sink depends on. Its fields are
// exported for config.Same.
type sinkSettings struct {
	Broker  config.MQTT
	Site    string
	Zone    string
	Sensors []sensorSettings
	Files   string // digest of the files of the connection
}

// sensorSettings are what of a room its presence sensor depends on.
type sensorSettings struct {
	Room, Topic, Path string
	Above             *float64
	On, Off           []string
}

func sinkSettingsOf(cfg *config.Config) sinkSettings {
	s := sinkSettings{Broker: cfg.MQTT, Site: cfg.Site.ID, Zone: cfg.Site.Timezone.String()}
	for _, r := range cfg.Rooms {
		if r.PresenceTopic != "" {
			s.Sensors = append(s.Sensors, sensorSettings{r.ID, r.PresenceTopic, r.PresencePath, r.PresenceAbove, r.PresenceOn, r.PresenceOff})
		}
	}
	return s
}

// sameConnection reports whether both connect to the same broker in the same way,
// and publish under the same topics. If the broker refuses one, it refuses the
// other.
func (s sinkSettings) sameConnection(o sinkSettings) bool {
	a, b := s.Broker, o.Broker
	a.Payload, a.Bool, a.Time = b.Payload, b.Bool, b.Time
	return config.Same(a, b) && s.Site == o.Site && s.Files == o.Files
}

// buildSink builds the connection to the broker, or reuses the previous one.
func (g *Gateway) buildSink(cfg *config.Config, before *parts) (*sink, error) {
	secured, digest, err := brokerTLS(cfg.MQTT)
	if err != nil {
		return nil, err
	}
	settings := sinkSettingsOf(cfg)
	settings.Files = digest
	for _, old := range before.sinks {
		if config.Same(old.settings, settings) {
			return old, nil
		}
	}
	s := &sink{settings: settings}
	topics, published := topicsOf(cfg), g.published
	o := sinkOptions{Config: cfg, Instance: g.instance, TLS: secured, Clear: published.without(topics), Synced: func() { published.set(topics) }, Board: g.board, Clock: g.d.Clock, Log: g.d.Log,
		Presence: func(room string, p driver.Presence) { g.driver.Presence(room, p) }, Concerns: func(words []string) { g.driver.SetProblems(mqtt.Part, words) }, KeepStatus: s.succeeded.Load, Dial: g.d.Dial}
	if s.Sink, err = o.build(); err != nil {
		return nil, err
	}
	return s, nil
}

// sinkOptions are what a connection to the broker is built from.
type sinkOptions struct {
	Config     *config.Config
	Instance   mqtt.Instance // who publishes
	TLS        *tls.Config
	Clear      []string // topics whose retained value is deleted
	Synced     func()   // called once the broker holds all points; may be nil
	Board      *bridge.Board
	Clock      driver.Clock
	Log        *slog.Logger
	Presence   func(room string, p driver.Presence)                         // receives the reports of presence sensors; nil: no subscriptions
	Concerns   func(words []string)                                         // see mqtt.Options; may be nil
	KeepStatus func() bool                                                  // see mqtt.Options; may be nil
	Dial       func(ctx context.Context, broker *url.URL) (net.Conn, error) // nil: by the scheme of the broker
}

func (o sinkOptions) build() (*mqtt.Sink, error) {
	m := o.Config.MQTT
	broker, err := url.Parse(m.Broker)
	if err != nil {
		return nil, fmt.Errorf("mqtt.broker: %w", err)
	}
	var sensors []mqtt.Sensor
	if o.Presence != nil {
		sensors = sensorsOf(o.Config, o.Presence)
	}
	return mqtt.New(mqtt.Options{
		Site: o.Config.Site.ID, Prefix: m.Prefix, Broker: broker, Username: m.Username, Password: m.Password.Reveal(),
		ClientID: clientID(o.Config), Instance: o.Instance, TLS: o.TLS, Reread: func() (string, *tls.Config, error) { return reread(m) },
		Format:      mqtt.Format{VTQ: m.Payload == "vtq", Bool: mqtt.BoolWords(m.Bool), Time: mqtt.TimeStyle(m.Time), Zone: o.Config.Site.Timezone},
		ClearTopics: o.Clear, OnSynced: o.Synced, Sensors: sensors,
		Board: o.Board, Now: o.Clock.Now, Jitter: driver.RandomJitter, Concerns: o.Concerns, KeepStatus: o.KeepStatus, Dial: o.Dial, Log: o.Log.With("part", "mqtt"),
	})
}

// brokerTLS reads the files that the connection to the broker needs. The digest
// of their contents detects changes.
func brokerTLS(m config.MQTT) (c *tls.Config, digest string, err error) {
	c = &tls.Config{MinVersion: tls.VersionTLS12}
	sum := sha256.New()
	if m.CAFile != "" {
		text, err := os.ReadFile(m.CAFile)
		if err != nil {
			return nil, "", fmt.Errorf("mqtt.ca_file: %w", err)
		}
		sum.Write(text)
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(text) {
			return nil, "", fmt.Errorf("mqtt.ca_file: %s contains no PEM certificate", m.CAFile)
		}
	}
	if m.CertFile != "" {
		pair, err := tls.LoadX509KeyPair(m.CertFile, m.KeyFile)
		if err != nil {
			return nil, "", fmt.Errorf("mqtt.cert_file and mqtt.key_file: %w", err)
		}
		sum.Write(bytes.Join(pair.Certificate, nil))
		c.Certificates = []tls.Certificate{pair}
	}
	return c, string(sum.Sum(nil)), nil
}

// reread reads what a connection to the broker needs again: a password or a certificate
// may have been renewed.
func reread(m config.MQTT) (password string, c *tls.Config, err error) {
	if c, _, err = brokerTLS(m); err != nil || m.PasswordFile == "" {
		return m.Password.Reveal(), c, err
	}
	secret, err := config.ReadSecret(m.PasswordFile)
	if err != nil {
		return "", nil, fmt.Errorf("mqtt.password_file: %w", err)
	}
	return secret.Reveal(), c, nil
}

// clientID is the MQTT client id of a gateway. Two clients of one id disconnect each
// other, so where none is configured it is derived from the site, the machine, and the
// database, which two gateways on one machine cannot share.
func clientID(cfg *config.Config) string {
	if cfg.MQTT.ClientID != "" {
		return cfg.MQTT.ClientID
	}
	machine, err := os.ReadFile("/etc/machine-id")
	if err != nil {
		name, _ := os.Hostname()
		machine = []byte(name)
	}
	database, err := filepath.Abs(cfg.Store.Path)
	if err != nil {
		database = cfg.Store.Path
	}
	sum := sha256.Sum256([]byte("roomgate\x00" + cfg.Site.ID + "\x00" + string(machine) + "\x00" + database))
	return "roomgate-" + cfg.Site.ID + "-" + hex.EncodeToString(sum[:4])
}
