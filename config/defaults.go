package config

import "time"

// defaults returns the settings of an empty file. Accounts start from the
// defaults of their provider, rooms from [defaults.room].
func defaults() file {
	return file{
		Defaults: rawDefaults{Room: RoomSettings{
			Lead:       20 * time.Minute,
			Gap:        15 * time.Minute,
			Release:    "end",
			Count:      []string{"busy", "tentative", "oof"},
			Privacy:    "busy",
			StaleAfter: 10 * time.Minute,
			FailSafe:   "hold",
			FailAfter:  4 * time.Hour,

			Grace:           10 * time.Minute,
			Hold:            15 * time.Minute,
			PresenceTimeout: time.Hour,
			PresenceOn:      []string{"true", "1", "on", "occupied", "present", "yes"},
			PresenceOff:     []string{"false", "0", "off", "unoccupied", "absent", "no"},
		}},
		MQTT:  rawMQTT{Prefix: "roomgate", Payload: "plain", Bool: "true/false", Time: "rfc3339"},
		Web:   rawWeb{Listen: "127.0.0.1:8080"},
		Store: rawStore{Path: "/var/lib/roomgate/roomgate.db"},
	}
}

// defaultPorts are the ports of the schemes a broker may have.
var defaultPorts = map[string]string{"mqtt": "1883", "mqtts": "8883", "ws": "80", "wss": "443"}
