package mqtt

import "context"

// Probe logs in to the broker under a client id of its own and leaves again
// without publishing anything. The error is in words for people and says what
// to do.
func (s *Sink) Probe(ctx context.Context) error {
	opening, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	o := s.o
	o.ClientID += "-check" // the same id would throw a running gateway out
	c := newConnection(&Sink{o: o}, opening)
	defer c.client.Disconnect(100)
	token := c.client.Connect()
	select {
	case <-token.Done():
	case <-opening.Done():
		return o.connectTrouble(opening.Err())
	}
	if err := token.Error(); err != nil {
		return o.connectTrouble(err)
	}
	return nil
}
