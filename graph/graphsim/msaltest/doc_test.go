// Package msaltest signs in to the simulator with Microsoft's own library for Go.
//
// It holds tests only. A simulator that was written together with its client shares that client's mistakes;
// the Microsoft Authentication Library was written against the real service, so what it accepts, refuses and sends
// is the reference. The package is a module of its own, so that the library stays out of the gateway's dependencies:
// run go test ./... in this folder.
package msaltest
