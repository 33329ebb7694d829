package config

import "time"

// A file holds the settings as they are written; its tags are the one list of
// keys that binding, printing and the reference file go by.
//
//	toml      the key
//	oneof     the values allowed
//	range     the lowest and the highest value allowed
//	form      a check in forms
//	required  must not be empty; the value is an example for the message
//	needs     a setting without which this one does nothing
//	hide      the value never appears in a message
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

// People paste a secret where its file, its variable or the client id belongs:
// those values stay out of messages too.
type rawAccount struct {
	Name                  string    `toml:"name" form:"id" required:"rooms"`
	Provider              string    `toml:"provider" oneof:"microsoft"`
	Cloud                 string    `toml:"cloud" oneof:"global|us-gov|us-dod|china"`
	Tenant                string    `toml:"tenant" form:"tenant" required:"common"`
	ClientID              string    `toml:"client_id" form:"guid" required:"11111111-2222-3333-4444-555555555555" hide:"yes"`
	ClientSecret          Secret    `toml:"client_secret" form:"secret" hide:"yes"`
	ClientSecretFile      string    `toml:"client_secret_file" form:"path" hide:"yes"`
	ClientSecretEnv       string    `toml:"client_secret_env" form:"variable" hide:"yes"`
	ClientSecretExpires   time.Time `toml:"client_secret_expires"`
	ClientCertificateFile string    `toml:"client_certificate_file" form:"path" hide:"yes"`
	ClientKeyFile         string    `toml:"client_key_file" form:"path" hide:"yes"`
	SignIn                string    `toml:"sign_in" oneof:"code|device|app"`
	RedirectURI           string    `toml:"redirect_uri" form:"redirect"`
	Scopes                []string  `toml:"scopes" form:"scope"`
	Refresh               string    `toml:"refresh" required:"*/30 * * * *"`
	Poll                  string    `toml:"poll" required:"@every 60s"`
	Sweep                 string    `toml:"sweep"`
	Read                  string    `toml:"read" oneof:"|events|view|free-busy"`
	LoginURL              string    `toml:"login_url" form:"server"`
	GraphURL              string    `toml:"graph_url" form:"server"`
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
