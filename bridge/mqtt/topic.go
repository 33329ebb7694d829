package mqtt

import "roomgate/driver"

// Topic returns the topic of a point:
//
//	<prefix>/<site>/rooms/<room>/<point>
//	<prefix>/<site>/accounts/<account>/<point>
//	<prefix>/<site>/gateway/<point>
//
// The site's and the subject's ids must be fit for a topic; no topic with a
// value has children.
func Topic(prefix, site string, s driver.Subject, point string) string {
	root := prefix + "/" + site
	switch s.Scope {
	case driver.OfRoom:
		return root + "/rooms/" + s.ID + "/" + point
	case driver.OfAccount:
		return root + "/accounts/" + s.ID + "/" + point
	}
	return root + "/gateway/" + point
}
