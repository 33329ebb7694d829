package graphsim

import (
	"net/http"
	"slices"
	"strings"
)

// reader is who asks: a person through an application, or an application alone.
type reader struct {
	user   *User // nil: application token
	app    *App
	scopes []string // delegated permissions, or application roles
}

func (r reader) has(any ...string) bool {
	return slices.ContainsFunc(any, func(x string) bool { return slices.Contains(r.scopes, x) })
}

// graph answers one request under /v1.0/.
func (s *Sim) graph(c *call) answer {
	rd, no, ok := s.bearer(c)
	if !ok {
		return no
	}
	rest := append(c.path[1:len(c.path):len(c.path)], "")
	post := slices.Contains([]string{"$batch", "getSchedule"}, c.path[len(c.path)-1])
	switch {
	case post != (c.r.Method == http.MethodPost), !post && c.r.Method != http.MethodGet:
		return graphError(c, http.StatusMethodNotAllowed, "BadRequest", "The HTTP method "+c.r.Method+" is not supported by the simulator here.")
	case rest[0] == "$batch" && !c.part:
		return s.batch(c)
	case rest[0] == "places":
		return s.places(c, rd, rest[1:len(rest)-1])
	case rest[0] == "me" && rd.user == nil:
		return graphError(c, 400, "BadRequest", "/me request is only valid with delegated authentication flow.")
	case rest[0] == "me":
		return s.mailboxRequest(c, rd, rd.user.UPN, rest[1:len(rest)-1])
	case rest[0] == "users" && len(rest) > 2:
		return s.mailboxRequest(c, rd, rest[1], rest[2:len(rest)-1])
	}
	return unknownSegment(c, rest[0])
}

func unknownSegment(c *call, segment string) answer {
	return graphError(c, 400, "BadRequest", "Resource not found for the segment '"+segment+"'.")
}

// bearer finds who holds the access token.
func (s *Sim) bearer(c *call) (reader, answer, bool) {
	raw, found := strings.CutPrefix(c.r.Header.Get("Authorization"), "Bearer ")
	t := s.grants.access[raw]
	switch {
	case !found || raw == "":
		return reader{}, unauthorized(c, "Access token is empty."), false
	case t == nil:
		return reader{}, unauthorized(c, "IDX14100: JWT is not well formed, there are no dots (.)."), false
	case !c.now.Before(t.expires):
		return reader{}, unauthorized(c, "Lifetime validation failed, the token is expired."), false
	}
	s.retireOlder(t)
	rd := reader{app: s.world.apps[fold(t.app)], scopes: t.scopes}
	if rd.app == nil {
		rd.app = &App{ClientID: t.app}
	}
	if t.signIn == nil {
		rd.scopes = rd.app.AppRoles
	} else {
		rd.user = t.signIn.user
	}
	return rd, answer{}, true
}

func unauthorized(c *call, message string) answer {
	a := graphError(c, http.StatusUnauthorized, "InvalidAuthenticationToken", message)
	a.header.Set("WWW-Authenticate", `Bearer realm="", authorization_uri="`+c.base+`/common/oauth2/authorize", client_id="00000003-0000-0000-c000-000000000000"`)
	return a
}

// targetOf returns the folded address of the mailbox a path means, "" for none.
func (s *Sim) targetOf(c *call) string {
	if c.path[0] != "v1.0" || len(c.path) < 3 {
		return ""
	}
	switch c.path[1] {
	case "users":
		return fold(c.path[2])
	case "me":
		raw, _ := strings.CutPrefix(c.r.Header.Get("Authorization"), "Bearer ")
		if t := s.grants.access[raw]; t != nil && t.signIn != nil {
			return fold(t.signIn.user.UPN)
		}
	}
	return ""
}

// mailboxRequest answers for one user or room; sub is the path after it.
func (s *Sim) mailboxRequest(c *call, rd reader, owner string, sub []string) answer {
	box := s.mailbox(owner)
	switch {
	case box == nil && len(sub) == 0:
		return graphError(c, 404, "Request_ResourceNotFound", "Resource '"+owner+"' does not exist or one of its queried reference-property objects are not present.")
	case box == nil:
		return graphError(c, 404, "ErrorInvalidUser", "The requested user '"+owner+"' is invalid.")
	case len(sub) == 0:
		return s.profile(c, rd, box)
	case box.room != nil && box.room.Unlicensed:
		return graphError(c, 404, "MailboxNotEnabledForRESTAPI", "The mailbox is either inactive, soft-deleted, or is hosted on-premise.")
	case sub[len(sub)-1] == "getSchedule":
		return s.getSchedule(c, rd)
	}
	if no, allowed := s.mayRead(c, rd, box); !allowed {
		return no
	}
	return s.calendarRequest(c, rd, box, sub)
}

func (s *Sim) profile(c *call, rd reader, box *mailbox) answer {
	if rd.user == nil || !rd.has("User.Read", "User.ReadBasic.All") {
		return graphError(c, 403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
	}
	return graphAnswer(map[string]any{
		"@odata.context": c.base + "/v1.0/$metadata#users/$entity", "id": box.id, "displayName": box.name,
		"userPrincipalName": box.address, "mail": box.address, "givenName": nil, "surname": nil, "jobTitle": nil,
		"businessPhones": []string{}, "mobilePhone": nil, "officeLocation": nil, "preferredLanguage": nil,
	})
}

var (
	readScopes   = []string{"Calendars.ReadBasic", "Calendars.Read", "Calendars.ReadWrite", "Calendars.Read.Shared", "Calendars.ReadWrite.Shared"}
	sharedScopes = []string{"Calendars.Read.Shared", "Calendars.ReadWrite.Shared"}
	appRoles     = []string{"Calendars.ReadBasic.All", "Calendars.ReadBasic", "Calendars.Read", "Calendars.ReadWrite"}
)

// mayRead applies the two gates of a calendar: the token's permissions and the folder right.
func (s *Sim) mayRead(c *call, rd reader, box *mailbox) (answer, bool) {
	denied := graphError(c, 403, "ErrorAccessDenied", "Access is denied. Check credentials and try again.")
	if rd.user == nil {
		return s.appMayRead(c, rd, box, denied)
	}
	own := fold(rd.user.UPN) == fold(box.address)
	switch {
	case own:
		return denied, rd.has(readScopes...)
	case !rd.has(sharedScopes...):
		return denied, false
	case s.sharedWith(box, rd.user):
		return answer{}, true
	case s.sw.UnsharedIs404:
		return graphError(c, 404, "ErrorItemNotFound", "The specified object was not found in the store."), false
	}
	return denied, false
}

func (s *Sim) appMayRead(c *call, rd reader, box *mailbox, denied answer) (answer, bool) {
	switch {
	case contains(rd.app.ScopedTo, box.address):
		return answer{}, true
	case !rd.has(appRoles...):
		return denied, false
	case len(rd.app.PolicyAllows) > 0 && !contains(rd.app.PolicyAllows, box.address):
		return graphError(c, 403, "ErrorAccessDenied", "Access to OData is disabled: [RAOP] : Blocked by tenant configured AppOnly AccessPolicy settings."), false
	}
	return answer{}, true
}

// sharedWith says whether a user has a right on the folder, from the room's own list or by [Sim.ShareCalendar].
func (s *Sim) sharedWith(box *mailbox, u *User) bool {
	if box.room != nil && contains(box.room.SharedWith, u.UPN) {
		return true
	}
	own := s.mailbox(u.UPN)
	return own != nil && slices.ContainsFunc(own.shared, func(x sharedCalendar) bool { return x.box == box })
}

// calendarRequest answers what lies in a mailbox's calendar or in one that is shared with it.
func (s *Sim) calendarRequest(c *call, rd reader, box *mailbox, sub []string) answer {
	switch {
	case len(sub) == 1 && sub[0] == "calendars":
		return s.calendars(c, box)
	case len(sub) == 1 && sub[0] == "calendar":
		return s.calendar(c, box, box.calendarID)
	case sub[0] == "calendar":
		sub = sub[1:]
	case sub[0] == "calendars":
		target := box.calendarOf(sub[1])
		switch {
		case target == nil:
			return graphError(c, 404, "ErrorItemNotFound", "The specified object was not found in the store.")
		case len(sub) == 2:
			return s.calendar(c, box, sub[1])
		}
		if no, allowed := s.mayRead(c, rd, target); !allowed {
			return no
		}
		box, sub = target, sub[2:]
	}
	basic := rd.user != nil && !rd.has(readScopes[1:]...)
	q, no, ok := s.readQuery(c, basic)
	switch {
	case !ok:
		return no
	case len(sub) == 1 && sub[0] == "events":
		return s.listEvents(c, box, q)
	case len(sub) == 1 && sub[0] == "calendarView":
		return s.listView(c, box, q)
	case len(sub) == 2 && sub[0] == "events":
		return s.oneEvent(c, box, q, sub[1])
	case len(sub) == 3 && sub[0] == "events" && sub[2] == "instances":
		return s.listInstances(c, box, q, sub[1])
	}
	return unknownSegment(c, sub[len(sub)-1])
}
