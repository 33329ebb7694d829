package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"roomgate/driver"
)

// The database is locked by the running gateway, so commands that need the state
// ask it over a Unix socket beside the database. When none runs, the same handler
// is called in the command's own process. Each operation is
// implemented once.

// maxControlBody bounds what a command sends, in bytes.
const maxControlBody = 64 << 10

// signInRequest is what the calls about one account take; each uses what it needs.
type signInRequest struct {
	Account string `json:"account"`
	driver.AuthorizationRequest
	Response string                `json:"response,omitempty"` // authorization response
	Code     string                `json:"code,omitempty"`
	Tokens   driver.ImportedTokens `json:"tokens,omitzero"`
}

// roomRequest names a room; empty stands for all of them.
type roomRequest struct {
	Room string `json:"room"`
}

// AccountStatus is an account as the commands see it.
type AccountStatus struct {
	Name        string `json:"name"`
	Provider    string `json:"provider"` // as configured
	Service     string `json:"service"`  // for display
	SignIn      SignIn `json:"sign_in"`
	RedirectURI string `json:"redirect_uri,omitempty"` // of SignInCode
	driver.SessionStatus
}

// SignIn is how an account signs in.
type SignIn string

const (
	SignInNone      SignIn = "none"      // the service needs no sign-in
	SignInAutomatic SignIn = "automatic" // without a user
	SignInCode      SignIn = "code"      // a user, in a browser
	SignInDevice    SignIn = "device"    // a user, with a short code on any device
)

// SetUpPage is where the set-up page is, and the code that opens it.
type SetUpPage struct {
	URL  string `json:"url"` // empty: the gateway shows no page
	Code string `json:"code"`
}

func (g *Gateway) controlHandler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /api/", g)
	mux.HandleFunc("GET /control/accounts", func(w http.ResponseWriter, _ *http.Request) { answer(w, g.accountStatuses()) })
	mux.HandleFunc("GET /control/check", g.answerCheck)
	mux.HandleFunc("POST /control/login/page", func(w http.ResponseWriter, _ *http.Request) { answer(w, g.setUpPage()) })
	mux.HandleFunc("POST /control/backup", g.answerBackup)
	mux.HandleFunc("GET /control/history/{date}", g.answerHistory)
	mux.HandleFunc("GET /control/rooms/{id}/explain", g.answerExplain)
	mux.HandleFunc("POST /control/poll", func(w http.ResponseWriter, r *http.Request) {
		var in roomRequest
		if !question(w, r, &in) {
			return
		}
		if err := g.readNow(r.Context(), in.Room); err != nil {
			refuse(w, err)
			return
		}
		answer(w, struct{}{})
	})
	g.accountHandlers(mux)
	return mux
}

// accountHandlers adds what is done to one account.
func (g *Gateway) accountHandlers(mux *http.ServeMux) {
	mux.HandleFunc("POST /control/discover", g.withAccount(discover))
	mux.HandleFunc("POST /control/login/begin", g.withAccount(beginSignIn))
	mux.HandleFunc("POST /control/login/complete", g.withAccount(completeSignIn))
	mux.HandleFunc("POST /control/login/code", g.withAccount(completeCode))
	mux.HandleFunc("POST /control/login/device", g.withAccount(startDevice))
	mux.HandleFunc("POST /control/login/wait", g.withAccount(waitDevice))
	mux.HandleFunc("POST /control/login/import", g.withAccount(importTokens))
	mux.HandleFunc("POST /control/login/verify", g.withAccount(verifySession))
	mux.HandleFunc("POST /control/logout", g.withAccount(signOut))
}

// withAccount finds the account that a request is about. If a reload replaces
// the session, its successor continues.
func (g *Gateway) withAccount(do func(context.Context, *account, signInRequest) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var in signInRequest
		if !question(w, r, &in) {
			return
		}
		var out any
		err := driver.RetryEnded(r.Context(), func() error {
			a := g.parts().account(in.Account)
			if a == nil {
				return refusal{Words: fmt.Sprintf("there is no account %q in the configuration the gateway runs with", in.Account), Unknown: true}
			}
			var err error
			out, err = do(r.Context(), a, in)
			return err
		})
		if err != nil {
			refuse(w, err)
			return
		}
		answer(w, out)
	}
}

func (g *Gateway) accountStatuses() []AccountStatus {
	all := []AccountStatus{}
	for _, a := range g.parts().accounts {
		all = append(all, a.forCommands())
	}
	return all
}

// forCommands is the account as the commands see it, instants to the second.
func (a *account) forCommands() AccountStatus {
	s := AccountStatus{Name: a.Name, Provider: a.Provider, Service: a.provider.Service(), SignIn: SignInNone, SessionStatus: driver.StatusOf(a.provider)}
	for _, t := range []*time.Time{&s.SignedInAt, &s.LastRefresh, &s.AccessExpires, &s.RefreshLapses, &s.SecretExpires, &s.NextTry} {
		*t = t.UTC().Truncate(time.Second)
	}
	switch session := a.session().(type) {
	case nil:
	case driver.CodeSignIn:
		s.SignIn, s.RedirectURI = SignInCode, session.RedirectURI()
	case driver.DeviceSignIn:
		s.SignIn = SignInDevice
	default:
		s.SignIn = SignInAutomatic
	}
	return s
}

// question reads a request's JSON body.
func question(w http.ResponseWriter, r *http.Request, in any) bool {
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxControlBody)).Decode(in); err != nil {
		refuse(w, fmt.Errorf("reading the request: %w", err))
		return false
	}
	return true
}

func answer(w http.ResponseWriter, out any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(out) // the command is gone if this fails
}

// refusal is an error with the next step, also on its way from the gateway to a
// command. It implements driver.Actionable.
type refusal struct {
	Words  string `json:"error"`
	Next   string `json:"next,omitempty"`
	Person bool   `json:"person,omitempty"`

	Unknown bool `json:"unknown,omitempty"` // see ErrUnknown
}

// ErrUnknown is matched by the error for a room or an account that the configuration of
// the gateway does not have.
var ErrUnknown = errors.New("the configuration of the gateway does not have it")

// Error implements error.
func (r refusal) Error() string { return r.Words }

// Is matches ErrUnknown.
func (r refusal) Is(target error) bool { return target == ErrUnknown && r.Unknown }

// Action implements driver.Actionable.
func (r refusal) Action() string { return r.Next }

// NeedsPerson implements driver.Actionable.
func (r refusal) NeedsPerson() bool { return r.Person }

func refuse(w http.ResponseWriter, err error) {
	r := refusal{Words: err.Error(), Unknown: errors.Is(err, ErrUnknown)}
	var a driver.Actionable
	if errors.As(err, &a) {
		r.Next, r.Person = a.Action(), a.NeedsPerson()
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusUnprocessableEntity)
	_ = json.NewEncoder(w).Encode(r)
}
