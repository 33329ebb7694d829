package gateway

import (
	"context"
	"errors"
	"time"

	"roomgate/config"
	"roomgate/driver"
	"roomgate/driver/store"
)

const (
	storePart    = "store"
	tokensBucket = "tokens"
	storeEvery   = 20 * time.Second // between two looks at the database
)

// tendStore looks after the database and reports its state. A disk that fails may
// hold it up for long.
func (g *Gateway) tendStore(ctx context.Context) {
	damaged := g.store.Damaged()
	for {
		g.store.Tend()
		g.driver.SetProblems(storePart, g.reportStore())
		if d := g.store.Damaged(); d != damaged { // another database has taken its place
			damaged = d
			g.driver.StoreAgain()
		}
		if g.store.Trouble() == nil {
			g.published.retry()
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(storeEvery):
		}
	}
}

// reportStore reports the state of the database as the health of a part, and returns
// what is wrong with it.
func (g *Gateway) reportStore() (problems []string) {
	words := g.store.Damaged()
	if err := g.store.Trouble(); err != nil {
		words = storeWords(err)
	}
	if words == "" {
		g.board.Forget(storePart)
		return nil
	}
	g.board.Report(storePart, false, words, g.d.Clock.Now())
	return []string{words}
}

// storeWords says what a failure of the disk means for the gateway.
func storeWords(err error) string {
	words := err.Error() + "; the gateway runs from memory, and what it cannot store is lost when it stops"
	var a driver.Actionable
	if errors.As(err, &a) {
		words += "; " + a.Action()
	}
	return words
}

// databaseFinding is whether the database can be read and written.
func (g *Gateway) databaseFinding() driver.Finding {
	path := g.parts().cfg.Store.Path
	if err := g.store.Trouble(); err != nil {
		return driver.Failure(databaseSubject, err)
	}
	f := driver.Finding{Subject: databaseSubject, Level: driver.LevelGood, Words: path}
	if g.hasBegun() {
		f.Words += " is open in the running gateway"
	}
	return f
}

const databaseSubject = "database"

// Restore replaces the database of a configuration by a backup (see store.Restore).
// check examines a database.
func Restore(backup string, cfg *config.Config, d Dependencies, check func(path string) error) (replaced string, err error) {
	return store.Restore(backup, cfg.Store.Path, []string{tokensBucket}, store.Options{Check: check, Now: d.Clock.Now, Log: d.Log})
}
