package driver

import "context"

// Provider is a calendar service as one account uses it. Reading calendars is
// all it must be able to do. What else it can do it shows by implementing
// further interfaces of this file, which are looked for where they are used:
// a provider that lacks one is told so in words, and goes on.
//
//	HasSession       it signs in
//	Sweeper          it tells cheaply which rooms have changed
//	Discoverer       it lists the rooms there are
//	Examiner         it looks at its own servers, permissions and rooms for the doctor
//	Guide            it puts into words what the customer's IT does
//	WhoSignedIn      it knows the address of who signed in
//	CredentialGuide  it says where a new client secret or certificate is made
type Provider interface {
	Calendar
	// Service is the name of the service for people, such as "Contoso Calendar".
	Service() string
}

// HasSession is a Provider that signs in. One without is always able to read.
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

// WhoSignedIn is a Provider that can ask the service who signed in.
type WhoSignedIn interface {
	// SignedInUser returns the e-mail address of the signed-in user; empty: the
	// service does not say.
	SignedInUser(ctx context.Context) (address string, err error)
}

// Discoverer is a Provider that lists the rooms that its account can see.
type Discoverer interface {
	// Discover returns what there is. What the service does not show is in the
	// Notes; the error says that nothing could be asked at all.
	Discover(ctx context.Context) (Discovery, error)
}

// Discovery is what an account can see.
type Discovery struct {
	Rooms []FoundRoom `json:"rooms"`
	Notes []Finding   `json:"notes,omitempty"` // what could not be seen, and why
}

// FoundRoom is a room, or a calendar that may be a room's. Its texts are a
// stranger's, as the service gives them.
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

// Examiner is a Provider that helps the doctor of 'roomgate check'. It changes
// nothing, and shows nothing of what is written in a calendar.
type Examiner interface {
	// Servers are the servers it talks to. The doctor asks each for an answer.
	Servers() []Server
	// Examine looks at what the session may do, once it works.
	Examine(ctx context.Context, rooms []Room) []Finding
	// ExamineRoom looks at what was read of a room, names and subjects included
	// as far as the service gives them.
	ExamineRoom(room Room, events []Event) []Finding
}

// Server is a server of a Provider.
type Server struct {
	URL     string                       // to get without signing in; scheme and host tell which way leads there
	Purpose string                       // in words, such as "reading the calendars"
	Issuers []string                     // parts of the names of those who issue its certificates; none: anybody
	Judge   func(ServerAnswer) []Finding // what the answer says; nil: any answer will do
}

// ServerAnswer is what a Server answered.
type ServerAnswer struct {
	Host        string // name, without the port
	Status      int    // HTTP status
	ContentType string // media type, without parameters
	Body        []byte // bounded by the doctor
}

// Level is how well a Finding is.
type Level string

const (
	LevelGood    Level = "good"
	LevelWarning Level = "warning"
	LevelBad     Level = "bad"
)

// Finding is one result of looking at something.
type Finding struct {
	Subject string `json:"subject"` // what was looked at
	Level   Level  `json:"level"`
	Words   string `json:"words"`
	Action  string `json:"action,omitempty"`       // what to do about it
	Person  bool   `json:"needs_person,omitempty"` // somebody has to act at the service
}

// Guide is a Provider that puts into words what people do at the service.
type Guide interface {
	// Preparation is what the customer's IT does once before somebody can sign
	// in, for the page: what to register, the redirect URI included.
	Preparation() []Block
	// SignInNotes are what a person should know who is about to sign in, for the
	// page: the permissions the service will ask for, and what to do about an
	// error that the service shows on its own page.
	SignInNotes() []Block
	// HandOver is the sheet for the customer's IT.
	HandOver(h HandOver) []Block
}

// CredentialGuide is a Provider whose client authenticates with a secret or a
// certificate that ends one day.
type CredentialGuide interface {
	// RenewCredential says in one line where a new one is made.
	RenewCredential() string
}

// HandOver is what a sheet for the customer's IT is made for.
type HandOver struct {
	Site    Site
	Account string // name
	User    string // address of the account that will sign in
	Rooms   []Room // of the account
	Broker  string // address
	Store   string // path of the database
	Sealed  bool   // tokens are sealed at rest
}

// Block is a part of a sheet; the first field that is set says which kind. Its
// texts are plain, and what stands between backquotes is set as code.
type Block struct {
	Heading string
	Text    string
	List    []string
	Steps   []string   // a numbered list
	Table   [][]string // the first row is the heading
	Code    string     // to be copied as it is
	Shell   string     // the shell to paste Code into, such as "powershell"; empty: it is not for a shell
}

// Advice is what an error code of a service means to the people on site.
type Advice struct {
	Code        string `json:"code"`                   // as the service writes it
	Known       bool   `json:"known"`                  // it is in the dictionary; otherwise Next says where to look it up
	What        string `json:"what"`                   // what happened
	Who         string `json:"who"`                    // who can fix it
	Next        string `json:"next"`                   // what that person does; empty where only time helps
	NeedsPerson bool   `json:"needs_person"`           // it does not pass by itself
	Page        string `json:"page,omitempty"`         // the service's own page about it
	Logs        string `json:"sign_in_logs,omitempty"` // where the customer's IT sees it happen
}
