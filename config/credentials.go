package config

import (
	"path"
	"strings"
)

// brokerCredential is the name of the broker's password in
// $CREDENTIALS_DIRECTORY; a client secret has the name of its account there.
// Source: systemd.exec(5), LoadCredential=.
const brokerCredential = "mqtt"

// A source lists the ways a secret may be given. The credential is looked for
// only when there is nothing else.
type source struct {
	table, key     string // where the settings stand, and the name of the plain one
	inline         Secret
	file, variable string
	credential     string
}

// secret reads a secret from its source; empty when there is none.
func (c *checker) secret(s source) Secret {
	inlinePath := join(s.table, s.key)
	given := ""
	for _, way := range []struct{ key, value string }{
		{s.key, s.inline.Reveal()}, {s.key + "_file", s.file}, {s.key + "_env", s.variable},
	} {
		if way.value != "" && given != "" {
			c.add(join(s.table, way.key), "gives a secret that "+given+" gives already", "", "keep one of the two")
			return Secret{}
		}
		if way.value != "" {
			given = way.key
		}
	}
	switch {
	case s.inline.Reveal() != "":
		if c.mode&othersRead != 0 {
			c.add(inlinePath, "is a secret in a file that everybody may read", "", "run chmod 600 on "+c.file+", or use "+s.key+"_file")
		}
		return s.inline
	case s.file != "":
		return c.secretFile(inlinePath+"_file", s.file)
	case s.variable != "":
		value := c.env.lookup(s.variable)
		if value == "" {
			c.add(inlinePath+"_env", "names a variable that is empty or not set", "", "set it for the service, or use "+s.key+"_file")
		}
		return NewSecret(value)
	}
	return c.credential(inlinePath, s.credential)
}

// credential reads a credential that the service manager passed, if there is one.
func (c *checker) credential(at, name string) Secret {
	dir := c.env.lookup("CREDENTIALS_DIRECTORY")
	if dir == "" || !segments.MatchString(name) {
		return Secret{}
	}
	file := path.Join(dir, name)
	if _, _, err := c.env.read(file); err != nil {
		return Secret{} // not every account has one
	}
	return c.secretFile(at, file)
}

// othersRead is the permission that lets every user of the machine read a file.
const othersRead = 0o004

// secretFile reads the one line of a file, without its line end.
func (c *checker) secretFile(at, file string) Secret {
	text, ok := c.readable(at, file, true)
	if !ok {
		return Secret{}
	}
	line := strings.TrimSuffix(strings.TrimSuffix(text, "\n"), "\r")
	switch {
	case line == "":
		c.add(at, "names an empty file", "", "write the secret into it")
	case strings.ContainsAny(line, "\r\n\x00"):
		c.add(at, "names a file that holds more than one line", "", "leave only the secret in it")
	}
	return NewSecret(line)
}

// readable reads a file that a setting names, "" for none, and reports what is
// wrong with it. A private key is a secret whatever the setting says. The path
// stays out of the message: it might be a secret.
func (c *checker) readable(at, file string, secret bool) (string, bool) {
	if file == "" {
		return "", false
	}
	text, mode, err := c.env.read(file)
	if err != nil {
		c.add(at, "names a file that cannot be read: "+reason(err), "", "check the path, and that the service may read it")
		return "", false
	}
	if (secret || strings.Contains(string(text), "PRIVATE KEY-----")) && mode&othersRead != 0 {
		c.add(at, "names a secret file that everybody may read", "", "run chmod 600 on it")
		return "", false
	}
	return string(text), true
}
