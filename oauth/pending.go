package oauth

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"time"
)

const (
	pendingLifetime = time.Hour // an older request is not completed
	maxPending      = 8         // pending sign-ins per account; the oldest are dropped
	maxSpent        = 16        // codes recorded as sent, per account
)

// pendingRequest is an authorization request without a response yet: what is needed
// to complete it, possibly in another process.
type pendingRequest struct {
	Version     int       `json:"v"`
	Account     string    `json:"account"`
	Bound       binding   `json:"bound"` // the client and service that the request was made for
	State       string    `json:"state"`
	Verifier    string    `json:"verifier"`
	RedirectURI string    `json:"redirect_uri"`
	Begun       time.Time `json:"begun"`
}

// index lists what is stored for an account.
type index struct {
	Version int      `json:"v"`
	States  []string `json:"states"` // of pending requests, oldest first
	Spent   []string `json:"spent"`  // hashes of codes that were sent, oldest first

	Failed *failedAttempt `json:"failed,omitempty"` // the last sign-in, if it failed
}

// pendingRequests holds those of one account in a store that other accounts may
// share.
type pendingRequests struct {
	store   Store
	account string
	mu      sync.Mutex // serialises reading and writing back the index
}

var (
	errUnknownRequest = errors.New("no such sign-in was started here within the last hour")
	errSpent          = errors.New("this code was already used once, and a code works only once")
)

func requestKey(state string) string { return "state/" + state }
func indexKey(account string) string { return "account/" + account }

// newState returns 130 random bits (RFC 6749 §10.12).
func newState() string { return rand.Text() }

// add keeps a new request and drops the oldest ones beyond maxPending.
func (p *pendingRequests) add(r pendingRequest) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := p.index()
	i.States = append(i.States, r.State)
	var dropped []string
	for len(i.States) > maxPending {
		dropped = append(dropped, requestKey(i.States[0]))
		i.States = i.States[1:]
	}
	if err := p.put(map[string]any{requestKey(r.State): r, indexKey(p.account): i}); err != nil {
		return err
	}
	return p.store.Delete(dropped...)
}

// find returns the request with a state, whichever account it belongs to.
func (p *pendingRequests) find(state string, now time.Time) (pendingRequest, error) {
	var r pendingRequest
	if !p.get(requestKey(state), &r) || r.State != state || now.Sub(r.Begun) > pendingLifetime {
		return pendingRequest{}, errUnknownRequest
	}
	return r, nil
}

// newest returns the account's latest request.
func (p *pendingRequests) newest(now time.Time) (pendingRequest, error) {
	p.mu.Lock()
	i := p.index()
	p.mu.Unlock()
	if len(i.States) == 0 {
		return pendingRequest{}, errUnknownRequest
	}
	return p.find(i.States[len(i.States)-1], now)
}

// spend records durably that a code is about to be sent; errSpent if it was sent
// before.
func (p *pendingRequests) spend(code string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := p.index()
	sum := sha256.Sum256([]byte(code))
	hash := base64.RawURLEncoding.EncodeToString(sum[:])
	if slices.Contains(i.Spent, hash) {
		return errSpent
	}
	i.Spent = append(i.Spent, hash)
	i.Spent = i.Spent[max(0, len(i.Spent)-maxSpent):]
	return p.put(map[string]any{indexKey(p.account): i})
}

// clear drops all requests of the account; the record of sent codes stays.
func (p *pendingRequests) clear() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := p.index()
	if len(i.States) == 0 {
		return nil
	}
	var keys []string
	for _, s := range i.States {
		keys = append(keys, requestKey(s))
	}
	i.States = nil
	if err := p.put(map[string]any{indexKey(p.account): i}); err != nil {
		return err
	}
	return p.store.Delete(keys...)
}

// setFailed keeps the last sign-in that failed; nil: it did not.
func (p *pendingRequests) setFailed(f *failedAttempt) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := p.index()
	i.Failed = f
	return p.put(map[string]any{indexKey(p.account): i})
}

// failed returns the last sign-in that failed; nil: it did not.
func (p *pendingRequests) failed() *failedAttempt {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.index().Failed
}

func (p *pendingRequests) index() index {
	i := index{Version: recordVersion}
	if !p.get(indexKey(p.account), &i) {
		return index{Version: recordVersion}
	}
	return i
}

// get reads a value. One that cannot be read counts as absent: a damaged value
// must not prevent a new sign-in. A failing store is reported by the next put.
func (p *pendingRequests) get(key string, into any) bool {
	data, err := p.store.Get(key)
	return err == nil && json.Unmarshal(data, into) == nil
}

func (p *pendingRequests) put(values map[string]any) error {
	out := make(map[string][]byte, len(values))
	for k, v := range values {
		data, err := json.Marshal(v)
		if err != nil {
			return err
		}
		out[k] = data
	}
	return p.store.Put(out)
}
