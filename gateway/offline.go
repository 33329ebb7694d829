package gateway

import (
	"errors"
	"fmt"
	"io/fs"

	"roomgate/config"
	"roomgate/driver"
)

// noStore is the empty storage of a provider that is used only for its texts.
type noStore struct{}

// Get implements Storage.
func (noStore) Get(string) ([]byte, error) { return nil, fs.ErrNotExist }

// Put implements Storage.
func (noStore) Put(map[string][]byte) error { return errors.New("there is no database") }

// Delete implements Storage.
func (noStore) Delete(...string) error { return errors.New("there is no database") }

// offline builds the provider of an account without a database.
func offline(program string, c config.Account, d Dependencies) (driver.Provider, error) {
	return newProvider(d, program, c, nil, noStore{}, noStore{})
}

// HandOver is the sheet for the customer's IT about an account. user is the
// address of the account that will sign in. discover also asks for what is needed to list
// the rooms there are.
func HandOver(cfg *config.Config, c config.Account, user string, discover bool, d Dependencies) (Sheet, error) {
	provider, err := offline(cfg.Program, c, d)
	if err != nil {
		return Sheet{}, err
	}
	guide, ok := provider.(driver.Guide)
	if !ok {
		return Sheet{}, refusal{Words: fmt.Sprintf("account %s: there is nothing to hand over for %s", c.Name, provider.Service()), Next: cfg.Program + " check"}
	}
	if _, lists := provider.(driver.Discoverer); discover && !lists {
		return Sheet{}, refusal{Words: fmt.Sprintf("account %s: %s does not list its rooms", c.Name, provider.Service()), Next: "the same without --discover"}
	}
	h := driver.HandOver{Site: siteOf(cfg), Account: c.Name, User: user, Broker: cfg.MQTT.Broker, Store: cfg.Store.Path, Sealed: cfg.Store.Key != nil, Discover: discover}
	for _, r := range Rooms(cfg) {
		if r.Account == c.Name {
			h.Rooms = append(h.Rooms, r)
		}
	}
	return Sheet{Title: "Room bookings for the building: " + cfg.Site.Name, Blocks: guide.HandOver(h)}, nil
}
