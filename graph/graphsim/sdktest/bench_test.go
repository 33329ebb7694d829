package sdktest

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/microsoft/kiota-abstractions-go/authentication"
	khttp "github.com/microsoft/kiota-http-go"
	graphsdk "github.com/microsoftgraph/msgraph-sdk-go"
	core "github.com/microsoftgraph/msgraph-sdk-go-core"
	"github.com/microsoftgraph/msgraph-sdk-go/models"

	"roomgate/graph/graphsim"
)

const (
	boardroom = "boardroom@contoso.example"
	secret    = "secret@contoso.example"
	host      = "graph.example"
)

// bench is a simulator whose clock stands at 08:00 UTC on Tuesday, 3 November 2026, and the library's client of it.
type bench struct {
	t       *testing.T
	sim     *graphsim.Sim
	client  *graphsdk.GraphServiceClient
	adapter *graphsdk.GraphRequestAdapter
}

// newBench has one room shared with the service account, the boardroom, and one that is not, the secret one.
func newBench(t *testing.T, scopes ...string) *bench {
	t.Helper()
	b := &bench{t: t, sim: graphsim.New(graphsim.Options{Polite: true, Now: func() time.Time { return at("2026-11-03T08:00") }})}
	b.sim.AddRoom(graphsim.Room{Address: boardroom, Name: "Boardroom", Capacity: 12, Building: "HQ", Floor: 3, FloorLabel: "Third",
		SharedWith: []string{graphsim.ServiceAccount}, KeepSubject: true, NoOrganizerSubject: true, KeepPrivate: true})
	b.sim.AddRoom(graphsim.Room{Address: secret, Name: "Secret"})
	if len(scopes) == 0 {
		scopes = []string{"Calendars.Read", "Calendars.Read.Shared", "Place.Read.All", "User.Read"}
	}
	id, _, _ := graphsim.DefaultClient()
	tokens, err := b.sim.SignIn(id, graphsim.ServiceAccount, scopes...)
	b.must(err)
	options := graphsdk.GetDefaultClientOptions()
	transport := khttp.NewCustomTransportWithParentTransport(b.sim.Transport(), // the usual handlers but for those that repeat and compress
		core.NewGraphTelemetryHandler(&options), khttp.NewUrlReplaceHandler(true, core.ReplacementPairs),
		khttp.NewParametersNameDecodingHandler(), khttp.NewUserAgentHandler())
	b.adapter, err = graphsdk.NewGraphRequestAdapterWithParseNodeFactoryAndSerializationWriterFactoryAndHttpClient(
		authentication.NewBaseBearerTokenAuthenticationProvider(staticToken(tokens.Access)), nil, nil, &http.Client{Transport: transport})
	b.must(err)
	b.adapter.SetBaseUrl("https://" + host + "/v1.0")
	b.client = graphsdk.NewGraphServiceClient(b.adapter)
	return b
}

// staticToken always returns the same access token.
type staticToken string

func (s staticToken) GetAuthorizationToken(context.Context, *url.URL, map[string]any) (string, error) {
	return string(s), nil
}

func (staticToken) GetAllowedHostsValidator() *authentication.AllowedHostsValidator {
	v, err := authentication.NewAllowedHostsValidatorErrorCheck([]string{host})
	if err != nil {
		panic(err) // the host is a constant without a scheme
	}
	return v
}

func (b *bench) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(describe(err))
	}
}

func (b *bench) add(mailbox string, e graphsim.Event) string {
	b.t.Helper()
	id, err := b.sim.AddEvent(mailbox, e)
	b.must(err)
	return id
}

// weekly adds a series of Tuesdays 09:00 to 09:30 in Berlin that began in 2023.
func (b *bench) weekly(mailbox string) string {
	return b.add(mailbox, graphsim.Event{Subject: "Weekly", Start: at("2023-01-03T08:00"), End: at("2023-01-03T08:30"), Zone: "Europe/Berlin",
		Recurrence: &graphsim.Recurrence{Type: "weekly", Days: []time.Weekday{time.Tuesday}}})
}

func at(text string) time.Time {
	t, err := time.Parse("2006-01-02T15:04", text)
	if err != nil {
		panic(err)
	}
	return t
}

func ptr[T any](v T) *T { return &v }

// val formats the value of a pointer, "none" for nil.
func val[T any](p *T) string {
	if p == nil {
		return "none"
	}
	return fmt.Sprint(*p)
}

// when is a time as the library read it, with its zone.
func when(t models.DateTimeTimeZoneable) string {
	if t == nil {
		return "none"
	}
	return val(t.GetDateTime()) + " " + val(t.GetTimeZone())
}

func address(r models.EmailAddressable) string {
	return val(r.GetName()) + " <" + val(r.GetAddress()) + ">"
}

// row formats the fields of an event that a driver could use, as lines of name and value.
func row(e models.Eventable) string {
	var b strings.Builder
	line := func(name, value string) { fmt.Fprintf(&b, "%s: %s\n", name, value) }
	line("subject", val(e.GetSubject()))
	line("type", val(e.GetTypeEscaped()))
	line("from", when(e.GetStart()))
	line("to", when(e.GetEnd()))
	line("all day", val(e.GetIsAllDay()))
	line("cancelled", val(e.GetIsCancelled()))
	line("shows as", val(e.GetShowAs()))
	line("sensitivity", val(e.GetSensitivity()))
	line("organizer", address(e.GetOrganizer().GetEmailAddress()))
	line("answer", val(e.GetResponseStatus().GetResponse()))
	line("place", val(e.GetLocation().GetDisplayName())+" "+val(e.GetLocation().GetLocationType()))
	for _, l := range e.GetLocations() {
		line("room", val(l.GetDisplayName())+" "+val(l.GetLocationType())+" "+val(l.GetLocationEmailAddress()))
	}
	for _, a := range e.GetAttendees() {
		line("attendee", address(a.GetEmailAddress())+" "+val(a.GetTypeEscaped())+" "+val(a.GetStatus().GetResponse()))
	}
	return b.String()
}
