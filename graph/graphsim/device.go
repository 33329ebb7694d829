package graphsim

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// device is a pending device sign-in (RFC 8628).
type device struct {
	app      *App
	userCode string
	scope    string // as requested
	issued   time.Time
	who      *User // set once approved
	declined bool
	used     bool
}

func (s *Sim) deviceLifetime() time.Duration {
	return orDefault(s.behaviour.DeviceLifetime, 15*time.Minute)
}

// deviceCode is the device authorization endpoint (RFC 8628 §3.1).
func (s *Sim) deviceCode(c *call) response {
	if c.r.Method != http.MethodPost {
		return s.stsError(c, 900561)
	}
	f := c.form()
	if f.Get("client_id") == "" {
		return s.refuse(c, missing("client_id"))
	}
	app, problem := s.application(c.path[0], f.Get("client_id"))
	if problem.code != 0 {
		return s.refuse(c, problem)
	}
	_, bad := parseScopes(f.Get("scope"))
	if f.Get("scope") == "" || bad != "" {
		return s.refuse(c, refusal{70011, "The provided value for the input parameter 'scope' is not valid. The scope '" + bad + "' does not exist."})
	}
	code := s.secretString("CAQABAAEAAAD", 150)
	d := &device{app: app, userCode: s.letters(9, userCodeLetters), scope: f.Get("scope"), issued: c.now}
	s.issued.devices[code] = d
	page := c.base + "/devicelogin"
	return identityResponse(http.StatusOK, map[string]any{
		"user_code": d.userCode, "device_code": code, "verification_uri": page,
		"expires_in": int64(s.deviceLifetime() / time.Second), "interval": 5,
		"message": fmt.Sprintf("To sign in, use a web browser to open the page %s and enter the code %s to authenticate.", page, d.userCode),
	})
}

// pollDevice handles the device access token request (RFC 8628 §3.4).
func (s *Sim) pollDevice(c *call, f url.Values, app *App) response {
	if f.Get("device_code") == "" {
		return s.refuse(c, missing("device_code"))
	}
	if !app.PublicClient {
		return s.stsError(c, 7000218)
	}
	if problem := s.authenticateClient(c, app, Native); problem.code != 0 {
		return s.refuse(c, problem)
	}
	d := s.issued.devices[f.Get("device_code")]
	switch {
	case d == nil || d.app.ClientID != app.ClientID:
		return s.stsError(c, 70018)
	case d.used:
		return s.stsError(c, 90120)
	case !s.devicePending(d, c.now):
		return s.stsError(c, 70020)
	case d.declined:
		return identityResponse(http.StatusBadRequest, map[string]any{"error": "authorization_declined",
			"error_description": "The user declined the sign-in.", "error_codes": []int{},
			"timestamp": c.now.Format("2006-01-02 15:04:05Z"), "trace_id": c.id, "correlation_id": c.correlation()})
	case d.who == nil:
		return s.stsError(c, 70016)
	}
	in := s.newSignIn(c, app, d.who, d.scope, Native)
	if problem := s.checkUser(in); problem.code != 0 {
		return s.refuse(c, problem)
	}
	d.used = true
	return s.tokens(c, in, in.resourceScopes(), "")
}

func (s *Sim) devicePending(d *device, now time.Time) bool {
	return now.Before(d.issued.Add(s.deviceLifetime()))
}

// deviceLogin is the page where a user enters the user code.
func (s *Sim) deviceLogin(c *call) response {
	if c.r.Method != http.MethodPost {
		return s.devicePage("Enter the code displayed on your app or device.")
	}
	f := c.form()
	err := s.decideDevice(f.Get("user_code"), f.Get("user"), f.Get("action") == "accept", c.now)
	if err != nil {
		return s.devicePage("That code didn't work. Check the code and try again.")
	}
	return messagePage("Done", "You can close this page and go back to your device.")
}

// decideDevice records the user's decision on a device code.
func (s *Sim) decideDevice(userCode, upn string, accept bool, now time.Time) error {
	typed := strings.ToUpper(strings.NewReplacer(" ", "", "-", "").Replace(userCode))
	for _, d := range s.issued.devices {
		if d.userCode != typed || !s.devicePending(d, now) || d.used {
			continue
		}
		who := s.user(upn)
		if accept && who == nil {
			return fmt.Errorf("no user %q in the simulator", upn)
		}
		d.declined = !accept
		if accept {
			d.who = who
		}
		return nil
	}
	return fmt.Errorf("no open device sign-in has the user code %q", userCode)
}

// ApproveDevice accepts a device sign-in for a user without the page.
func (s *Sim) ApproveDevice(userCode, upn string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.decideDevice(userCode, upn, true, s.now().UTC())
}

// DeclineDevice declines a device sign-in without the page.
func (s *Sim) DeclineDevice(userCode string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.decideDevice(userCode, "", false, s.now().UTC())
}

func (s *Sim) userNames() []string {
	var names []string
	for _, u := range s.directory.users {
		names = append(names, u.UPN)
	}
	slices.Sort(names)
	return names
}
