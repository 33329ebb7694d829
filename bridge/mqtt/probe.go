package mqtt

import (
	"context"
	"net"
	"net/url"

	paho "github.com/eclipse/paho.mqtt.golang"
)

// Probe logs in to the broker under a client id of its own and leaves again. It
// publishes nothing, not even as a last will. The error is in words for people
// and says what to do.
func (s *Sink) Probe(ctx context.Context) error {
	opening, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	o := s.o
	o.ClientID += "-check" // the same id would throw a running gateway out
	client := paho.NewClient(o.clientOptions(func(broker *url.URL) (net.Conn, error) {
		conn, err := o.open(opening, broker)
		if err == nil { // a broker that says nothing would hold the connection for ever
			context.AfterFunc(opening, func() { conn.Close() })
		}
		return conn, err
	}))
	defer client.Disconnect(100)
	token := client.Connect()
	select {
	case <-token.Done():
	case <-opening.Done():
	}
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case opening.Err() != nil:
		return o.connectTrouble(opening.Err())
	case token.Error() != nil:
		return o.connectTrouble(token.Error())
	}
	return nil
}
