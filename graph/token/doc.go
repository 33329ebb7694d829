// Package token keeps a sign-in to Microsoft alive: it takes a person through
// the sign-in once, refreshes the tokens for years, and says in plain words
// when a person is needed again.
//
// A [Keeper] looks after one account of the Microsoft identity platform v2.0,
// whichever [Kind] of sign-in it has: the authorization code grant with PKCE
// (RFC 6749 §4.1, RFC 7636), a device code (RFC 8628), tokens that were obtained
// elsewhere, or an app's own permissions (RFC 6749 §4.4). The app proves itself
// with a secret or with a certificate (RFC 7523). Microsoft hands out a new
// refresh token with every refresh; the Keeper makes it durable before anybody
// sees the access token that came with it.
//
// What to do when is decided by pure functions in plan.go and countdown.go; what
// an error means stands in the dictionary in advice.go, which [Explain] reads
// too; the network is touched in endpoint.go only.
package token
