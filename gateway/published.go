package gateway

import (
	"encoding/json"
	"log/slog"
	"slices"

	"roomgate/bridge/mqtt"
	"roomgate/config"
	"roomgate/driver"
	"roomgate/driver/store"
)

// A retained value outlives the room it speaks of: a building would go on
// heating a room that was taken out of the configuration. So the gateway
// remembers what it has published, and deletes what it no longer does.

// publications remember the topics that a broker was given.
type publications struct {
	bucket *store.Bucket
	log    *slog.Logger
}

const publishedKey = "topics"

func (g *Gateway) publications() *publications {
	return &publications{g.store.Bucket("published"), g.d.Log}
}

// without returns the topics that were published and are not among now.
func (p *publications) without(now []string) []string {
	text, err := p.bucket.Get(publishedKey)
	if err != nil {
		return nil // nothing was published, or what is not known
	}
	var were []string
	if err := json.Unmarshal(text, &were); err != nil {
		p.log.Warn("the list of published topics is damaged; topics of rooms that are no more may stay at the broker", "reason", err)
		return nil
	}
	slices.Sort(now)
	return slices.DeleteFunc(were, func(topic string) bool {
		_, still := slices.BinarySearch(now, topic)
		return still
	})
}

// are remembers the topics that are published now.
func (p *publications) are(now []string) {
	text, err := json.Marshal(now)
	if err == nil {
		err = p.bucket.Put(map[string][]byte{publishedKey: text})
	}
	if err != nil {
		p.log.Warn("the list of published topics could not be kept", "reason", err)
	}
}

// topicsOf are all retained topics of a configuration, sorted.
func topicsOf(cfg *config.Config) []string {
	subjects := []driver.Subject{{Scope: driver.OfGateway}}
	for _, r := range cfg.Rooms {
		subjects = append(subjects, driver.Subject{Scope: driver.OfRoom, ID: r.ID})
	}
	for _, a := range cfg.Accounts {
		subjects = append(subjects, driver.Subject{Scope: driver.OfAccount, ID: a.Name})
	}
	topics := []string{mqtt.Topic(cfg.MQTT.Prefix, cfg.Site.ID, subjects[0], "status")}
	for _, s := range subjects {
		for _, p := range driver.Catalogue(s.Scope) {
			if !p.Transient {
				topics = append(topics, mqtt.Topic(cfg.MQTT.Prefix, cfg.Site.ID, s, p.Name))
			}
		}
	}
	slices.Sort(topics)
	return topics
}
