package graph

import (
	"strings"

	"roomgate/driver"
)

// Preparation implements driver.Guide.
func (p *Provider) Preparation() []driver.Block {
	o := p.o
	app := driver.AsCode(o.ClientID)
	switch {
	case o.app():
		return []driver.Block{
			{Text: "The account is an application. The customer's IT does three things once, at " + o.portal() + ", App registrations:"},
			{Steps: []string{
				"Open application " + app + " of tenant " + driver.AsCode(o.Tenant) + ".",
				"Certificates & secrets: upload the gateway's certificate, or create a client secret and put it into the gateway's configuration.",
				"Let it read the rooms: with RBAC for Applications in Exchange Online, limited to the rooms; or under API permissions, " +
					"Application permissions, Calendars.Read with Grant admin consent, which opens every mailbox.",
			}},
		}
	case o.SignIn == "device":
		return []driver.Block{{Text: "In the registration of application " + app + ", at " + o.portal() + ", App registrations, under Authentication, allow public client flows."}}
	}
	platform := "Mobile and desktop applications"
	if o.confidential() {
		platform = "Web"
	}
	return []driver.Block{
		{Text: "At " + o.portal() + ", App registrations, application " + app +
			", Authentication, under " + platform + ", add this redirect URI, exactly as it is here:"},
		{Code: o.RedirectURI},
	}
}

// SignInNotes implements driver.Guide.
func (p *Provider) SignInNotes() []driver.Block {
	if p.o.app() {
		return nil
	}
	scopes := make([]string, len(p.o.Scopes))
	for i, s := range p.o.Scopes {
		scopes[i] = driver.AsCode(s)
	}
	return []driver.Block{
		{Text: "Microsoft will ask for these permissions: " + strings.Join(scopes, ", ") + "."},
		{Text: "If Microsoft's own page shows an error with a number that begins with AADSTS, `roomgate explain AADSTS…` says what it means."},
	}
}
