package token

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"time"
)

// recordVersion is the version of the stored form; a reader refuses others.
const recordVersion = 1

// record is the stored sign-in of one account:
//
//	{"v":1,"client_id":"…","tenant":"…","refresh_token":"…","access_token":"…","access_expires":"…Z",
//	 "last_refresh":"…Z","signed_in":"…Z","scopes":["Calendars.Read"],"user":"rooms@contoso.example",
//	 "login_url":"https://login.microsoftonline.com"}
type record struct {
	Version       int       `json:"v"`
	ClientID      string    `json:"client_id"`
	Tenant        string    `json:"tenant"`
	RefreshToken  string    `json:"refresh_token"`
	AccessToken   string    `json:"access_token,omitempty"`
	AccessExpires time.Time `json:"access_expires,omitzero"`
	LastRefresh   time.Time `json:"last_refresh,omitzero"`
	SignedIn      time.Time `json:"signed_in,omitzero"`
	Scopes        []string  `json:"scopes,omitempty"`
	User          string    `json:"user,omitempty"`
	LoginURL      string    `json:"login_url,omitempty"`    // older records have none
	RedirectURI   string    `json:"redirect_uri,omitempty"` // of a refresh token that was made elsewhere
}

// renewed returns r with what a grant asked for at the given instant brought.
// What the grant leaves out stays as it was.
func (r record) renewed(g grant, asked time.Time) record {
	r.AccessToken, r.AccessExpires, r.LastRefresh = g.access, asked.Add(g.lifetime), asked
	if g.refresh != "" {
		r.RefreshToken = g.refresh
	}
	if len(g.scopes) > 0 {
		r.Scopes = g.scopes
	}
	if g.user != "" {
		r.User = g.user
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
	if r.Version != recordVersion || r.RefreshToken == "" {
		return nil, fmt.Errorf("its version is %d, this roomgate reads version %d", r.Version, recordVersion)
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
