package config

// A file contains the settings as they are written. Binding, printing and the test
// of the reference configuration all use its tags.
//
//	toml      the key
//	oneof     the values allowed
//	range     the lowest and the highest value allowed
//	form      a check in forms, or in those of the provider
//	required  must not be empty; the value is an example for the message
//	needs     the setting without which this one has no effect
//	hide      the value is never shown in a message
type file struct {
	Site     rawSite      `toml:"site"`
	Accounts []rawAccount `toml:"account"`
	Defaults rawDefaults  `toml:"defaults"`
	Rooms    []Room       `toml:"room"`
	MQTT     rawMQTT      `toml:"mqtt"`
	Web      rawWeb       `toml:"web"`
	Store    rawStore     `toml:"store"`
}

type rawDefaults struct {
	Room RoomSettings `toml:"room"`
}

type rawSite struct {
	ID       string `toml:"id" form:"id" required:"hq"`
	Name     string `toml:"name"`
	Timezone string `toml:"timezone" form:"zone" required:"Europe/London"`
	Week     Week   `toml:"schedule"`
}

type rawMQTT struct {
	Broker            string `toml:"broker" form:"broker" required:"mqtts://broker.example:8883"`
	Username          string `toml:"username"`
	Password          Secret `toml:"password" form:"mask" hide:"yes"`
	PasswordFile      string `toml:"password_file" form:"path" hide:"yes"`
	ClientID          string `toml:"client_id"`
	CAFile            string `toml:"ca_file" form:"path"`
	CertFile          string `toml:"cert_file" form:"path"`
	KeyFile           string `toml:"key_file" form:"path" hide:"yes"`
	InsecurePlaintext bool   `toml:"insecure_plaintext"`
	Prefix            string `toml:"prefix" form:"prefix" required:"roomgate"`
	Payload           string `toml:"payload" oneof:"plain|vtq"`
	Bool              string `toml:"bool" oneof:"true/false|1/0|ON/OFF"`
	Time              string `toml:"time" oneof:"rfc3339|rfc3339_local|epoch_s|epoch_ms"`
}

type rawWeb struct {
	Listen     string `toml:"listen" form:"listen"`
	APIKeyFile string `toml:"api_key_file" form:"path" hide:"yes"`
}

type rawStore struct {
	Path    string `toml:"path" form:"path" required:"/var/lib/roomgate/roomgate.db"`
	KeyFile string `toml:"key_file" form:"path" hide:"yes"`
}
