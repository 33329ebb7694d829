package gateway

import (
	"context"
	"encoding/json"
	"net/http"

	"roomgate/bridge"
	"roomgate/config"
	"roomgate/driver"
)

// answerCheck answers with the doctor's findings about the gateway, each in JSON on a
// line of its own as soon as it is there.
func (g *Gateway) answerCheck(w http.ResponseWriter, r *http.Request) {
	d, err := g.doctor(g.parts())
	if err != nil {
		refuse(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/jsonl")
	lines, connection := json.NewEncoder(w), http.NewResponseController(w)
	send := func(f driver.Finding) {
		_ = lines.Encode(f) // the command is gone if this fails
		_ = connection.Flush()
	}
	send(g.databaseFinding())
	d.Examine(r.Context(), send)
}

// doctor returns a Doctor for the gateway. It reads with separate providers, which
// share the sign-ins, because the poller may be reading with the others.
func (g *Gateway) doctor(p *parts) (Doctor, error) {
	d := doctorOf(p.cfg, g.d)
	d.Probe = p.sinks[0].Probe
	d.Subscriber = func(ctx context.Context) (int, error) { return p.sinks[0].Subscriber(ctx, subjectsOf(p.cfg)) }
	for _, a := range p.accounts {
		provider, err := g.newProvider(p.cfg, a.Account, &a)
		if err != nil {
			return Doctor{}, err
		}
		d.Accounts = append(d.Accounts, DoctorAccount{Name: a.Name, Provider: provider, Rooms: a.rooms})
	}
	return d, nil
}

func doctorOf(cfg *config.Config, d Dependencies) Doctor {
	return Doctor{Clock: d.Clock, Transport: d.Transport, UserAgent: d.userAgent(), Program: cfg.Program, Zone: cfg.Site.Timezone, Store: cfg.Store.Path, BrokerURL: cfg.MQTT.Broker}
}

// Surroundings calls found with the doctor's findings where no gateway can be reached:
// about this machine, and the network between it and the services.
func Surroundings(ctx context.Context, cfg *config.Config, d Dependencies, found func(driver.Finding)) error {
	doctor, err := offlineDoctor(cfg, d)
	if err != nil {
		return err
	}
	doctor.Surroundings(ctx, found)
	return nil
}

// CheckBeforeStart calls found with the doctor's findings where there is no database
// yet: nobody can have signed in, and nothing is created.
func CheckBeforeStart(ctx context.Context, cfg *config.Config, d Dependencies, found func(driver.Finding)) error {
	doctor, err := offlineDoctor(cfg, d)
	if err != nil {
		return err
	}
	found(driver.Finding{Subject: "database", Level: driver.LevelGood, Words: cfg.Store.Path + " does not exist yet; the gateway makes it at its first start"})
	secured, _, err := brokerTLS(cfg.MQTT)
	if err != nil {
		return err
	}
	sink, err := sinkOptions{Config: cfg, TLS: secured, Board: bridge.New(), Clock: d.Clock, Log: d.Log,
		Presence: func(string, driver.Presence) {}, Dial: d.Dial}.build()
	if err != nil {
		return err
	}
	doctor.Probe = sink.Probe
	doctor.Subscriber = func(ctx context.Context) (int, error) { return sink.Subscriber(ctx, subjectsOf(cfg)) }
	doctor.Examine(ctx, found)
	return nil
}

// offlineDoctor returns a Doctor without a database and without a broker.
func offlineDoctor(cfg *config.Config, d Dependencies) (Doctor, error) {
	doctor := doctorOf(cfg, d)
	rooms := Rooms(cfg)
	for _, c := range cfg.Accounts {
		provider, err := offline(cfg.Program, c, d)
		if err != nil {
			return Doctor{}, err
		}
		a := DoctorAccount{Name: c.Name, Provider: provider}
		for _, r := range rooms {
			if r.Account == c.Name {
				a.Rooms = append(a.Rooms, r)
			}
		}
		doctor.Accounts = append(doctor.Accounts, a)
	}
	return doctor, nil
}
