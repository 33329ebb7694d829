package config

import "time"

// defaults returns the settings of an empty file. Accounts and rooms start from
// defaultAccount and from [defaults.room].
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

// defaultAccount returns the settings of an account that gives none but, maybe,
// how it signs in.
func defaultAccount(signIn any) rawAccount {
	a := rawAccount{
		Provider:    "microsoft",
		Cloud:       "global",
		Tenant:      "common",
		SignIn:      "code",
		RedirectURI: "http://localhost",
		Scopes:      []string{"offline_access", "User.Read", "Calendars.Read", "Calendars.Read.Shared"},
		Refresh:     "*/30 * * * *",
		Poll:        "@every 60s",
	}
	switch signIn {
	case "device":
		a.RedirectURI = ""
	case "app":
		a.RedirectURI, a.Scopes = "", nil
	}
	return a
}

// clouds are the sign-in and Graph servers of each cloud. Registrations, tokens
// and tenants do not cross from one to another. Sources:
// learn.microsoft.com/entra/identity-platform/authentication-national-cloud,
// learn.microsoft.com/graph/deployments.
var clouds = map[string]struct{ login, graph string }{
	"global": {"https://login.microsoftonline.com", "https://graph.microsoft.com"},
	"us-gov": {"https://login.microsoftonline.us", "https://graph.microsoft.us"},
	"us-dod": {"https://login.microsoftonline.us", "https://dod-graph.microsoft.us"},
	"china":  {"https://login.partner.microsoftonline.cn", "https://microsoftgraph.chinacloudapi.cn"},
}

// Shortest intervals. A token lives about an hour, so renewing it more often
// than each minute only costs requests; polls below ten seconds run into the
// limits of learn.microsoft.com/graph/throttling-limits with few rooms. Those
// allow 10,000 requests in ten minutes to a mailbox. A sweep sends all of its
// own to the mailbox of the account, one for twenty rooms: every five seconds
// that is 6,000 for a thousand rooms, with the rest left for polls.
const (
	leastRefresh = time.Minute
	leastPoll    = 10 * time.Second
	leastSweep   = 5 * time.Second
)

// defaultPorts are the ports of the schemes a broker may have.
var defaultPorts = map[string]string{"mqtt": "1883", "mqtts": "8883", "ws": "80", "wss": "443"}
