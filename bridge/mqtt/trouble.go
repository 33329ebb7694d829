package mqtt

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"syscall"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"
)

// trouble is why a broker cannot be used, for people.
type trouble struct {
	words  string
	action string
	person bool // it does not heal by itself
	cause  error
}

func (t *trouble) Error() string     { return t.words }
func (t *trouble) Unwrap() error     { return t.cause }
func (t *trouble) Action() string    { return t.action }
func (t *trouble) NeedsPerson() bool { return t.person }

// connectTrouble puts into words why no connection came about.
func (o Options) connectTrouble(cause error) error {
	at := "the broker at " + o.Broker.Host
	t := &trouble{
		words:  fmt.Sprintf("connecting to %s: %v", at, cause),
		action: "check mqtt.broker, and the broker's log",
		cause:  cause,
	}
	switch {
	case errors.Is(cause, packets.ErrorRefusedBadUsernameOrPassword), errors.Is(cause, packets.ErrorRefusedNotAuthorised):
		t.words = at + " refused the login of " + o.who()
		t.action = "check mqtt.username and mqtt.password_file, and that the broker knows this user"
		t.person = true
	case errors.Is(cause, packets.ErrorRefusedIDRejected):
		t.words = fmt.Sprintf("%s refused the client id %q", at, o.ClientID)
		t.action = "set mqtt.client_id to one that the broker allows"
		t.person = true
	case errors.Is(cause, packets.ErrorRefusedBadProtocolVersion):
		t.words = at + " does not speak MQTT 3.1.1"
		t.action = "switch MQTT 3.1.1 on at the broker"
		t.person = true
	case errors.Is(cause, packets.ErrorRefusedServerUnavailable):
		t.words = at + " says that it is not available"
		t.action = "see the broker's log"
	case t.network(at, o.Broker), t.tls(at, o.Broker):
	}
	return t
}

func (o Options) who() string {
	if o.Username == "" {
		return "a client without a user name"
	}
	return fmt.Sprintf("user %q", o.Username)
}

// network words failures of names, addresses and ports. It reports whether the
// cause is one.
func (t *trouble) network(at string, broker *url.URL) bool {
	var dns *net.DNSError
	var timeout net.Error
	switch {
	case errors.As(t.cause, &dns) && dns.IsNotFound:
		t.words = fmt.Sprintf("the broker's host name %q is not known", broker.Hostname())
		t.action = "check mqtt.broker, and the name servers of this machine"
		t.person = true
	case errors.Is(t.cause, syscall.ECONNREFUSED):
		t.words = "nothing listens at " + broker.Host
		t.action = "start the broker, or correct the port in mqtt.broker"
	case errors.As(t.cause, &timeout) && timeout.Timeout(), errors.Is(t.cause, context.DeadlineExceeded):
		t.words = fmt.Sprintf("%s gave no answer within %v", at, connectTimeout)
		t.action = "check mqtt.broker, and that firewalls let the connection through"
	case errors.Is(t.cause, io.EOF), errors.Is(t.cause, syscall.ECONNRESET):
		t.words = at + " closed the connection without an answer"
		t.action = "see the broker's log: the port may be for TLS (scheme mqtts in mqtt.broker)"
		if broker.Scheme == "mqtts" || broker.Scheme == "wss" {
			t.action = "see the broker's log: it may want a client certificate (mqtt.cert_file and mqtt.key_file), or not speak TLS on this port"
		}
	default:
		return false
	}
	return true
}

// tls words failures of certificates. It reports whether the cause is one.
func (t *trouble) tls(at string, broker *url.URL) bool {
	var authority x509.UnknownAuthorityError
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	var record tls.RecordHeaderError
	var op *net.OpError
	switch {
	case errors.As(t.cause, &authority):
		t.words = "the certificate of " + at + " is signed by an authority that is not known"
		t.action = "name the authority's certificate in mqtt.ca_file"
	case errors.As(t.cause, &host):
		t.words = fmt.Sprintf("the certificate of %s is not for %q", at, broker.Hostname())
		t.action = "use the name that stands in the certificate in mqtt.broker"
	case errors.As(t.cause, &invalid) && invalid.Reason == x509.Expired:
		t.words = fmt.Sprintf("the certificate of %s is good only from %s to %s", at,
			invalid.Cert.NotBefore.Format(time.RFC3339), invalid.Cert.NotAfter.Format(time.RFC3339))
		t.action = "renew the broker's certificate, or set this machine's clock"
	case errors.As(t.cause, &record):
		t.words = at + " does not speak TLS on this port"
		t.action = "correct the port in mqtt.broker, which is usually 8883"
	case errors.As(t.cause, &op) && op.Op == "remote error": // how crypto/tls marks an alert sent by the other side
		t.words = fmt.Sprintf("%s refused the TLS connection: %v", at, op.Err)
		t.action = "check mqtt.cert_file and mqtt.key_file"
	default:
		return false
	}
	t.person = true
	return true
}

// lostTrouble puts into words why a connection ended; asking tells that the broker
// had been asked for the topics of the sensors.
func (o Options) lostTrouble(cause error, asking bool) error {
	t := &trouble{
		words: fmt.Sprintf("the connection to the broker at %s was lost: %v", o.Broker.Host, cause),
		cause: cause,
	}
	switch {
	case errors.Is(cause, io.EOF) && asking:
		t.words = "the broker at " + o.Broker.Host + " closed the connection when it was asked for presence topics"
		t.action = "if it does so again, " + o.allowReading(o.topics())
	case errors.Is(cause, io.EOF):
		t.words = "the broker at " + o.Broker.Host + " closed the connection"
		t.action = fmt.Sprintf("if it does so again, see the broker's log: it may forbid %s to publish under %s/%s, or another client may use the client id %q",
			o.who(), o.Prefix, o.Site, o.ClientID)
	}
	return t
}

// silentTrouble is a broker that takes messages and acknowledges none.
func (o Options) silentTrouble() error {
	return &trouble{
		words:  fmt.Sprintf("the broker at %s has acknowledged nothing for %v", o.Broker.Host, ackTimeout),
		action: "see the broker's log; it may be overloaded or out of disk space",
	}
}

// unheardTrouble is a broker that does not let topics of sensors be heard.
func (o Options) unheardTrouble(topics []string) error {
	return &trouble{
		words:  fmt.Sprintf("the broker at %s does not let %s subscribe to presence topics (%s)", o.Broker.Host, o.who(), few(topics)),
		action: o.allowReading(topics),
		person: true,
	}
}

func (o Options) allowReading(topics []string) string {
	return fmt.Sprintf("let the user read %s in the broker's access rules (mosquitto: topic read %s)", few(topics), topics[0])
}

// few are the first of a list, and how many more there are.
func few(list []string) string {
	const shown = 3
	if len(list) <= shown {
		return strings.Join(list, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(list[:shown], ", "), len(list)-shown)
}
