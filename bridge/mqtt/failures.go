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
	"github.com/gorilla/websocket"
)

// failure is why a broker cannot be used, for display.
type failure struct {
	words  string
	action string
	person bool // user action required
	cause  error
}

func (f *failure) Error() string     { return f.words }
func (f *failure) Unwrap() error     { return f.cause }
func (f *failure) Action() string    { return f.action }
func (f *failure) NeedsPerson() bool { return f.person }

// connectFailure is the error of a connection that could not be opened.
func (o Options) connectFailure(cause error) error {
	at := "the broker at " + o.Broker.Host
	f := &failure{
		words:  fmt.Sprintf("connecting to %s: %s", at, plainly(cause)),
		action: "check mqtt.broker, and the broker's log",
		cause:  cause,
	}
	switch {
	case errors.Is(cause, packets.ErrorRefusedBadUsernameOrPassword), errors.Is(cause, packets.ErrorRefusedNotAuthorised):
		f.words = at + " refused the login of " + o.who()
		f.action = "check mqtt.username and mqtt.password_file, and that the broker knows this user"
		f.person = true
	case errors.Is(cause, packets.ErrorRefusedIDRejected):
		f.words = fmt.Sprintf("%s refused the client id %q", at, o.ClientID)
		f.action = "set mqtt.client_id to one that the broker allows"
		f.person = true
	case errors.Is(cause, packets.ErrorRefusedBadProtocolVersion):
		f.words = at + " does not speak MQTT 3.1.1"
		f.action = "switch MQTT 3.1.1 on at the broker"
		f.person = true
	case errors.Is(cause, packets.ErrorRefusedServerUnavailable):
		f.words = at + " reports that it is not available"
		f.action = "see the broker's log"
	case f.network(at, o.Broker), f.tls(at, o.Broker):
	}
	return f
}

// plainly is the text of a cause without the ports of this machine, which differ at
// every connection.
func plainly(cause error) string {
	var op *net.OpError
	if errors.As(cause, &op) && op.Err != nil {
		return op.Err.Error()
	}
	return cause.Error()
}

// hungUp reports whether the broker ended the connection.
func hungUp(err error) bool {
	if _, closed := errors.AsType[*websocket.CloseError](err); closed {
		return true // with or without a close frame
	}
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

func (o Options) who() string {
	if o.Username == "" {
		return "a client without a user name"
	}
	return fmt.Sprintf("user %q", o.Username)
}

// network describes failures of names, addresses and ports. It reports whether the
// cause is one.
func (f *failure) network(at string, broker *url.URL) bool {
	var dns *net.DNSError
	var timeout net.Error
	switch {
	case errors.As(f.cause, &dns) && dns.IsNotFound:
		f.words = fmt.Sprintf("the broker's host name %q is not known", broker.Hostname())
		f.action = "check mqtt.broker, and the name servers of this machine"
		f.person = true
	case errors.Is(f.cause, syscall.ECONNREFUSED):
		f.words = "nothing listens at " + broker.Host
		f.action = "start the broker, or correct the port in mqtt.broker"
	case errors.As(f.cause, &timeout) && timeout.Timeout(), errors.Is(f.cause, context.DeadlineExceeded):
		f.words = fmt.Sprintf("%s gave no answer within %v", at, connectTimeout)
		f.action = "check mqtt.broker, and that firewalls let the connection through"
	case errors.Is(f.cause, io.EOF), errors.Is(f.cause, syscall.ECONNRESET):
		f.words = at + " closed the connection without an answer"
		f.action = "see the broker's log: the port may be for TLS (scheme mqtts in mqtt.broker)"
		if broker.Scheme == "mqtts" || broker.Scheme == "wss" {
			f.action = "see the broker's log: it may want a client certificate (mqtt.cert_file and mqtt.key_file), or not speak TLS on this port"
		}
	default:
		return false
	}
	return true
}

// tls describes failures of certificates. It reports whether the cause is one.
func (f *failure) tls(at string, broker *url.URL) bool {
	var authority x509.UnknownAuthorityError
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	var record tls.RecordHeaderError
	var op *net.OpError
	switch {
	case errors.As(f.cause, &authority):
		f.words = "the certificate of " + at + " is signed by an unknown authority"
		f.action = "name the authority's certificate in mqtt.ca_file"
	case errors.As(f.cause, &host):
		f.words = fmt.Sprintf("the certificate of %s is not for %q", at, broker.Hostname())
		f.action = "use the name in the certificate as the host of mqtt.broker"
	case errors.As(f.cause, &invalid) && invalid.Reason == x509.Expired:
		f.words = fmt.Sprintf("the certificate of %s is valid only from %s to %s", at,
			invalid.Cert.NotBefore.Format(time.RFC3339), invalid.Cert.NotAfter.Format(time.RFC3339))
		f.action = "renew the broker's certificate, or set this machine's clock"
	case errors.As(f.cause, &record):
		f.words = at + " does not speak TLS on this port"
		f.action = "correct the port in mqtt.broker, which is usually 8883"
	case errors.As(f.cause, &op) && op.Op == "remote error": // how crypto/tls marks an alert sent by the other side
		f.words = fmt.Sprintf("%s refused the TLS connection: %v", at, op.Err)
		f.action = "check mqtt.cert_file and mqtt.key_file"
	default:
		return false
	}
	f.person = true
	return true
}

// connectionLost is the error of a connection that ended; asking means that a
// subscription to a sensor was unanswered.
func (o Options) connectionLost(cause error, asking bool) error {
	f := &failure{
		words: fmt.Sprintf("the connection to the broker at %s was lost: %s", o.Broker.Host, plainly(cause)),
		cause: cause,
	}
	var silence silenceError
	switch {
	case errors.As(cause, &silence):
		f.words = fmt.Sprintf("the broker at %s has sent nothing for %v, not even the answer to a ping", o.Broker.Host, time.Duration(silence))
		f.action = "check the network between this machine and the broker"
	case errors.Is(cause, io.EOF) && asking:
		f.words = "the broker at " + o.Broker.Host + " closed the connection after a subscription to presence topics"
		f.action = "if this happens again, " + o.allowReading(o.topics())
	case errors.Is(cause, io.EOF):
		f.words = "the broker at " + o.Broker.Host + " closed the connection"
		f.action = fmt.Sprintf("if this happens again, see the broker's log: it may forbid %s to publish under %s/%s, or another client may use the client id %q",
			o.who(), o.Prefix, o.Site, o.ClientID)
	}
	return f
}

// noAcknowledgement is the error for a broker that acknowledges no messages.
func (o Options) noAcknowledgement() error {
	return &failure{
		words:  fmt.Sprintf("the broker at %s has acknowledged nothing for %v", o.Broker.Host, ackTimeout),
		action: "see the broker's log; it may be overloaded or out of disk space",
		cause:  errStalled,
	}
}

// errStalled is the cause of the end of a connection on which the broker acknowledges
// nothing.
var errStalled = errors.New("nothing is acknowledged")

// subscriptionRefused is the error for refused subscriptions to sensors.
func (o Options) subscriptionRefused(topics []string) error {
	return &failure{
		words:  fmt.Sprintf("the broker at %s does not let %s subscribe to presence topics (%s)", o.Broker.Host, o.who(), few(topics)),
		action: o.allowReading(topics),
		person: true,
	}
}

func (o Options) allowReading(topics []string) string {
	return fmt.Sprintf("let the user read %s in the broker's access rules (mosquitto: topic read %s)", few(topics), topics[0])
}

// few returns the first three elements of a list, and the number of the others.
func few(list []string) string {
	const shown = 3
	if len(list) <= shown {
		return strings.Join(list, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(list[:shown], ", "), len(list)-shown)
}
