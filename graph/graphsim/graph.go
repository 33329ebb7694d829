package graphsim

import (
	"net/http"
	"slices"
	"strings"
)

// caller is the holder of an access token: a user through an application, or an application alone.
type caller struct {
	user   *User // nil: application token
	app    *App
	scopes []string // delegated permissions, or application roles
}

func (r caller) has(any ...string) bool {
	return slices.ContainsFunc(any, func(x string) bool { return slices.Contains(r.scopes, x) })
}

// graph handles one request under /v1.0/.
func (s *Sim) graph(c *call) response {
	cl, problem, ok := s.authenticate(c)
	if !ok {
		return problem
	}
	rest := append(c.path[1:len(c.path):len(c.path)], "")
	post := slices.Contains([]string{"$batch", "getSchedule"}, c.path[len(c.path)-1])
	switch {
	case post != (c.r.Method == http.MethodPost), !post && c.r.Method != http.MethodGet:
		return graphError(c, http.StatusMethodNotAllowed, "BadRequest", "The HTTP method "+c.r.Method+" is not supported by the simulator here.")
	case rest[0] == "$batch" && !c.part:
		return s.batch(c)
	case rest[0] == "places":
		return s.places(c, cl, rest[1:len(rest)-1])
	case rest[0] == "me" && cl.user == nil:
		return graphError(c, 400, "BadRequest", "/me request is only valid with delegated authentication flow.")
	case rest[0] == "me":
		return s.mailboxRequest(c, cl, cl.user.UPN, rest[1:len(rest)-1])
	case rest[0] == "users" && len(rest) > 2:
		return s.mailboxRequest(c, cl, rest[1], rest[2:len(rest)-1])
	}
	return unknownSegment(c, rest[0])
}

func unknownSegment(c *call, segment string) response {
	return graphError(c, 400, "BadRequest", "Resource not found for the segment '"+segment+"'.")
}

// authenticate finds the caller by the access token.
func (s *Sim) authenticate(c *call) (caller, response, bool) {
	raw, found := strings.CutPrefix(c.r.Header.Get("Authorization"), "Bearer ")
	t := s.issued.access[raw]
	switch {
	case !found || raw == "":
		return caller{}, unauthorized(c, "Access token is empty."), false
	case t == nil:
		return caller{}, unauthorized(c, "IDX14100: JWT is not well formed, there are no dots (.)."), false
	case !c.now.Before(t.expires):
		return caller{}, unauthorized(c, "Lifetime validation failed, the token is expired."), false
	}
	s.revokeOlderTokens(t)
	cl := caller{app: s.directory.apps[fold(t.app)], scopes: t.scopes}
	if cl.app == nil {
		cl.app = &App{ClientID: t.app}
	}
	if t.signIn == nil {
		cl.scopes = cl.app.AppRoles
	} else {
		cl.user = t.signIn.user
	}
	return cl, response{}, true
}

func unauthorized(c *call, message string) response {
	a := graphError(c, http.StatusUnauthorized, "InvalidAuthenticationToken", message)
	a.header.Set("WWW-Authenticate", `Bearer realm="", authorization_uri="`+c.base+`/common/oauth2/authorize", client_id="00000003-0000-0000-c000-000000000000"`)
	return a
}

// mailboxOf returns the folded address of the mailbox a path means, "" for none.
func (s *Sim) mailboxOf(c *call) string {
	if c.path[0] != "v1.0" || len(c.path) < 3 {
		return ""
	}
	switch c.path[1] {
	case "users":
		return fold(c.path[2])
	case "me":
		raw, _ := strings.CutPrefix(c.r.Header.Get("Authorization"), "Bearer ")
		if t := s.issued.access[raw]; t != nil && t.signIn != nil {
			return fold(t.signIn.user.UPN)
		}
	}
	return ""
}

// mailboxRequest handles a request for one user or room; sub is the rest of the path.
func (s *Sim) mailboxRequest(c *call, cl caller, owner string, sub []string) response {
	box := s.mailbox(owner)
	switch {
	case box == nil && len(sub) == 0:
		return graphError(c, 404, "Request_ResourceNotFound", "Resource '"+owner+"' does not exist or one of its queried reference-property objects are not present.")
	case box == nil:
		return graphError(c, 404, "ErrorInvalidUser", "The requested user '"+owner+"' is invalid.")
	case len(sub) == 0:
		return s.profile(c, cl, box)
	case box.room != nil && box.room.Unlicensed:
		return graphError(c, 404, "MailboxNotEnabledForRESTAPI", "The mailbox is either inactive, soft-deleted, or is hosted on-premise.")
	case sub[len(sub)-1] == "getSchedule":
		return s.getSchedule(c, cl)
	}
	if problem, allowed := s.mayRead(c, cl, box); !allowed {
		return problem
	}
	return s.calendarRequest(c, cl, box, sub)
}

func (s *Sim) profile(c *call, cl caller, box *mailbox) response {
	if cl.user == nil || !cl.has("User.Read", "User.ReadBasic.All") {
		return graphError(c, 403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
	}
	return graphResponse(map[string]any{
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

// mayRead checks the token's permissions and the folder permission of a calendar.
func (s *Sim) mayRead(c *call, cl caller, box *mailbox) (response, bool) {
	denied := graphError(c, 403, "ErrorAccessDenied", "Access is denied. Check credentials and try again.")
	if cl.user == nil {
		return s.appMayRead(c, cl, box, denied)
	}
	own := fold(cl.user.UPN) == fold(box.address)
	switch {
	case own:
		return denied, cl.has(readScopes...)
	case !cl.has(sharedScopes...):
		return denied, false
	case s.sharedWith(box, cl.user):
		return response{}, true
	case s.behaviour.UnsharedIs404:
		return graphError(c, 404, "ErrorItemNotFound", "The specified object was not found in the store."), false
	}
	return denied, false
}

func (s *Sim) appMayRead(c *call, cl caller, box *mailbox, denied response) (response, bool) {
	switch {
	case containsFold(cl.app.ScopedTo, box.address):
		return response{}, true
	case !cl.has(appRoles...):
		return denied, false
	case len(cl.app.PolicyAllows) > 0 && !containsFold(cl.app.PolicyAllows, box.address):
		return graphError(c, 403, "ErrorAccessDenied", "Access to OData is disabled: [RAOP] : Blocked by tenant configured AppOnly AccessPolicy settings."), false
	}
	return response{}, true
}

// sharedWith reports whether a user has a permission on the folder, by Room.SharedWith or [Sim.ShareCalendar].
func (s *Sim) sharedWith(box *mailbox, u *User) bool {
	if box.room != nil && containsFold(box.room.SharedWith, u.UPN) {
		return true
	}
	own := s.mailbox(u.UPN)
	return own != nil && slices.ContainsFunc(own.shared, func(x sharedCalendar) bool { return x.box == box })
}

// calendarRequest handles a request for a mailbox's own calendar or one that is shared with it.
func (s *Sim) calendarRequest(c *call, cl caller, box *mailbox, sub []string) response {
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
		if problem, allowed := s.mayRead(c, cl, target); !allowed {
			return problem
		}
		box, sub = target, sub[2:]
	}
	basic := cl.user != nil && !cl.has(readScopes[1:]...)
	q, problem, ok := s.readQuery(c, basic)
	switch {
	case !ok:
		return problem
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
