package graph

// view reads the source by what its window holds, series expanded by the
// service (learn.microsoft.com/graph/api/user-list-calendarview): one question,
// and more only where the window does not fit into a page.
func (r *sourceRead) view() {
	query := between(r.window())
	query.Set("$top", pageSize)
	query.Set("$orderby", "start/dateTime")
	query.Set("$select", r.fields())
	l := &list{r: r, path: pathOf(r.path+"/calendarView", query)}
	rules := rulesOf(r.rooms)
	key, asked := r.path+"\n"+rules, l.path+"\n"+rules
	var answer print
	l.last = r.lastAnswer(key, asked)
	l.first = func(body []byte) bool {
		last := l.last
		if answer = printOf(body); answer != last {
			return false
		}
		r.handOver(r.known[key].readings)
		return true
	}
	l.done = func(rows []row, err error) {
		r.rows = rows
		readings := r.finish(err)
		if err == nil && l.pages == 1 {
			r.known[key] = known{asked, answer, readings}
		}
	}
	l.read()
}
