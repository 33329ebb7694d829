package gateway

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"strings"
	"sync"
	"time"
)

// SetUpCodeLife is how long a set-up code can be used.
const SetUpCodeLife = 15 * time.Minute

// SetUpCode is the one-time code that allows a browser to sign in on the set-up
// pages. Its user has access to the socket of the commands, and so may sign accounts
// in. The zero value has no code yet.
type SetUpCode struct {
	mu     sync.Mutex
	sum    [sha256.Size]byte // of the code
	issued time.Time         // with a monotonic reading; zero: there is no code
}

// Issue makes a new code of 130 random bits; an older one can no longer be used.
func (c *SetUpCode) Issue() string {
	code := rand.Text()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sum, c.issued = sha256.Sum256([]byte(code)), time.Now()
	return code
}

// Use reports whether a code is the right one, which then cannot be used again. The
// comparison takes the same time for every wrong code.
func (c *SetUpCode) Use(code string) bool {
	sum := sha256.Sum256([]byte(strings.ToUpper(strings.TrimSpace(code))))
	c.mu.Lock()
	defer c.mu.Unlock()
	if subtle.ConstantTimeCompare(sum[:], c.sum[:]) != 1 || c.issued.IsZero() || time.Since(c.issued) >= SetUpCodeLife {
		return false
	}
	c.sum, c.issued = [sha256.Size]byte{}, time.Time{}
	return true
}
