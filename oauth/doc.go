// Package oauth keeps a sign-in to an OAuth 2.0 service alive: it takes a
// person through the sign-in once, refreshes the tokens for years, and says in
// plain words when user action is required.
//
// A [Keeper] looks after one account. How the account signs in is its [Kind]:
// the authorization code grant with PKCE (RFC 6749 §4.1, RFC 7636), a device
// code (RFC 8628), the client's own credentials (RFC 6749 §4.4), or an
// assertion that the client signs (RFC 7523 §2.1). What is particular to a
// service stands in a [Service], which its provider supplies: endpoints,
// scopes, the lifetime of a refresh token, and what its errors mean.
//
// New tokens are durable before anybody sees them. Services that issue a new
// refresh token with every refresh and services that never do are both served:
// a token response without a refresh token leaves the present one in place.
//
// plan.go and countdown.go decide what to do when, as pure functions; client.go
// is the only file that touches the network.
package oauth
