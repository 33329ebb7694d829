package mqtt

import (
	"context"
	"net"
	"net/url"
	"time"
)

type dialFunc = func(context.Context, *url.URL) (net.Conn, error)

// throttled returns a dial function whose connections carry so many bytes a second in
// each direction. It holds little that is on its way, as a slow link does.
func throttled(dial dialFunc, rate int) dialFunc {
	return func(ctx context.Context, broker *url.URL) (net.Conn, error) {
		conn, err := dial(ctx, broker)
		if err != nil {
			return nil, err
		}
		near, far := net.Pipe()
		go carry(near, conn, rate)
		go carry(conn, near, rate)
		return far, nil
	}
}

// carry copies at a rate until either side ends.
func carry(to, from net.Conn, rate int) {
	defer to.Close()
	defer from.Close()
	for piece := make([]byte, 256); ; {
		n, err := from.Read(piece)
		if err != nil {
			return
		}
		time.Sleep(time.Duration(n) * time.Second / time.Duration(rate))
		if _, err := to.Write(piece[:n]); err != nil {
			return
		}
	}
}
