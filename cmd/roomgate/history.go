package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"

	"roomgate/driver"
	"roomgate/driver/store"
)

// history keeps the days of all rooms in the database: one value a day, so that
// a day costs one write. It keeps the newest days there are, however long the gateway was off between
// them: a clock that was wrong for a moment costs none of the true ones.
type history struct {
	bucket *store.Bucket
	log    *slog.Logger
}

const (
	historyDays    = 400 // a year, and the month that is compared with the one a year before
	historyVersion = 1   // of a stored day; another is not read
)

func (g *gateway) history() *history {
	return &history{g.store.Bucket("history"), g.w.log.With("part", "history")}
}

// storedDay is a day of all rooms, as it is stored.
type storedDay struct {
	Version int          `json:"v"`
	Days    []driver.Day `json:"days"`
}

// Append implements [driver.History]. All days come in one step, and the oldest
// go with it.
func (h *history) Append(days []driver.Day) error {
	keys, err := h.bucket.Keys()
	if err != nil {
		return fmt.Errorf("listing the days that are kept: %w", err)
	}
	fresh := map[string][]driver.Day{}
	for _, d := range days {
		fresh[d.Date] = append(fresh[d.Date], d)
	}
	values := map[string][]byte{}
	for date, list := range fresh {
		kept, err := h.day(date)
		if err != nil {
			h.log.Warn("a day that is kept is damaged; only the rooms that come now remain", "date", date, "reason", err)
		}
		if values[date], err = json.Marshal(storedDay{historyVersion, merged(kept, list)}); err != nil {
			return fmt.Errorf("writing down the day %s: %w", date, err)
		}
		keys = append(keys, date)
	}
	slices.Sort(keys)
	keys = slices.Compact(keys)
	gone := keys[:max(0, len(keys)-historyDays)]
	for _, date := range gone {
		delete(values, date)
	}
	return h.bucket.Change(values, gone...)
}

// day returns the rooms of a date; none when it is not kept. The error matches
// [store.ErrDamaged] for a day that cannot be read.
func (h *history) day(date string) ([]driver.Day, error) {
	text, err := h.bucket.Get(date)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	days, err := readDay(text)
	if err != nil {
		return nil, fmt.Errorf("%w: the day %s: %w", store.ErrDamaged, date, err)
	}
	return days, nil
}

// merged returns the days of one date by room; of two of a room, the later.
func merged(kept, fresh []driver.Day) []driver.Day {
	all := slices.Concat(fresh, kept)
	slices.Reverse(all[:len(fresh)])
	slices.SortStableFunc(all, func(a, b driver.Day) int { return strings.Compare(a.Room, b.Room) })
	return slices.CompactFunc(all, func(a, b driver.Day) bool { return a.Room == b.Room })
}

func readDay(text []byte) ([]driver.Day, error) {
	var d storedDay
	if err := json.Unmarshal(text, &d); err != nil {
		return nil, err
	}
	if d.Version != historyVersion {
		return nil, fmt.Errorf("it is of version %d, and this program reads version %d", d.Version, historyVersion)
	}
	return d.Days, nil
}

// historyAnswer is one date of the history, as the commands ask for it.
type historyAnswer struct {
	Days    []driver.Day `json:"days"`
	Damaged string       `json:"damaged,omitempty"` // why the date cannot be read
}

func (g *gateway) answerHistory(w http.ResponseWriter, r *http.Request) {
	days, err := g.history().day(r.PathValue("date"))
	out := historyAnswer{Days: days}
	if errors.Is(err, store.ErrDamaged) {
		out.Damaged = err.Error()
	} else if err != nil {
		refuse(w, err)
		return
	}
	answer(w, out)
}
