package config

import (
	"errors"
	"io/fs"
	"path"
	"strings"
)

// brokerCredential is the name of the broker's password in
// $CREDENTIALS_DIRECTORY; the secret of an account has the account's name there.
// Source: systemd.exec(5), LoadCredential=.
const brokerCredential = "mqtt"

// A source lists the ways in which a secret may be given. The credential is used
// only when none of the others is.
type source struct {
	table, key     string // table of the settings, and the key of the inline one
	inline         Secret
	file, variable string
	credential     string
}

// secret reads a secret from its source; empty when none is given.
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
			c.add(inlinePath, "is a secret in a file that all users can read", "", "run chmod 600 on "+c.file+", or use "+s.key+"_file")
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

// credential reads a credential passed by systemd; empty when there is none.
func (c *checker) credential(at, name string) Secret {
	file := c.credentialFile(name)
	if file == "" {
		return Secret{}
	}
	return c.secretFile(at, file)
}

// credentialFile is the file of a credential passed by systemd; empty when there is none,
// as not every account has one.
func (c *checker) credentialFile(name string) string {
	dir := c.env.lookup("CREDENTIALS_DIRECTORY")
	if dir == "" || !segments.MatchString(name) {
		return ""
	}
	file := path.Join(dir, name)
	if _, _, err := c.env.read(file); err != nil {
		return ""
	}
	return file
}

// othersRead is the permission that lets every user of the machine read a file.
const othersRead = 0o004

// secretFile reads the one line of a file, without its line end.
func (c *checker) secretFile(at, file string) Secret {
	if _, _, err := c.env.read(file); c.env.Draft && errors.Is(err, fs.ErrNotExist) {
		return NewSecret("not there yet")
	}
	text, ok := c.readable(at, file, true)
	if !ok {
		return Secret{}
	}
	line, problem := secretLine(text)
	switch problem {
	case errEmptyFile:
		c.add(at, "names an empty file", "", "write the secret into it")
	case errSeveralLines:
		c.add(at, "names a file that contains more than one line", "", "leave only the secret in it")
	}
	return NewSecret(line)
}

// secretLine returns the one line of a text, without its line end.
func secretLine(text string) (line string, problem error) {
	line = strings.TrimSuffix(strings.TrimSuffix(text, "\n"), "\r")
	switch {
	case line == "":
		return line, errEmptyFile
	case strings.ContainsAny(line, "\r\n\x00"):
		return line, errSeveralLines
	}
	return line, nil
}

var (
	errEmptyFile    = errors.New("the file is empty")
	errSeveralLines = errors.New("the file contains more than one line")
)

// ReadSecret reads the secret in a file again.
func ReadSecret(file string) (Secret, error) {
	text, _, err := readFile(file)
	if err != nil {
		return Secret{}, errors.New(reason(err)) // the path may be a secret pasted by mistake
	}
	line, problem := secretLine(string(text))
	if problem != nil {
		return Secret{}, problem
	}
	return NewSecret(line), nil
}

// readable reads the file that a setting names, "" for none, and reports problems
// with it. A private key is treated as a secret even where secret is false. The
// message omits the path, which may be a secret pasted by mistake.
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
		c.add(at, "names a secret file that all users can read", "", "run chmod 600 on it")
		return "", false
	}
	return string(text), true
}
