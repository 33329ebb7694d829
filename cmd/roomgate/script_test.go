package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"roomgate/graph/graphsim"
)

// TestScripts runs testdata/script. Each script reads as a page of the manual:
// commands as a person would type them, and what they answer. Package testscript
// documents the form; verbs are the commands it does not have.
func TestScripts(t *testing.T) {
	deadline, _ := t.Deadline() // zero: none
	testscript.RunT(&scriptTest{T: t}, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		Setup:               furnish,
		Cmds:                commands(),
		WorkdirRoot:         shortDir(t), // stays for the hunt, which reads the database
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Deadline:            deadline,
	})
}

// scriptTest is the test of a script. The transcript holds all that its programs
// printed, and is evidence.
type scriptTest struct {
	*testing.T
	evidence io.Writer
}

// Run implements testscript.T.
func (s *scriptTest) Run(name string, f func(testscript.T)) {
	s.T.Run(name, func(t *testing.T) { f(&scriptTest{t, io.Discard}) })
}

// Verbose implements testscript.T. It has the transcript kept whole, not only
// from the last comment on.
func (s *scriptTest) Verbose() bool { return true }

// Log implements testscript.T; it is called once, with the transcript.
func (s *scriptTest) Log(transcript ...any) {
	s.Helper()
	s.T.Log(transcript...)
	_, secret, _ := graphsim.DefaultClient()
	printed := fmt.Sprintf("client_secret      %s\n", secret) // by the simulator, for people to copy
	fmt.Fprint(s.evidence, strings.ReplaceAll(fmt.Sprint(transcript...), printed, ""))
}

// furnish makes a script's folder a house, and tells the script its addresses.
func furnish(env *testscript.Env) error {
	test, ok := env.T().(*scriptTest)
	if !ok {
		return fmt.Errorf("a script is tested by a %T", env.T())
	}
	h := houseIn(test.T, env.WorkDir)
	test.evidence = h
	env.Values[houseKey{}] = h
	env.Setenv("SIM_ADDRESS", strings.TrimPrefix(h.sim, "http://"))
	env.Setenv("BROKER", h.broker)
	env.Setenv("BROKER_PORT", portOf(h.broker))
	env.Setenv("WEB", h.web)
	id, _, _ := graphsim.DefaultClient()
	env.Setenv("CLIENT_ID", id)
	env.Setenv("TENANT", graphsim.TenantID)
	return nil
}

// houseKey is the key of a script's house among its values.
type houseKey struct{}

// script is a script on its way.
type script struct {
	*testscript.TestScript
	house *house
}

// verbs are the commands that scripts have beside those of package testscript.
// The usage has a word for each argument; "..." stands for more like the last.
var verbs = map[string]struct {
	usage string
	do    func(s script, args []string) error
}{
	"need":       {"PROGRAM...", script.need},
	"site":       {"", script.site},
	"replace":    {"FILE OLD NEW", script.replace},
	"zeros":      {"FILE", script.zeros},
	"occupy":     {"ADDRESS", script.occupy},
	"listening":  {"ADDRESS", script.listening},
	"exits":      {"CODE COMMAND...", script.exits},
	"sigterm":    {"NAME", script.sigterm},
	"sighup":     {"NAME", script.sighup},
	"eventually": {"PATTERN COMMAND...", func(s script, args []string) error { return s.repeat(args, true) }},
	"gone":       {"PATTERN COMMAND...", func(s script, args []string) error { return s.repeat(args, false) }},
}

// commands returns the verbs in the form that package testscript wants. None of
// them can be negated.
func commands() map[string]func(*testscript.TestScript, bool, []string) {
	all := map[string]func(*testscript.TestScript, bool, []string){}
	for name, v := range verbs {
		named, more := len(strings.Fields(v.usage)), strings.HasSuffix(v.usage, "...")
		all[name] = func(ts *testscript.TestScript, negated bool, args []string) {
			if negated || len(args) < named || len(args) > named && !more {
				ts.Fatalf("usage: %s %s", name, v.usage)
			}
			ts.Check(v.do(script{ts, ts.Value(houseKey{}).(*house)}, args))
		}
	}
	return all
}

// need PROGRAM... skips the script where a program is missing.
func (s script) need(programs []string) error {
	for _, name := range programs {
		needProgram(s.house.t, name)
	}
	return nil
}

// site writes roomgate.toml, its client secret and mosquitto.conf.
func (s script) site([]string) error { return s.house.write() }

// replace FILE OLD NEW edits a file; OLD must be there.
func (s script) replace(args []string) error {
	text := s.ReadFile(args[0])
	if !strings.Contains(text, args[1]) {
		return fmt.Errorf("%s does not hold %q", args[0], args[1])
	}
	return os.WriteFile(s.MkAbs(args[0]), []byte(strings.ReplaceAll(text, args[1], args[2])), 0o600)
}

// zeros FILE overwrites a file with zeros, as a dying disk may.
func (s script) zeros(args []string) error {
	return os.WriteFile(s.MkAbs(args[0]), make([]byte, len(s.ReadFile(args[0]))), 0o600)
}

// occupy ADDRESS listens there until the end of the script.
func (s script) occupy(args []string) error {
	l, err := net.Listen("tcp", args[0])
	if err == nil {
		s.Defer(func() { l.Close() })
	}
	return err
}

// listening ADDRESS waits for a server to accept connections.
func (s script) listening(args []string) error {
	if !until(patience, func() bool { return accepts(args[0]) }) {
		return fmt.Errorf("nothing listens after %v", patience)
	}
	return nil
}

// exits CODE COMMAND... runs a command that has to end with the exit code.
func (s script) exits(args []string) error {
	want, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	code, err := s.run(args[1:])
	if err == nil && code != want {
		err = fmt.Errorf("it ended with %d, not %d", code, want)
	}
	return err
}

// run runs a command to its end and returns its exit code.
func (s script) run(command []string) (code int, err error) {
	err = s.Exec(command[0], command[1:]...)
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode(), nil
	}
	return exitOK, err
}

// repeat runs a command again and again until what it prints matches a pattern,
// for "eventually PATTERN COMMAND...", or no longer does, for "gone PATTERN COMMAND...".
func (s script) repeat(args []string, wanted bool) error {
	pattern, err := regexp.Compile("(?m)" + args[0])
	if err != nil {
		return err
	}
	if !until(patience, func() bool {
		_, err = s.run(args[1:])
		return err != nil || pattern.MatchString(s.ReadFile("stdout")+s.ReadFile("stderr")) == wanted
	}) {
		return fmt.Errorf("not so after %v", patience)
	}
	return err
}

// stopLimit is how long the gateway may take to stop after SIGTERM.
const stopLimit = 5 * time.Second

// sigterm NAME tells a background command to stop. One that does not stop in
// time is killed, which the next wait reports.
func (s script) sigterm(args []string) error {
	p, err := s.background(args[0])
	if err != nil {
		return err
	}
	tooLong := time.AfterFunc(stopLimit, func() { _ = p.Kill() }) // the exit code tells
	s.Defer(func() { tooLong.Stop() })
	return p.Signal(syscall.SIGTERM)
}

// sighup NAME has a background command read its configuration again.
func (s script) sighup(args []string) error {
	p, err := s.background(args[0])
	if err != nil {
		return err
	}
	return p.Signal(syscall.SIGHUP)
}

// background returns a background command. Package testscript does not tell the
// &name& it was given; in these scripts that is the program or its first argument.
func (s script) background(name string) (*os.Process, error) {
	for _, c := range s.BackgroundCmds() {
		if filepath.Base(c.Path) == name || len(c.Args) > 1 && c.Args[1] == name {
			return c.Process, nil
		}
	}
	return nil, fmt.Errorf("no background command is %q by its program or first argument", name)
}
