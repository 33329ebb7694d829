package mqtt

import (
	"context"
	"crypto/tls"
	"net"
	"net/url"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
	"golang.org/x/net/proxy"
)

// usualPorts are the schemes that can be dialled with their registered ports.
var usualPorts = map[string]string{"mqtt": "1883", "mqtts": "8883", "ws": "80", "wss": "443"}

func dialable(broker *url.URL) bool {
	return usualPorts[broker.Scheme] != "" && broker.Hostname() != ""
}

// dial opens a connection by the broker's scheme. Proxies are taken from the
// environment: all_proxy for MQTT, https_proxy and http_proxy for websockets.
func (o Options) dial(ctx context.Context, broker *url.URL) (net.Conn, error) {
	if broker.Scheme == "ws" || broker.Scheme == "wss" {
		return paho.NewWebsocket(broker.String(), o.current.Load().tls, connectTimeout, nil, nil)
	}
	port := broker.Port()
	if port == "" {
		port = usualPorts[broker.Scheme]
	}
	dialing, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	conn, err := proxy.Dial(dialing, "tcp", net.JoinHostPort(broker.Hostname(), port))
	if err != nil || broker.Scheme == "mqtt" {
		return conn, err
	}
	return handshake(ctx, conn, o.current.Load().tls, broker.Hostname())
}

// handshake puts TLS on the connection, which it closes if that fails. It lasts as long
// as something arrives.
func handshake(ctx context.Context, conn net.Conn, config *tls.Config, host string) (net.Conn, error) {
	if config == nil {
		config = &tls.Config{}
	}
	if config.ServerName == "" {
		config = config.Clone()
		config.ServerName = host
	}
	raw := &impatient{Conn: conn}
	secured := tls.Client(raw, config)
	if err := secured.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, err
	}
	raw.finished = true
	return secured, nil
}

// impatient is a connection whose reads fail when nothing arrives for connectTimeout,
// until it is finished with that.
type impatient struct {
	net.Conn
	finished bool
}

// Read implements net.Conn.
func (c *impatient) Read(p []byte) (int, error) {
	if !c.finished {
		_ = c.SetReadDeadline(time.Now().Add(connectTimeout)) // fails when the connection is closed, which Read reports
	}
	return c.Conn.Read(p)
}
