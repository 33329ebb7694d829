package driver

import "context"

// Provider is a calendar service as one account uses it. It must be able to read
// calendars. It supports more by implementing further interfaces of this file and
// of calendar.go, which are found by type assertion where they are used; a missing
// one is reported to the user and is not an error.
//
//	HasSession       it signs in
//	Sweeper          it finds with few requests which rooms have changed
//	Discoverer       it lists the rooms there are
//	Examiner         it examines its servers, permissions and rooms for the doctor
//	Guide            it has instructions for users and for the customer's IT
//	WhoSignedIn      it knows the address of the signed-in user
//	CredentialGuide  it has instructions to renew the client secret or certificate
type Provider interface {
	Calendar
	// Service is the display name of the service, such as "Contoso Calendar".
	Service() string
}

// HasSession is a Provider that signs in. Others can always read.
type HasSession interface {
	Session() Session
}

// SessionOf returns the session of a provider; nil: it needs no sign-in.
func SessionOf(p Provider) Session {
	if p, ok := p.(HasSession); ok {
		return p.Session()
	}
	return nil
}

// StatusOf returns the status of a provider's sign-in. One that needs none works.
func StatusOf(p Provider) SessionStatus {
	if s := SessionOf(p); s != nil {
		return s.Status()
	}
	return SessionStatus{State: SignedIn}
}

// WhoSignedIn is a Provider that can ask the service who signed in.
type WhoSignedIn interface {
	// SignedInUser returns the e-mail address of the signed-in user; empty: the
	// service does not say.
	SignedInUser(ctx context.Context) (address string, err error)
}

// Discoverer is a Provider that lists the rooms that its account can see.
type Discoverer interface {
	// Discover returns the rooms. What the service does not show is in the
	// Notes; the error means that no request succeeded.
	Discover(ctx context.Context) (Discovery, error)
}

// Discovery is what an account can see.
type Discovery struct {
	Rooms []FoundRoom `json:"rooms"`
	Notes []Finding   `json:"notes,omitempty"` // what could not be seen, and why
}

// FoundRoom is a room, or a calendar that may be a room's. Its texts are
// untrusted, as the service returns them.
type FoundRoom struct {
	Name     string `json:"name"`
	Building string `json:"building,omitempty"`
	Floor    string `json:"floor,omitempty"`
	Capacity int    `json:"capacity,omitempty"` // persons; 0: not known
	RoomList string `json:"room_list,omitempty"`
	Address  string `json:"address,omitempty"` // of the mailbox, or of the calendar's owner
	Source   string `json:"source"`            // where it was found, in words
	Remark   string `json:"remark,omitempty"`  // what to consider before it is configured; empty: nothing

	Mailbox  string `json:"mailbox,omitempty"`  // setting of the room; may be empty
	Calendar string `json:"calendar,omitempty"` // setting of the room; may be empty

	Calendars []string `json:"calendars,omitempty"` // names and ids by which the setting calendar may mean it
	Main      bool     `json:"main,omitempty"`      // it is the account's own calendar, which rooms without mailbox and calendar are found in
	Directory bool     `json:"directory,omitempty"` // it is a room of the directory, which a room's match may mean by name or address
}

// Examiner is a Provider with checks for 'roomgate check'. It changes nothing, and
// shows no content of calendars.
type Examiner interface {
	// Servers are the servers it uses. The doctor sends a request to each.
	Servers() []Server
	// Examine checks the permissions of the session, once it works.
	Examine(ctx context.Context, rooms []Room) []Finding
	// ExamineRoom checks the Reading of a room, which contains names and
	// subjects as far as the service returns them.
	ExamineRoom(room Room, events []Event) []Finding
}

// Server is a server of a Provider.
type Server struct {
	URL     string                       // to request without signing in; its scheme and host decide the proxy
	Purpose string                       // in words, such as "reading the calendars"
	Issuers []string                     // substrings of the names of the issuers of its certificates; none: any issuer
	Judge   func(ServerAnswer) []Finding // findings about the answer; nil: any answer is good
}

// ServerAnswer is what a Server answered.
type ServerAnswer struct {
	Host        string // name, without the port
	Status      int    // HTTP status
	ContentType string // media type, without parameters
	Body        []byte // bounded by the doctor
}

// Level is the severity of a Finding.
type Level string

const (
	LevelGood    Level = "good"
	LevelWarning Level = "warning"
	LevelBad     Level = "bad"
)

// Finding is the result of one check.
type Finding struct {
	Subject string `json:"subject"` // what was checked
	Level   Level  `json:"level"`
	Words   string `json:"words"`
	Action  string `json:"action,omitempty"`       // what to do about it
	Person  bool   `json:"needs_person,omitempty"` // user action required at the service
}

// Guide is a Provider with instructions for what people do at the service.
type Guide interface {
	// Preparation is what the customer's IT does once before the first sign-in,
	// for the page: what to register, including the redirect URI.
	Preparation() []Block
	// SignInNotes are instructions for the user who is about to sign in, for the
	// page: the permissions the service will ask for, and what to do about an
	// error that the service shows on its own page.
	SignInNotes() []Block
	// HandOver is the sheet for the customer's IT.
	HandOver(h HandOver) []Block
}

// CredentialGuide is a Provider whose client authenticates with a secret or a
// certificate that expires.
type CredentialGuide interface {
	// RenewCredential says in one line where to create a new one.
	RenewCredential() string
}

// HandOver is the input of a sheet for the customer's IT.
type HandOver struct {
	Site    Site
	Account string // name
	User    string // address of the account that will sign in
	Rooms   []Room // of the account
	Broker  string // address
	Store   string // path of the database
	Sealed  bool   // tokens are sealed at rest

	Discover bool // rooms are to be discovered with the account, for which more may be needed for a time
}

// Block is a part of a sheet; the first field that is set decides its kind. Its
// texts are plain; text between backquotes is rendered as code.
type Block struct {
	Heading string
	Text    string
	List    []string
	Steps   []string   // a numbered list
	Table   [][]string // the first row is the heading
	Code    string     // to be copied unchanged
	Shell   string     // the shell for Code, such as "powershell"; empty: not for a shell
}

// Advice is what an error code of a service means to the people on site.
type Advice struct {
	Code        string `json:"code"`                   // as the service writes it
	Known       bool   `json:"known"`                  // it is in the dictionary; otherwise Next says where to look it up
	What        string `json:"what"`                   // what happened
	Who         string `json:"who"`                    // who can fix it
	Next        string `json:"next"`                   // what to do; empty: wait
	NeedsPerson bool   `json:"needs_person"`           // user action required
	Page        string `json:"page,omitempty"`         // the service's own page about it
	Logs        string `json:"sign_in_logs,omitempty"` // where the customer's IT finds the event
}
