// Package oauth maintains a sign-in to an OAuth 2.0 service: it signs in once,
// refreshes the tokens, and reports when user action is required.
//
// A [Keeper] maintains the sign-in of one account. How the account signs in is its [Kind]:
// the authorization code grant with PKCE (RFC 6749 §4.1, RFC 7636), a device
// code (RFC 8628), the client's own credentials (RFC 6749 §4.4), or an
// assertion that the client signs (RFC 7523 §2.1). The properties of a
// service are in a [Service], which its provider supplies: endpoints,
// scopes, the lifetime of a refresh token, and what its errors mean.
//
// New tokens are durable before they are used. Services that issue a new refresh
// token with every refresh and services that never do are both supported: a token
// response without a refresh token keeps the current one.
//
// plan.go and countdown.go decide what to do when, as pure functions; client.go
// is the only file that touches the network.
package oauth
