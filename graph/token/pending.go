package token

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
	pendingLife = time.Hour // a sign-in begun longer ago is not completed
	pendingMost = 8         // sign-ins begun and not completed, per account; older ones are dropped
	spentMost   = 16        // codes remembered as posted, per account
)

// attempt is a sign-in that was begun: what is needed when the browser comes
// back, possibly in another process.
type attempt struct {
	Version  int       `json:"v"`
	Account  string    `json:"account"`
	State    string    `json:"state"`
	Verifier string    `json:"verifier"`
	Redirect string    `json:"redirect"`
	Begun    time.Time `json:"begun"`
}

// journal is what an account remembers about its attempts.
type journal struct {
	Version int      `json:"v"`
	States  []string `json:"states"` // oldest first
	Spent   []string `json:"spent"`  // hashes of codes that were posted, oldest first
}

// pendings holds the attempts of one account in a store that other accounts
// may share.
type pendings struct {
	store   Store
	account string
	mu      sync.Mutex // serialises reading and writing back the journal
}

var (
	errUnknownAttempt = errors.New("no such sign-in was begun here within the last hour")
	errSpent          = errors.New("this code was already used once, and a code works only once")
)

func attemptKey(state string) string   { return "state/" + state }
func journalKey(account string) string { return "account/" + account }

// newState returns 128 random bits (RFC 6749 §10.12).
func newState() string { return rand.Text() }

// add remembers a new attempt and drops the oldest beyond a handful.
func (p *pendings) add(a attempt) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	j := p.journal()
	j.States = append(j.States, a.State)
	var dropped []string
	for len(j.States) > pendingMost {
		dropped = append(dropped, attemptKey(j.States[0]))
		j.States = j.States[1:]
	}
	if err := p.put(map[string]any{attemptKey(a.State): a, journalKey(p.account): j}); err != nil {
		return err
	}
	return p.store.Delete(dropped...)
}

// find returns the attempt with a state, whichever account it belongs to.
func (p *pendings) find(state string, now time.Time) (attempt, error) {
	var a attempt
	if !p.get(attemptKey(state), &a) || a.State != state || now.Sub(a.Begun) > pendingLife {
		return attempt{}, errUnknownAttempt
	}
	return a, nil
}

// newest returns the account's latest attempt.
func (p *pendings) newest(now time.Time) (attempt, error) {
	p.mu.Lock()
	j := p.journal()
	p.mu.Unlock()
	if len(j.States) == 0 {
		return attempt{}, errUnknownAttempt
	}
	return p.find(j.States[len(j.States)-1], now)
}

// spend notes durably that a code is about to be posted; errSpent if it was
// before.
func (p *pendings) spend(code string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	j := p.journal()
	sum := sha256.Sum256([]byte(code))
	hash := base64.RawURLEncoding.EncodeToString(sum[:])
	if slices.Contains(j.Spent, hash) {
		return errSpent
	}
	j.Spent = append(j.Spent, hash)
	j.Spent = j.Spent[max(0, len(j.Spent)-spentMost):]
	return p.put(map[string]any{journalKey(p.account): j})
}

// clear drops all attempts of the account; the posted codes stay known.
func (p *pendings) clear() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	j := p.journal()
	if len(j.States) == 0 {
		return nil
	}
	var keys []string
	for _, s := range j.States {
		keys = append(keys, attemptKey(s))
	}
	j.States = nil
	if err := p.put(map[string]any{journalKey(p.account): j}); err != nil {
		return err
	}
	return p.store.Delete(keys...)
}

func (p *pendings) journal() journal {
	j := journal{Version: recordVersion}
	if !p.get(journalKey(p.account), &j) {
		return journal{Version: recordVersion}
	}
	return j
}

// get reads a value into into. One that cannot be read counts as absent: a
// sign-in is cheap to begin anew, and a damaged value must not stand in its
// way. A store that is really broken says so at the next put.
func (p *pendings) get(key string, into any) bool {
	data, err := p.store.Get(key)
	return err == nil && json.Unmarshal(data, into) == nil
}

func (p *pendings) put(values map[string]any) error {
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
