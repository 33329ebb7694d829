package mqtt

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"

	"roomgate/driver"
)

// Instance identifies a run of the program to others that publish under the same
// topics. All Sinks of one run have the same Instance.
type Instance struct {
	ID   string // random
	Host string // name of the machine
}

// NewInstance returns the Instance of this run of the program.
func NewInstance() Instance {
	host, _ := os.Hostname()
	return Instance{ID: randomID(), Host: host}
}

func randomID() string {
	id := make([]byte, 8)
	_, _ = rand.Read(id) // never fails
	return hex.EncodeToString(id)
}

// notice is the payload of gateway/instance: which gateway publishes. It is sent
// first on a connection and then about every minute, each time with a higher count.
type notice struct {
	ID       string `json:"id"`
	Host     string `json:"host"`
	ClientID string `json:"client_id"`
	// Connection is random, and Count counts on that connection from 1.
	Connection string `json:"connection"`
	Count      uint64 `json:"count"`
}

// longestNotice bounds what is read of a notice, in bytes.
const longestNotice = 1 << 10

// instanceTopic is the topic of the notices.
func (o Options) instanceTopic() string {
	return Topic(o.Prefix, o.Site, driver.Subject{Scope: driver.OfGateway}, "instance")
}

// notice is the message with the count of a connection.
func (o Options) notice(connection string, count uint64) message {
	text, _ := json.Marshal(notice{o.Instance.ID, o.Instance.Host, o.ClientID, connection, count}) // strings and a number
	return retainedMessage(o.instanceTopic(), string(text))
}

// readNotice reads a notice, which anybody may have written; ok is false where it is
// none.
func readNotice(payload []byte) (n notice, ok bool) {
	if len(payload) > longestNotice || json.Unmarshal(payload, &n) != nil || n.ID == "" {
		return notice{}, false
	}
	return n, true
}

// OwnTopics are the retained topics of a Sink that belong to no point.
func OwnTopics(prefix, site string) []string {
	o := Options{Prefix: prefix, Site: site}
	return []string{o.statusTopic(), o.instanceTopic()}
}

// anotherGateway is the error for another gateway that publishes under the same
// topics.
func (o Options) anotherGateway(n notice) error {
	f := &failure{
		words:  fmt.Sprintf("another gateway for site %s is connected to the broker at %s: host %.64q, client id %.64q", o.Site, o.Broker.Host, n.Host, n.ClientID),
		action: "stop one of the two, or give one another site.id",
		person: true,
	}
	if n.ClientID == o.ClientID {
		f.words += ", which is also the client id of this one"
		f.action += "; a test needs its own mqtt.client_id and mqtt.prefix"
	}
	return f
}
