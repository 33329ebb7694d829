package graph

import (
	"strconv"

	"roomgate/driver"
)

// viewRead reads a source by calendarView, with series expanded by the service
// (learn.microsoft.com/graph/api/user-list-calendarview): one question,
// and more only where the window does not fit into a page.
type viewRead struct {
	*sourceRead
	list      eventList
	firstPage driver.Digest
}

func (r *sourceRead) startView() {
	query := between(r.window())
	query.Set("$top", strconv.Itoa(pageSize))
	query.Set("$orderby", "start/dateTime")
	query.Set("$select", r.fields())
	v := &viewRead{sourceRead: r, list: eventList{r: r, path: pathOf(r.path+"/calendarView", query)}}
	v.list.ask(v, r.receiver.Last(r.rooms[0].ID))
}

// answered implements asker. A list of one page that is the same as last time is
// not decoded.
func (v *viewRead) answered(body []byte) error {
	if v.list.pages == 0 {
		v.firstPage = v.client.digest(body)
		if v.deliverUnchanged(v.rooms, v.firstPage) {
			return nil
		}
	}
	complete, err := v.list.add(body, v)
	if err != nil || !complete {
		return err
	}
	digest := v.firstPage
	if v.list.pages > 1 {
		digest = driver.Digest{}
	}
	v.deliver(eventsOf(v.list.rows), digest)
	return nil
}

// failed implements asker.
func (v *viewRead) failed(err error) { v.fail(err) }
