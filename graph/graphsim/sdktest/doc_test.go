// Package sdktest reads the simulator with Microsoft's own library for Graph.
//
// It holds tests only. A simulator that was written together with its client shares that client's mistakes;
// the Microsoft Graph SDK is generated from the service's own description, so what it can parse, and what it makes
// of it, is the reference. The expected values are written by hand from the stored events. The package is a module of its
// own, so that the library stays out of the gateway's dependencies: run go test ./... in this folder. The library is
// very large: the first run compiles for minutes and takes more than 4 GB of memory, later ones are quick.
package sdktest
