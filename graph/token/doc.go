// Package token keeps a sign-in to Microsoft alive: it takes a person through
// the sign-in once, refreshes the tokens for years, and says in plain words
// when a person is needed again.
//
// A [Keeper] looks after one account. The flow is the authorization code grant
// with PKCE (RFC 6749 §4.1, RFC 7636) against the Microsoft identity platform
// v2.0 (learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow).
// Microsoft hands out a new refresh token with every refresh; the Keeper makes
// it durable before anybody sees the access token that came with it.
//
// What to do when is decided by pure functions in plan.go; what an error means
// is decided in errors.go and advice.go; the network is touched in endpoint.go
// only.
package token
