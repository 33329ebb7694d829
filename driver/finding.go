package driver

import (
	"errors"
	"fmt"
)

// Failure returns the finding for an error, with the action of an Actionable.
func Failure(subject string, err error) Finding {
	f := Finding{Subject: subject, Level: LevelBad, Words: err.Error()}
	var a Actionable
	if errors.As(err, &a) {
		f.Words, f.Action, f.Person = a.Error(), a.Action(), a.NeedsPerson()
	}
	return f
}

// Foreign returns the finding that the response is not JSON, and so did not come
// from the service.
func (a ServerAnswer) Foreign(subject string) Finding {
	return Finding{Subject: subject, Level: LevelBad,
		Words:  fmt.Sprintf("answered with status %d and %q instead of JSON: a proxy or a sign-in page of the network intercepts the connection", a.Status, a.ContentType),
		Action: "open https://" + a.Host + " in a browser on the gateway's network, and ask the customer's IT to let the gateway through"}
}
