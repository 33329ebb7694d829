// Package driver is the domain of roomgate: rooms, bookings and points.
//
// It decides what is true of every room at every instant. Polling a calendar
// only refreshes what is known; the clock drives the points. [Timeline.Derive]
// is pure: it returns the facts that hold at an instant and the instant at which
// they next change by themselves. [Driver] sleeps until that instant or the next
// poll, whichever is sooner.
//
// The package imports nothing of roomgate's own. It declares the [Provider],
// [Memory] and [Publisher] it needs, and others implement them.
package driver
