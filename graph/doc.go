// Package graph reads calendars from Microsoft Graph.
//
// [Client] makes every call through one function; [Calendar] turns events into
// bookings and implements driver.Calendar. A Client gets its access
// tokens from [Tokens].
package graph
