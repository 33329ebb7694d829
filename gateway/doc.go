// Package gateway builds the parts of roomgate from a configuration, runs them,
// keeps unchanged parts at a reload, and answers the commands over a socket.
//
// The parts are built in reading order (parts.go), one file for each
// provider (microsoft.go). [Gateway.Run] runs them, [Gateway.Reload] replaces those
// whose configuration changed. [Reach] is how a command gets to a gateway: the
// running one, or one that is built in the command's own process.
package gateway
