package oauth

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"
)

// recordVersion is the version of the stored forms; a reader refuses others.
const recordVersion = 1

// binding is what a stored value belongs to: the client and the settings of its
// service that matter, by their names.
type binding map[string]string

// binding of this account.
func (o Options) binding() binding {
	b := binding{"client_id": o.ClientID}
	for _, s := range o.Service.Bound {
		b[s.Name] = s.Value
	}
	return b
}

// mismatch says in which setting a stored value and the configuration differ;
// empty: in none.
func (o Options) mismatch(stored binding) string {
	for _, s := range append([]Setting{{"client_id", o.ClientID}}, o.Service.Bound...) {
		if !strings.EqualFold(stored[s.Name], s.Value) {
			return fmt.Sprintf("%s %s, the configuration says %s", s.Name, stored[s.Name], s.Value)
		}
	}
	return ""
}

// record is the stored sign-in of one account:
//
//	{"v":1,"bound":{"client_id":"…","tenant":"…"},"refresh_token":"…","access_token":"…","access_expires":"…Z",
//	 "last_refresh":"…Z","signed_in":"…Z","scopes":["calendar.read"],"user":"rooms@contoso.example"}
type record struct {
	Version        int       `json:"v"`
	Bound          binding   `json:"bound"`
	RefreshToken   string    `json:"refresh_token"`
	RefreshSince   time.Time `json:"refresh_since,omitzero"`   // when the refresh token was issued
	RefreshExpires time.Time `json:"refresh_expires,omitzero"` // its end, where the service gave one
	AccessToken    string    `json:"access_token,omitempty"`
	AccessExpires  time.Time `json:"access_expires,omitzero"`
	LastRefresh    time.Time `json:"last_refresh,omitzero"`
	SignedIn       time.Time `json:"signed_in,omitzero"`
	Scopes         []string  `json:"scopes,omitempty"`
	User           string    `json:"user,omitempty"`
	RedirectURI    string    `json:"redirect_uri,omitempty"` // of a refresh token that was obtained elsewhere
}

// renewed returns r updated by a token response to a request of the given instant.
// Fields that the response leaves out, such as the refresh token, are kept (RFC 6749
// §6).
func (r record) renewed(t tokens, requested time.Time) record {
	r.AccessToken, r.AccessExpires, r.LastRefresh = t.access, requested.Add(t.lifetime), requested
	if t.refresh != "" && t.refresh != r.RefreshToken {
		r.RefreshToken, r.RefreshSince, r.RefreshExpires = t.refresh, requested, time.Time{}
	}
	if t.refreshLife > 0 {
		r.RefreshExpires = requested.Add(t.refreshLife)
	}
	if len(t.scopes) > 0 {
		r.Scopes = t.scopes
	}
	if t.user != "" {
		r.User = t.user
	}
	return r
}

// loadRecord reads the sign-in of an account; nil when there is none.
func loadRecord(s Store, account string) (*record, error) {
	data, err := s.Get(account)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var r record
	if err := json.Unmarshal(data, &r); err != nil {
		// The cause could quote what is stored.
		return nil, errors.New("it is not in the form roomgate writes")
	}
	switch {
	case r.Version != recordVersion:
		return nil, fmt.Errorf("its version is %d, this roomgate reads version %d", r.Version, recordVersion)
	case r.RefreshToken == "":
		return nil, errors.New("it contains no refresh token")
	}
	return &r, nil
}

// save makes the sign-in of an account durable.
func (r record) save(s Store, account string) error {
	data, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return s.Put(map[string][]byte{account: data})
}
