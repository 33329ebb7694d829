package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"roomgate/config"
	"roomgate/driver"
	"roomgate/driver/store"
)

// history is the past days.
func (g *Gateway) history() *driver.StoredHistory {
	return driver.NewHistory(g.store.Bucket("history"), g.d.Log.With("part", "history"))
}

// HistoryDay is one date of the history, for the commands.
type HistoryDay struct {
	Days    []driver.Day `json:"days"`
	Damaged string       `json:"damaged,omitempty"` // why the date cannot be read
}

func (g *Gateway) answerHistory(w http.ResponseWriter, r *http.Request) {
	days, err := g.history().Day(r.PathValue("date"))
	out := HistoryDay{Days: days}
	if errors.Is(err, driver.ErrDamagedDay) || errors.Is(err, store.ErrDamaged) {
		out.Damaged = err.Error()
	} else if err != nil {
		refuse(w, err)
		return
	}
	answer(w, out)
}

// Report asks the gateway for the days of a period and sums them up.
func (c *Client) Report(ctx context.Context, cfg *config.Config, p driver.Period) (driver.Report, error) {
	return driver.NewReport(siteOf(cfg), Rooms(cfg), p, func(date string) ([]driver.Day, error) {
		kept, err := c.History(ctx, date)
		if err != nil {
			return nil, err
		}
		if kept.Damaged != "" {
			return nil, fmt.Errorf("%w: %s", driver.ErrDamagedDay, kept.Damaged)
		}
		return kept.Days, nil
	})
}
