package gateway

import (
	"context"

	"roomgate/config"
	"roomgate/driver"
)

// examine is the doctor's findings about the gateway.
func (g *Gateway) examine(ctx context.Context) []driver.Finding {
	p := g.parts()
	d, err := g.doctor(p)
	if err != nil {
		return []driver.Finding{driver.Failure("configuration", err)}
	}
	return d.Examine(ctx)
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

// Surroundings are the doctor's findings where no gateway can be reached: about
// this machine, and the network between it and the services.
func Surroundings(ctx context.Context, cfg *config.Config, d Dependencies) ([]driver.Finding, error) {
	doctor := doctorOf(cfg, d)
	for _, c := range cfg.Accounts {
		provider, err := offline(cfg.Program, c, d)
		if err != nil {
			return nil, err
		}
		doctor.Accounts = append(doctor.Accounts, DoctorAccount{Name: c.Name, Provider: provider})
	}
	return doctor.Surroundings(ctx), nil
}
