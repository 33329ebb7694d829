package gateway

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"roomgate/bridge/mqtt"
	"roomgate/driver"
)

// Doctor checks what a gateway needs. It changes no setting and shows no content of
// calendars; it refreshes the sign-ins, and publishes and deletes a test value.
type Doctor struct {
	Clock     driver.Clock
	Transport http.RoundTripper // to the services; nil: the network, through the proxy of the environment
	UserAgent string
	Program   string         // how commands are called, see config.Program
	Zone      *time.Location // of the site
	Store     string         // path of the database
	Accounts  []DoctorAccount
	BrokerURL string
	Probe     func(ctx context.Context) error // logs in to the broker and tries its access rules
	// Subscriber subscribes to everything of the site, and returns how many retained values
	// come. It fails if there are more.
	Subscriber func(ctx context.Context) (came int, err error)
}

// DoctorAccount is an account to check.
type DoctorAccount struct {
	Name     string
	Provider driver.Provider // nobody else reads with it at the same time
	Rooms    []driver.Room   // of the account
}

// Examine calls found with every finding as soon as it is there, in the order of their
// dependencies.
func (d Doctor) Examine(ctx context.Context, found func(driver.Finding)) {
	d.Surroundings(ctx, found)
	for _, a := range d.Accounts {
		d.Account(ctx, a, found)
	}
	broker := d.Broker(ctx)
	found(broker)
	if broker.Level != driver.LevelBad {
		found(d.subscriber(ctx))
	}
}

// Surroundings finds what needs no sign-in: this machine, and the network between it
// and the services.
func (d Doctor) Surroundings(ctx context.Context, found func(driver.Finding)) {
	found(d.zone())
	off, asked := d.servers(ctx, found)
	found(d.clock(off, asked))
	found(d.disk())
	found(d.permissions())
}

// released is a time that has certainly passed: a clock before it is wrong.
var released = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)

// clockWrong is how far the clock may be off: services refuse assertions and tokens of
// one that is about five minutes off.
const clockWrong = 5 * time.Minute

// clock compares the machine's clock with that of a server. asked means that servers
// were asked for the time.
func (d Doctor) clock(off *offset, asked bool) driver.Finding {
	now := d.Clock.Now().UTC()
	f := driver.Finding{Subject: "clock", Level: driver.LevelGood, Words: now.Format(time.RFC3339),
		Action: "set the time and switch on time synchronisation: timedatectl set-ntp true"}
	switch {
	case off == nil && now.Before(released):
		f.Level, f.Words = driver.LevelBad, "the clock shows "+f.Words+", which is in the past"
	case off == nil && !asked:
		f.Words += "; there is no server to compare it with"
	case off == nil:
		f.Level, f.Words, f.Action = driver.LevelWarning, f.Words+"; no server has told the time", "compare it with a clock that is right"
	default:
		f.Words += "; " + off.words()
		if off.by.Abs() > clockWrong {
			f.Level = driver.LevelBad
		} else if off.by.Abs() > driver.ClockOff {
			f.Level = driver.LevelWarning
		}
	}
	if f.Level == driver.LevelGood {
		f.Action = ""
	}
	return f
}

// zone is the finding with the local time of the site, to compare with a clock.
func (d Doctor) zone() driver.Finding {
	now := d.Clock.Now().In(d.Zone)
	return driver.Finding{Subject: "time zone", Level: driver.LevelGood, Words: d.Zone.String() + ", where it is now " + now.Format("Mon 15:04 (-07:00)")}
}

const leastDisk = 100 << 20 // bytes

// disk reports whether the database can still grow. Before the first start its folder
// may not exist; then the disk is that of the nearest one that does.
func (d Doctor) disk() driver.Finding {
	folder := filepath.Dir(d.Store)
	for absent(folder) && folder != filepath.Dir(folder) {
		folder = filepath.Dir(folder)
	}
	var st syscall.Statfs_t
	if err := syscall.Statfs(folder, &st); err != nil {
		return driver.Finding{Subject: "disk", Level: driver.LevelWarning, Words: fmt.Sprintf("the space left in %s is not known: %v", folder, err)}
	}
	left := uint64(st.Bavail) * uint64(st.Bsize)
	f := driver.Finding{Subject: "disk", Level: driver.LevelGood, Words: fmt.Sprintf("%d MB left in %s", left>>20, folder)}
	if left < leastDisk {
		f.Level, f.Action = driver.LevelWarning, "free some space: on a full disk the gateway keeps bookings and counters in memory only"
	}
	return f
}

func absent(path string) bool {
	_, err := os.Stat(path)
	return errors.Is(err, os.ErrNotExist)
}

// permissions finds files of the gateway that others could read.
func (d Doctor) permissions() driver.Finding {
	folder := filepath.Dir(d.Store)
	f := driver.Finding{Subject: "file permissions", Level: driver.LevelGood, Words: "only the gateway's user can read " + folder}
	err := filepath.WalkDir(folder, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 && f.Level == driver.LevelGood {
			f.Level, f.Words, f.Action = driver.LevelBad, "other users can access "+path, "chmod go= "+path
		}
		return err
	})
	switch {
	case errors.Is(err, os.ErrNotExist):
		f.Words = folder + " does not exist yet; the gateway makes it at its first start"
	case err != nil:
		f.Level, f.Words = driver.LevelWarning, fmt.Sprintf("looking at the files in %s: %v", folder, err)
	}
	return f
}

// Broker logs in to the broker and tries its access rules.
func (d Doctor) Broker(ctx context.Context) driver.Finding {
	err := d.Probe(ctx)
	if err == nil {
		return driver.Finding{Subject: "broker", Level: driver.LevelGood, Words: d.BrokerURL + " accepts the login, and forwards what the gateway publishes"}
	}
	return brokerFailure("broker", err)
}

// subscriber is the finding of a client that subscribes to everything, as a building
// management system does.
func (d Doctor) subscriber(ctx context.Context) driver.Finding {
	came, err := d.Subscriber(ctx)
	switch {
	case err != nil:
		return brokerFailure("subscriber", err)
	case came == 0:
		return driver.Finding{Subject: "subscriber", Level: driver.LevelGood, Words: "the broker retains nothing of this site yet"}
	}
	return driver.Finding{Subject: "subscriber", Level: driver.LevelGood, Words: fmt.Sprintf("a client that subscribes to everything gets all %d retained values", came)}
}

// brokerFailure is the finding of an error at the broker.
func brokerFailure(subject string, err error) driver.Finding {
	f := driver.Failure(subject, err)
	f.Person = false // nobody at a calendar service can fix it
	if errors.Is(err, mqtt.ErrUnproven) {
		f.Level = driver.LevelWarning
	}
	return f
}
