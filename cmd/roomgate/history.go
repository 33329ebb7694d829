package main

import (
	"errors"
	"net/http"

	"roomgate/driver"
	"roomgate/driver/store"
)

func (g *gateway) history() *driver.StoredHistory {
	return driver.NewHistory(g.store.Bucket("history"), g.w.log.With("part", "history"))
}

// historyAnswer is one date of the history, for the commands.
type historyAnswer struct {
	Days    []driver.Day `json:"days"`
	Damaged string       `json:"damaged,omitempty"` // why the date cannot be read
}

func (g *gateway) answerHistory(w http.ResponseWriter, r *http.Request) {
	days, err := g.history().Day(r.PathValue("date"))
	out := historyAnswer{Days: days}
	if errors.Is(err, driver.ErrDamagedDay) || errors.Is(err, store.ErrDamaged) {
		out.Damaged = err.Error()
	} else if err != nil {
		refuse(w, err)
		return
	}
	answer(w, out)
}
