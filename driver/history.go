package driver

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"strings"
	"time"
)

// Day is what is kept of a room's day.
type Day struct {
	Room           string `json:"room"`
	Date           string `json:"date"` // in the site's zone, as in "2026-01-14"
	BookedMinutes  int    `json:"booked_minutes"`
	UsedMinutes    int    `json:"used_minutes"` // somebody was there, booked or not
	NoShows        int    `json:"no_shows"`
	WalkIns        int    `json:"walk_ins"`
	EarlyLeaves    int    `json:"early_leaves"`
	Overruns       int    `json:"overruns"`
	ComfortMinutes int    `json:"comfort_minutes"`
	SensorMinutes  int    `json:"sensor_minutes"` // the sensor was trusted
}

// of returns the figures as the Day of a room.
func (f Figures) of(room Room) Day {
	return Day{Room: room.ID, Date: f.From.In(room.Zone).Format(time.DateOnly),
		BookedMinutes: int(f.Booked / time.Minute), UsedMinutes: int(f.Used / time.Minute),
		NoShows: len(f.NoShows), WalkIns: f.WalkIns, EarlyLeaves: f.EarlyLeaves, Overruns: f.Overruns,
		ComfortMinutes: int(f.Comfort / time.Minute), SensorMinutes: int(f.Sensor / time.Minute)}
}

// History keeps the days of rooms. A day that is appended again replaces the
// first.
type History interface {
	Append(days []Day) error
}

// HistoryDays is how many dates are kept: a year, and the month that is compared
// with the one a year before.
const HistoryDays = 400

// ErrDamagedDay is matched by the error for a day that is stored but cannot be read.
var ErrDamagedDay = errors.New("the stored day is damaged")

// DayStore keeps a value for each date. Get's error is fs.ErrNotExist (by
// errors.Is) when there is none. Change puts values and removes keys in one
// durable step: all or none.
type DayStore interface {
	Keys() ([]string, error)
	Get(key string) ([]byte, error)
	Change(values map[string][]byte, removed ...string) error
}

// StoredHistory is a History in a DayStore. A date is one value with the days of
// all rooms, so that it costs one write. It keeps the newest [HistoryDays] dates
// there are, however far apart: a clock that was briefly wrong does not remove
// earlier days.
type StoredHistory struct {
	store DayStore
	log   *slog.Logger
}

// NewHistory returns the history in a store.
func NewHistory(store DayStore, log *slog.Logger) *StoredHistory { return &StoredHistory{store, log} }

// historyVersion is the format version of a stored date; others are not read.
const historyVersion = 1

// storedDays is a date with all its rooms, as it is stored.
type storedDays struct {
	Version int   `json:"v"`
	Days    []Day `json:"days"`
}

// Append implements [History]. All days are written in one step, which also
// removes the oldest.
func (h *StoredHistory) Append(days []Day) error {
	dates, err := h.store.Keys()
	if err != nil {
		return fmt.Errorf("listing the stored days: %w", err)
	}
	fresh := map[string][]Day{}
	for _, d := range days {
		fresh[d.Date] = append(fresh[d.Date], d)
	}
	values := map[string][]byte{}
	for date, list := range fresh {
		kept, err := h.Day(date)
		if err != nil {
			h.log.Warn("a stored day is damaged; only the rooms of this write are kept", "date", date, "reason", err)
		}
		values[date] = []byte(mustJSON(storedDays{historyVersion, mergeDays(kept, list)}))
		dates = append(dates, date)
	}
	slices.Sort(dates)
	dates = slices.Compact(dates)
	removed := dates[:max(0, len(dates)-HistoryDays)]
	for _, date := range removed {
		delete(values, date)
	}
	return h.store.Change(values, removed...)
}

// Day returns the days of all rooms on a date; none when it is not kept. The
// error matches [ErrDamagedDay] where the value cannot be decoded; others are the
// store's.
func (h *StoredHistory) Day(date string) ([]Day, error) {
	text, err := h.store.Get(date)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var d storedDays
	if err := json.Unmarshal(text, &d); err != nil {
		return nil, fmt.Errorf("%w: decoding %s: %w", ErrDamagedDay, date, err)
	}
	if d.Version != historyVersion {
		return nil, fmt.Errorf("%w: %s has version %d, want %d", ErrDamagedDay, date, d.Version, historyVersion)
	}
	return d.Days, nil
}

// mergeDays returns the days of one date by room; of two of a room, the later.
func mergeDays(kept, fresh []Day) []Day {
	all := slices.Concat(fresh, kept)
	slices.Reverse(all[:len(fresh)])
	slices.SortStableFunc(all, func(a, b Day) int { return strings.Compare(a.Room, b.Room) })
	return slices.CompactFunc(all, func(a, b Day) bool { return a.Room == b.Room })
}
