package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"roomgate/bridge/mqtt"
	"roomgate/config"
	"roomgate/driver"
	"roomgate/graph"
	"roomgate/graph/token"
)

// doctor looks at what a gateway needs. It changes nothing, and shows nothing of
// what is written in a calendar.
type doctor struct {
	cfg *config.Config
	w   world
	g   *gateway // nil: it could not be built
}

// answerCheck is the doctor's whole round, for the command.
func (g *gateway) answerCheck(w http.ResponseWriter, r *http.Request) {
	d := doctor{cfg: g.cfg, w: g.w, g: g}
	findings := d.surroundings(r.Context())
	for _, a := range g.cfg.Accounts {
		findings = append(findings, d.account(r.Context(), a)...)
	}
	answer(w, append(findings, d.broker(r.Context())))
}

// surroundings are what needs no sign-in: this machine and the way to Microsoft.
func (d doctor) surroundings(ctx context.Context) []finding {
	servers, off := d.servers(ctx)
	findings := append([]finding{d.clock(off), d.zone()}, servers...)
	return append(findings, d.disk(), d.permissions())
}

// newest is a time that has certainly passed: a clock before it is wrong.
var newest = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)

// Microsoft refuses assertions and tokens of a clock that is about five minutes
// off (learn.microsoft.com/entra/identity-platform/certificate-credentials).
const (
	clockOff   = 2 * time.Minute
	clockWrong = 5 * time.Minute
)

// clock compares the machine's clock with that of a server.
func (d doctor) clock(off *offset) finding {
	now := d.w.clock.Now().UTC()
	f := finding{Subject: "clock", Level: good, Words: now.Format(time.RFC3339),
		Action: "set the time and switch on time synchronisation: timedatectl set-ntp true"}
	switch {
	case off == nil && now.Before(newest):
		f.Level, f.Words = bad, "the clock says "+f.Words+", which has long passed"
	case off == nil:
		f.Words += "; no server could be asked for the time"
	default:
		f.Words += fmt.Sprintf("; %s off the clock of %s", off.by.Abs().Round(time.Second), off.host)
		if off.by.Abs() > clockWrong {
			f.Level = bad
		} else if off.by.Abs() > clockOff {
			f.Level = warning
		}
	}
	if f.Level == good {
		f.Action = ""
	}
	return f
}

// zone tells what the site's clocks show, which a person can compare.
func (d doctor) zone() finding {
	now := d.w.clock.Now().In(d.cfg.Site.Timezone)
	return finding{Subject: "time zone", Level: good, Words: d.cfg.Site.Timezone.String() + ", where it is now " + now.Format("Mon 15:04 (-07:00)")}
}

const leastDisk = 100 << 20 // bytes

// disk tells whether the database can still grow.
func (d doctor) disk() finding {
	folder := filepath.Dir(d.cfg.Store.Path)
	var st syscall.Statfs_t
	if err := syscall.Statfs(folder, &st); err != nil {
		return finding{Subject: "disk", Level: warning, Words: fmt.Sprintf("the space left in %s is not known: %v", folder, err)}
	}
	left := uint64(st.Bavail) * uint64(st.Bsize)
	f := finding{Subject: "disk", Level: good, Words: fmt.Sprintf("%d MB left in %s", left>>20, folder)}
	if left < leastDisk {
		f.Level, f.Action = warning, "make room: on a full disk the gateway cannot store a refreshed sign-in"
	}
	return f
}

// permissions finds files of the gateway that others could read.
func (d doctor) permissions() finding {
	folder := filepath.Dir(d.cfg.Store.Path)
	f := finding{Subject: "file permissions", Level: good, Words: "only the gateway's user can read " + folder}
	err := filepath.WalkDir(folder, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 && f.Level == good {
			f.Level, f.Words, f.Action = bad, "others can reach "+path, "chmod go= "+path
		}
		return err
	})
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		f.Level, f.Words = warning, fmt.Sprintf("looking at the files in %s: %v", folder, err)
	}
	return f
}

// broker logs in to the broker and tries its access rules.
func (d doctor) broker(ctx context.Context) finding {
	err := d.g.sink.Probe(ctx)
	f := finding{Subject: "broker", Level: good, Words: d.cfg.MQTT.Broker + " lets the gateway in, and hands on what it publishes"}
	if err != nil {
		f = found("broker", err)
		f.Person = false // nobody in Microsoft 365 can mend it
	}
	if errors.Is(err, mqtt.ErrUnproven) {
		f.Level = warning
	}
	return f
}

// account looks at a sign-in and at what can be read with it.
func (d doctor) account(ctx context.Context, a config.Account) []finding {
	trying, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	_, tokenErr := d.g.keepers[a.Name].Token(trying) // what it brings stands in the status
	s := d.g.keepers[a.Name].Status()
	findings := append([]finding{signInFinding(a.Name, s)}, d.ends(a.Name, s)...)
	if tokenErr != nil {
		return findings
	}
	if microsoft(a).SignIn != "app" {
		findings = append(findings, d.granted(a, s), d.me(trying, a))
	}
	return append(findings, d.rooms(ctx, a)...)
}

// signInFinding is how an account's sign-in stands.
func signInFinding(name string, s token.Status) finding {
	f := finding{Subject: "account " + name, Level: good, Words: string(s.State), Action: s.Action}
	if s.User != "" {
		f.Words += ", signed in as " + s.User
	}
	if s.Reason != "" {
		f.Words += ": " + s.Reason
	}
	switch s.State {
	case token.OK, token.Refreshing:
	case token.Retrying:
		f.Level = warning
	default:
		f.Level, f.Person = bad, true
	}
	return f
}

// soon is when the end of a secret or a sign-in is worth a warning: making a new
// secret takes the customer's IT its time.
const soon = 30 * 24 * time.Hour

// ends warns of what will end.
func (d doctor) ends(name string, s token.Status) []finding {
	var findings []finding
	now := d.w.clock.Now()
	for _, end := range []struct {
		what, action string
		at           time.Time
	}{
		{"client secret or certificate", "entra.microsoft.com, App registrations, the app, Certificates & secrets: make a new one in time", s.SecretExpires},
		{"sign-in, if it is not refreshed", "roomgate login " + name, s.RefreshLapses},
	} {
		left := end.at.Sub(now)
		if end.at.IsZero() || left > soon {
			continue
		}
		f := finding{Subject: "account " + name, Level: warning, Action: end.action,
			Words: fmt.Sprintf("the %s ends on %s, in %d days", end.what, end.at.Format(time.DateOnly), int(left.Hours()/24))}
		if left <= 0 {
			f.Level, f.Person, f.Words = bad, true, fmt.Sprintf("the %s ended on %s", end.what, end.at.Format(time.DateOnly))
		}
		findings = append(findings, f)
	}
	return findings
}

// granted compares the permissions that the rooms need with those Microsoft gave.
func (d doctor) granted(a config.Account, s token.Status) finding {
	subject := "account " + a.Name + " permissions"
	var missing []string
	for _, need := range d.needs(a) {
		if len(s.Scopes) > 0 && !slices.ContainsFunc(need, func(n string) bool { return slices.Contains(s.Scopes, n) }) {
			missing = append(missing, need[0])
		}
	}
	for _, m := range s.MissingScopes {
		if !slices.Contains(missing, m) {
			missing = append(missing, m)
		}
	}
	if len(missing) == 0 {
		return finding{Subject: subject, Level: good, Words: strings.Join(s.Scopes, " ")}
	}
	return finding{Subject: subject, Level: bad, Person: true, Words: "not granted: " + strings.Join(missing, " "),
		Action: "make sure that scopes of the account names them; in entra.microsoft.com, App registrations, the app, API permissions, Grant admin consent; then run: roomgate login " + a.Name}
}

// needs are the permissions needed, each with the larger ones that hold it.
func (d doctor) needs(a config.Account) [][]string {
	needs := [][]string{{"User.Read"}}
	own, shared := microsoft(a).Read == string(graph.ByFreeBusy), false
	for _, r := range d.cfg.Rooms {
		if r.Account == a.Name && microsoft(a).Read != string(graph.ByFreeBusy) {
			own = own || r.Mailbox == ""
			shared = shared || r.Mailbox != "" || r.Calendar != ""
		}
	}
	if own {
		needs = append(needs, []string{"Calendars.Read", "Calendars.ReadBasic", "Calendars.ReadWrite"})
	}
	if shared {
		needs = append(needs, []string{"Calendars.Read.Shared", "Calendars.ReadWrite.Shared"})
	}
	return needs
}

// me asks who is signed in.
func (d doctor) me(ctx context.Context, a config.Account) finding {
	subject := "account " + a.Name + " at Graph"
	who, err := d.g.clients[a.Name].Me(ctx)
	if err != nil {
		return found(subject, err)
	}
	return finding{Subject: subject, Level: good, Words: who.Name + " <" + who.Address + ">"}
}

// rooms reads each room of an account once. Where subjects may be shown, the
// organizer is read too, only to tell whether Exchange put it in the place of
// the subject.
func (d doctor) rooms(ctx context.Context, account config.Account) []finding {
	rooms := slices.DeleteFunc(roomsOf(d.cfg), func(r driver.Room) bool { return r.Account != account.Name })
	mailboxes := map[string]string{} // of the rooms whose subjects matter
	for i, r := range rooms {
		if r.Privacy.Subject() && r.Mailbox != "" {
			rooms[i].Privacy, mailboxes[r.ID] = driver.PrivacyFull, r.Mailbox
		}
	}
	zone := d.cfg.Site.Timezone
	from, to := driver.Window(d.w.clock.Now(), zone, 0)
	window := from.In(zone).Format(time.DateOnly) + " to " + to.In(zone).Format(time.DateOnly)
	var findings []finding
	d.g.calendar(account).Fetch(ctx, rooms, from, to, func(r driver.Reading) {
		findings = append(findings, roomFinding(r, window))
		if mailbox := mailboxes[r.Room]; mailbox != "" && stripped(r.Bookings) {
			findings = append(findings, strippedFinding(r.Room, mailbox))
		}
	})
	slices.SortStableFunc(findings, func(a, b finding) int { return cmp.Compare(a.Subject, b.Subject) })
	return findings
}

func roomFinding(r driver.Reading, window string) finding {
	f := finding{Subject: "room " + r.Room, Level: good, Words: fmt.Sprintf("%d bookings from %s", len(r.Bookings), window)}
	switch {
	case r.Err != nil:
		f = found(f.Subject, r.Err)
	case len(r.Refused) > 0:
		f.Level, f.Words = warning, fmt.Sprintf("%s; rows that could not be understood: %v", f.Words, r.Refused)
	}
	return f
}

// stripped tells whether a room's mailbox has put the organizer's name in the
// place of every subject, or left it empty, as Exchange Online does by default
// (learn.microsoft.com/powershell/module/exchange/set-calendarprocessing).
func stripped(bookings []driver.Booking) bool {
	named := false
	for _, b := range bookings {
		if b.Organizer == "" {
			continue
		}
		named = true
		if b.Subject != "" && strings.TrimSpace(b.Subject) != strings.TrimSpace(b.Organizer) {
			return false
		}
	}
	return named
}

func strippedFinding(room, mailbox string) finding {
	return finding{Subject: "room " + room + " subjects", Level: warning,
		Words: "the room's mailbox removes the subjects of its bookings, or puts the organizer's name there, so no subject can be shown",
		Action: "if subjects are wanted, an Exchange administrator runs: Set-CalendarProcessing -Identity " + psQuote(mailbox) +
			" -DeleteSubject $false -AddOrganizerToSubject $false -RemovePrivateProperty $false (the last keeps private meetings private; it counts for new bookings)"}
}
