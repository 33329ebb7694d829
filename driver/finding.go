package driver

import (
	"errors"
	"fmt"
)

// Failure is the finding that something failed. An Actionable err says what to
// do about it.
func Failure(subject string, err error) Finding {
	f := Finding{Subject: subject, Level: LevelBad, Words: err.Error()}
	var a Actionable
	if errors.As(err, &a) {
		f.Words, f.Action, f.Person = a.Error(), a.Action(), a.NeedsPerson()
	}
	return f
}

// Foreign is the finding that the answer did not come from the service, which
// would have sent JSON.
func (a ServerAnswer) Foreign(subject string) Finding {
	return Finding{Subject: subject, Level: LevelBad,
		Words:  fmt.Sprintf("answered with status %d and %q instead of JSON: a proxy or a sign-in page of the network intercepts the connection", a.Status, a.ContentType),
		Action: "open https://" + a.Host + " in a browser on the gateway's network, and ask the customer's IT to let the gateway through"}
}
