// Package mqtt publishes the board to an MQTT broker.
//
// Every point has its own retained topic (see [Topic]). The newest value of every
// point reaches the broker, whatever happens to the connection; values in between
// may be left out. Nothing is queued: each connection starts with an empty table,
// sends the whole board, and then sends every value that differs from the one the
// broker has acknowledged. Memory is bounded by the
// number of points.
//
// The gateway/status topic is "online" once the broker has acknowledged every
// point on this connection, and "offline" before a clean stop and, as the last
// will, after any other end. Points with [driver.Point] Transient are heartbeats:
// QoS 0, not retained, and not sent again on a new connection.
//
// A Sink listens to its own topics, and publishes again what others have changed there.
// It says on gateway/instance who publishes, and recognises another gateway by its
// notices (listen.go, trust.go).
//
// The protocol is MQTT 3.1.1. It gives a broker no way to refuse a message: one
// whose access list forbids a topic either drops the message silently or closes the
// connection.
package mqtt
