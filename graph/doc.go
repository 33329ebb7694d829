// Package graph reads calendars from Microsoft Graph.
//
// [Client] makes every call through one function; [Calendar] turns events into
// bookings and implements driver.Calendar. How the tokens come about is not
// known here: a Client is given something that has them.
package graph
