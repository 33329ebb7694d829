package gateway

import (
	"encoding/json"
	"log/slog"
	"slices"
	"sync"

	"roomgate/bridge/mqtt"
	"roomgate/config"
	"roomgate/driver"
	"roomgate/driver/store"
)

// A broker keeps the retained values of a room that was removed from the
// configuration, and plant would still be controlled from them. So the gateway records
// the topics it has published, and deletes those that are not configured.

// publications records the topics that a broker may retain: a topic is added before its
// first message, and removed after it was deleted. A list that cannot be stored is kept
// in memory until it can.
type publications struct {
	bucket  *store.Bucket
	log     *slog.Logger
	mu      sync.Mutex // held while the list is read or changes
	unsaved []string   // the list that could not be stored; nil: it is stored
}

const publishedKey = "topics"

// without returns the topics that were published and are not among now.
func (p *publications) without(now []string) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return missing(p.load(), now)
}

// add adds topics that are about to be published.
func (p *publications) add(topics []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	were := p.load()
	if fresh := missing(topics, were); len(fresh) > 0 {
		p.save(slices.Concat(were, fresh))
	}
}

// set replaces the published topics; all others were deleted.
func (p *publications) set(now []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.save(now)
}

// retry stores a list that could not be stored, with the topics of one that could not
// be read then.
func (p *publications) retry() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.unsaved != nil {
		p.save(slices.Concat(p.unsaved, missing(p.stored(), p.unsaved)))
	}
}

// missing returns the topics that are not among others.
func missing(topics, others []string) []string {
	known := make(map[string]bool, len(others))
	for _, topic := range others {
		known[topic] = true
	}
	return slices.DeleteFunc(slices.Clone(topics), func(topic string) bool { return known[topic] })
}

func (p *publications) load() []string {
	if p.unsaved != nil {
		return p.unsaved
	}
	return p.stored()
}

func (p *publications) stored() []string {
	text, err := p.bucket.Get(publishedKey)
	if err != nil {
		return nil // nothing was published, or what is not known
	}
	var topics []string
	if err := json.Unmarshal(text, &topics); err != nil {
		p.log.Warn("the list of published topics is damaged; topics of removed rooms may stay at the broker", "reason", err)
		return nil
	}
	return topics
}

func (p *publications) save(now []string) {
	text, err := json.Marshal(now)
	if err == nil {
		err = p.bucket.Put(map[string][]byte{publishedKey: text})
	}
	if err == nil {
		p.unsaved = nil
		return
	}
	p.unsaved = now
	p.log.Warn("the list of published topics could not be stored; trying again later", "reason", err)
}

// subjectsOf are all subjects of a configuration.
func subjectsOf(cfg *config.Config) []driver.Subject {
	subjects := []driver.Subject{{Scope: driver.OfGateway}}
	for _, r := range cfg.Rooms {
		subjects = append(subjects, driver.Subject{Scope: driver.OfRoom, ID: r.ID})
	}
	for _, a := range cfg.Accounts {
		subjects = append(subjects, driver.Subject{Scope: driver.OfAccount, ID: a.Name})
	}
	return subjects
}

// topicsOf are all retained topics of a configuration, sorted.
func topicsOf(cfg *config.Config) []string {
	topics := mqtt.OwnTopics(cfg.MQTT.Prefix, cfg.Site.ID)
	for _, s := range subjectsOf(cfg) {
		for _, p := range driver.Catalogue(s.Scope) {
			if !p.Transient {
				topics = append(topics, mqtt.Topic(cfg.MQTT.Prefix, cfg.Site.ID, s, p.Name))
			}
		}
	}
	slices.Sort(topics)
	return topics
}
