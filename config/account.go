package config

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// An Account is one account of a calendar service.
type Account struct {
	Name     string // a topic segment, [a-z0-9-]{1,40}
	Provider string // name of the [Provider]
	Poll     Schedule
	Sweep    Schedule // when rooms are asked for changes between two polls; nil: never
	Settings Settings // of the provider
}

// rawAccount contains the settings common to the accounts of every provider.
type rawAccount struct {
	Name     string `toml:"name" form:"id" required:"rooms"`
	Provider string `toml:"provider"`
	Poll     string `toml:"poll" required:"@every 60s"`
	Sweep    string `toml:"sweep"`

	table Table // the settings of the provider
}

// account binds one account: the common settings and those of its provider.
func (b *binder) account(path string, value any) rawAccount {
	t, ok := b.asTable(path, value)
	p := b.provider(path, t["provider"])
	a := rawAccount{Provider: p.Name, Poll: "@every 60s", table: p.Table(t)}
	if !ok {
		return a
	}
	t = b.refuseForeign(path, t, p)
	b.unknown(path, t, b.accountKeys(p))
	b.fields(path, t, &a)
	a.Provider = p.Name
	own := *b
	own.forms = p.Forms
	own.fields(path, t, a.table)
	return a
}

// provider returns the provider that an account names, and the most likely one
// when there is none of that name.
func (b *binder) provider(path string, value any) Provider {
	name, ok := value.(string)
	if !ok {
		return b.providers[0]
	}
	var names []string
	for _, p := range b.providers {
		if p.Name == name {
			return p
		}
		names = append(names, p.Name)
	}
	c := oneOf(name, names)
	b.add(join(path, "provider"), c.Message, seen(value, ""), c.Fix)
	return b.providers[max(0, slices.Index(names, nearest(name, names)))]
}

// refuseForeign reports the settings of an account that only other providers
// have, and returns the others.
func (b *binder) refuseForeign(path string, t map[string]any, own Provider) map[string]any {
	known := b.accountKeys(own)
	t = maps.Clone(t)
	for _, key := range slices.Sorted(maps.Keys(t)) {
		if slices.Contains(known, key) {
			continue
		}
		var owners []string
		for _, p := range b.providers {
			if slices.Contains(b.accountKeys(p), key) {
				owners = append(owners, strconv.Quote(p.Name))
			}
		}
		if len(owners) == 0 {
			continue
		}
		b.add(join(path, segment(key)), "belongs to provider "+strings.Join(owners, " or ")+", and this account has provider "+strconv.Quote(own.Name), "",
			"remove it, or set provider = "+owners[0])
		delete(t, key)
	}
	return t
}

// accountKeys returns the keys of an account of the given providers.
func (b *binder) accountKeys(providers ...Provider) []string {
	keys := keysOf(reflect.TypeFor[rawAccount]())
	for _, p := range providers {
		keys = append(keys, keysOf(reflect.TypeOf(p.Table(nil)).Elem())...)
	}
	return keys
}

func (c *checker) accounts(raw []rawAccount) []Account {
	if len(raw) == 0 && !c.reported("account") {
		c.add("account", "is missing", "", "add an [[account]] to read calendars with")
	}
	var out []Account
	for i, a := range raw {
		path := element("account", i)
		c.unique(path, "name", a.Name, func(j int) string { return raw[j].Name }, i)
		out = append(out, c.account(path, a))
	}
	return out
}

func (c *checker) account(path string, a rawAccount) Account {
	if a.Name == brokerCredential {
		c.add(join(path, "name"), "is reserved for the broker's credential", `"mqtt"`, "choose another name")
	}
	out := Account{Name: a.Name, Provider: a.Provider}
	out.Settings = a.table.Check(&AccountCheck{checker: c, path: path, account: a.Name})
	can := out.Settings.Abilities()
	out.Poll = c.schedule(join(path, "poll"), a.Poll, can.LeastPoll)
	out.Sweep = c.sweep(path, a, can, out.Poll)
	return out
}

// sweep returns the schedule of the sweep; nil: off, or reported.
func (c *checker) sweep(path string, a rawAccount, can Abilities, poll Schedule) Schedule {
	if a.Sweep == "" {
		return nil
	}
	at := join(path, "sweep")
	refused := can.NoSweep
	if can.LeastSweep == 0 {
		refused = Complaint{fmt.Sprintf("has no effect with provider %q, which cannot sweep", a.Provider), "remove it, and poll more often"}
	}
	if refused.Message != "" {
		c.add(at, refused.Message, seen(a.Sweep, ""), refused.Fix)
		return nil
	}
	sweep := c.schedule(at, a.Sweep, can.LeastSweep)
	if poll != nil && sweep != nil && shortestGap(sweep) >= shortestGap(poll) {
		c.add(at, fmt.Sprintf("is not more frequent than the poll, every %s, and would find no change sooner", short(shortestGap(poll))), seen(a.Sweep, ""),
			"sweep more often, or remove it")
	}
	return sweep
}
