package gateway

import (
	"fmt"

	"roomgate/config"
	"roomgate/driver"
	"roomgate/graph"
	"roomgate/oauth"
)

// microsoft is the kind of provider that reads Microsoft 365.
var microsoft = Kind{Name: "microsoft", Build: buildMicrosoft, Explain: graph.Explain, CertificateSteps: graph.CertificateSteps}

// buildMicrosoft builds the provider of an account. The sign-in of a predecessor
// whose settings of it are the same lives on.
func buildMicrosoft(b Building) (driver.Provider, error) {
	m := b.Account.Settings.(*config.Microsoft)
	o := graph.Options{Account: b.Account.Name, Program: b.Program, Cloud: m.Cloud, LoginURL: m.LoginURL, GraphURL: m.GraphURL, Tenant: m.Tenant,
		ClientID: m.ClientID, SignIn: m.SignIn, RedirectURI: m.RedirectURI, Scopes: m.Scopes, Read: graph.Way(m.Read),
		Secret: m.ClientSecret.Reveal() != "", Certificate: m.ClientCertificate,
		HTTP: b.HTTP, UserAgent: b.UserAgent, Clock: b.Clock, Jitter: b.Jitter, Log: b.Log}
	if old, ok := b.Old.(*graph.Provider); ok && m.SameSignIn(b.OldSettings.(*config.Microsoft)) {
		o.Session, o.Tokens = old.Session(), old.Tokens()
		return graph.New(o)
	}
	keeper, err := microsoftKeeper(b, m)
	if err != nil {
		return nil, err
	}
	o.Session, o.Tokens = keeper.Session(), keeper
	return graph.New(o)
}

// microsoftKeeper builds the keeper of an account's sign-in.
func microsoftKeeper(b Building, m *config.Microsoft) (*oauth.Keeper, error) {
	var certificate *oauth.Certificate
	if m.ClientCertificate != nil {
		var err error
		if certificate, err = oauth.ParseCertificate(m.ClientCertificate, []byte(m.ClientKey.Reveal())); err != nil {
			return nil, fmt.Errorf("its certificate: %w", err)
		}
	}
	var predecessor *oauth.Keeper
	if old, ok := b.Old.(*graph.Provider); ok {
		predecessor, _ = old.Tokens().(*oauth.Keeper)
	}
	return graph.NewKeeper(graph.SignInOptions{
		Account: b.Account.Name, Program: b.Program, SignIn: m.SignIn, LoginURL: m.LoginURL, GraphURL: m.GraphURL, Tenant: m.Tenant,
		ClientID: m.ClientID, ClientSecret: m.ClientSecret.Reveal(), SecretExpires: m.ClientSecretExpires, Certificate: certificate,
		RedirectURI: m.RedirectURI, Scopes: m.Scopes, Predecessor: predecessor, Store: b.Secrets, Pending: b.State,
		HTTP: b.HTTP, Refresh: m.Refresh, Jitter: b.Jitter, Clock: b.Clock, Log: b.Log,
	})
}
