// Package graph is the calendar service Microsoft 365, as Microsoft Graph offers it.
//
// [Provider] is one account: a [Calendar], which reads rooms and delivers their events
// unchanged, with what an account needs beside it: discovery of rooms, the doctor's
// checks, and the texts for users and the customer's IT. [Client] makes every call
// through one queue, and gets its access tokens from [Tokens]; [NewKeeper] makes the
// keeper of the sign-in that they come from.
package graph
