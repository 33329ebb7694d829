package graphsim

import (
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
	"time"
)

// The one tenant of the simulated world.
const (
	TenantID     = "8f1c2b34-5d6e-4f70-8a91-b2c3d4e5f607"
	TenantDomain = "contoso.example"
	// ServiceAccount signs in for the gateway and is copied into every booking of [Office].
	ServiceAccount = "rooms@contoso.example"
)

// DefaultClient returns the application every simulator knows: a confidential Web application that may also use
// public flows (device code), with application permissions for calendars and places.
func DefaultClient() (clientID, secret, redirect string) {
	return "2c1d7a90-3b4e-4f5a-9c6d-7e8f90a1b2c3", "simulated-secret-value", "http://localhost"
}

// Platform is the kind of client a redirect URI is registered for.
type Platform string

// The platforms of an app registration.
const (
	Web    Platform = "web"    // confidential: secret or certificate required
	Native Platform = "native" // mobile and desktop: public, secret refused
	SPA    Platform = "spa"    // single-page: Origin header required, refresh token lives 24 h
)

// Redirect is one registered redirect URI.
type Redirect struct {
	Platform Platform
	URI      string
}

// Secret is a client secret; a zero Expires never expires.
type Secret struct {
	Value   string
	Expires time.Time
}

// App is an app registration.
type App struct {
	ClientID     string
	Name         string
	Secrets      []Secret
	Certificates []*x509.Certificate // for private_key_jwt; RSA keys
	Redirects    []Redirect
	PublicClient bool // "Allow public client flows": device code
	SingleTenant bool // refused on /common
	Disabled     bool
	AppRoles     []string // application permissions an administrator has granted
	// ScopedTo lists mailboxes granted by Exchange role-based access: they may be read without an AppRole.
	ScopedTo []string
	// PolicyAllows, when not empty, lists the only mailboxes an application access policy lets app-only tokens read.
	PolicyAllows []string
}

// User is a person or service account with a mailbox.
type User struct {
	ID       string // object id; made by AddUser when empty
	UPN      string // also the mail address
	Name     string
	Disabled bool
}

// Room is a room mailbox. The zero processing switches are Exchange Online's defaults.
type Room struct {
	ID         string // made by AddRoom when empty
	Address    string
	Name       string
	Nickname   string
	Capacity   int
	Building   string
	Floor      int
	FloorLabel string
	SharedWith []string // users who may read the calendar; others see free and busy only
	Unlicensed bool     // 404 MailboxNotEnabledForRESTAPI
	NoFreeBusy bool     // getSchedule answers for it with the error ErrorNoFreeBusyAccess

	KeepSubject         bool // Set-CalendarProcessing -DeleteSubject $false
	NoOrganizerSubject  bool // -AddOrganizerToSubject $false
	KeepComments        bool // -DeleteComments $false
	KeepPrivate         bool // -RemovePrivateProperty $false
	RemoveCancelled     bool // -RemoveCanceledMeetings $true
	TentativeUntilAgree bool // bookings wait for a delegate and show as tentative
}

// mailbox is whatever has a calendar: a user's or a room's.
type mailbox struct {
	address, name, id string
	calendarID        string
	room              *Room            // nil for a user
	shared            []sharedCalendar // other mailboxes' calendars in this one's list
	items             map[string]*item
	order             []string // ids in order of creation
}

// item is a stored event with the exceptions of its series, keyed by the pattern's date (2006-01-02).
type item struct {
	Event
	exceptions map[string]exception
}

// exception is an occurrence that was moved, changed or (with a nil event) deleted.
type exception struct{ event *Event }

// meeting links the copies of one booking.
type meeting struct {
	owner string            // address of the mailbox that made it
	ids   map[string]string // event id per mailbox address
}

type world struct {
	apps      map[string]*App
	users     []*User
	mailboxes map[string]*mailbox // by folded address
	addresses []string            // in order of creation
	meetings  map[string]*meeting // by iCalUId
}

func newWorld() world {
	return world{apps: map[string]*App{}, mailboxes: map[string]*mailbox{}, meetings: map[string]*meeting{}}
}

func fold(s string) string { return strings.ToLower(strings.TrimSpace(s)) }

func contains(list []string, s string) bool {
	return slices.ContainsFunc(list, func(x string) bool { return fold(x) == fold(s) })
}

// AddApp registers an application or replaces the one with the same ClientID.
func (s *Sim) AddApp(a App) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.world.apps[fold(a.ClientID)] = &a
}

// ChangeApp alters a registered application; it does nothing when there is none with this id.
func (s *Sim) ChangeApp(clientID string, change func(*App)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a := s.world.apps[fold(clientID)]; a != nil {
		change(a)
	}
}

// AddUser adds a person and an empty calendar, or replaces the person and keeps the calendar.
func (s *Sim) AddUser(u User) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if u.ID == "" {
		u.ID = s.guid()
	}
	s.world.users = slices.DeleteFunc(s.world.users, func(x *User) bool { return fold(x.UPN) == fold(u.UPN) })
	s.world.users = append(s.world.users, &u)
	s.mailboxFor(u.UPN, u.Name, u.ID)
}

// AddRoom adds a room mailbox with an empty calendar, or replaces the room and keeps the calendar.
func (s *Sim) AddRoom(r Room) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.ID == "" {
		r.ID = s.guid()
	}
	s.mailboxFor(r.Address, r.Name, r.ID).room = &r
}

// Rooms returns the rooms in the order they were added.
func (s *Sim) Rooms() []Room {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rooms()
}

func (s *Sim) rooms() []Room {
	var list []Room
	for _, a := range s.world.addresses {
		if r := s.world.mailboxes[a].room; r != nil {
			list = append(list, *r)
		}
	}
	return list
}

// ChangeRoom alters a room, for instance whom it is shared with; it does nothing when there is no such room.
func (s *Sim) ChangeRoom(address string, change func(*Room)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m := s.world.mailboxes[fold(address)]; m != nil && m.room != nil {
		change(m.room)
	}
}

func (s *Sim) mailboxFor(address, name, id string) *mailbox {
	key := fold(address)
	m := s.world.mailboxes[key]
	if m == nil {
		m = &mailbox{calendarID: s.eventID(), items: map[string]*item{}}
		s.world.mailboxes[key] = m
		s.world.addresses = append(s.world.addresses, key)
	}
	m.address, m.name, m.id = address, name, id
	return m
}

// user finds a person by UPN or object id.
func (s *Sim) user(nameOrID string) *User {
	for _, u := range s.world.users {
		if fold(u.UPN) == fold(nameOrID) || u.ID == nameOrID {
			return u
		}
	}
	return nil
}

// mailbox finds a mailbox by address or object id.
func (s *Sim) mailbox(addressOrID string) *mailbox {
	if m := s.world.mailboxes[fold(addressOrID)]; m != nil {
		return m
	}
	for _, m := range s.world.mailboxes {
		if m.id == addressOrID {
			return m
		}
	}
	return nil
}

func (s *Sim) needMailbox(address string) (*mailbox, error) {
	if m := s.mailbox(address); m != nil {
		return m, nil
	}
	return nil, fmt.Errorf("there is no mailbox %q in the simulator: add a user or room first", address)
}
