// Package driver is the domain of roomgate: rooms, bookings and points.
//
// It computes the state of every room at every instant. Polling a calendar only
// refreshes the known bookings; the clock drives the points. [Timeline.Derive] is
// pure: it returns the facts that hold at an instant and the instant at which they
// next change. [Driver] sleeps until that instant or the next poll, whichever is
// sooner.
//
// The package imports no other package of roomgate. It declares the [Provider],
// [Memory] and [Publisher] it needs; other packages implement them.
package driver
