package httpd

import (
	"net/http"
	"time"
)

const (
	// WriteTimeout is how long a client may take to receive a piece of an answer.
	WriteTimeout = 30 * time.Second
	// pieceSize is the size of a piece in bytes. A client at 1 kB/s, as over a slow
	// radio link, receives it in time.
	pieceSize = 4 << 10
)

// progressive gives a client WriteTimeout for each piece of an answer, so that a
// slow client receives all of a long answer, or a stream without an end, and one
// that does not read is disconnected.
func progressive(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p := &progressWriter{ResponseWriter: w, control: http.NewResponseController(w)}
		p.extend()
		defer p.extend() // net/http writes the rest of the answer after the handler
		next.ServeHTTP(p, r)
	})
}

// progressWriter moves the deadline of the connection on as the client receives.
type progressWriter struct {
	http.ResponseWriter
	control *http.ResponseController
	set     time.Time // when the deadline was set
	written int       // bytes since
}

// extend sets the deadline. A connection that cannot have one reports the error
// when it is written to.
func (w *progressWriter) extend() {
	w.set, w.written = time.Now(), 0
	_ = w.control.SetWriteDeadline(w.set.Add(WriteTimeout))
}

// extendIfDue sets the deadline, unless it was set a moment ago.
func (w *progressWriter) extendIfDue() {
	if w.written >= pieceSize || time.Since(w.set) >= time.Second {
		w.extend()
	}
}

// Write implements http.ResponseWriter.
func (w *progressWriter) Write(p []byte) (n int, err error) {
	for {
		w.extendIfDue()
		m, err := w.ResponseWriter.Write(p[n:min(len(p), n+pieceSize)])
		n += m
		w.written += m
		if err != nil || n == len(p) {
			return n, err
		}
	}
}

// WriteHeader implements http.ResponseWriter.
func (w *progressWriter) WriteHeader(status int) {
	w.extendIfDue()
	w.ResponseWriter.WriteHeader(status)
}

// FlushError lets http.ResponseController flush.
func (w *progressWriter) FlushError() error {
	w.extendIfDue()
	return w.control.Flush()
}

// Unwrap lets http.ResponseController reach the connection.
func (w *progressWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
