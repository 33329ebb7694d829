package main

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestScripts runs testdata/script. Each script reads as a page of the manual:
// commands as a person would type them, and what they answer. The form is that
// of the Go project's script tests: lines of commands, then files, each after a
// line "-- name --".
func TestScripts(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join("testdata", "script", "*.txtar"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			runScript(t, string(text))
		})
	}
}

// script is a script on its way.
type script struct {
	t              *testing.T
	house          *house
	env            map[string]string
	stdin          string // of the next exec
	stdout, stderr string // of the last one
	code           int    // that it ended with
	background     []*job
}

// job is a command in the background.
type job struct {
	*exec.Cmd
	stdout, stderr bytes.Buffer
}

var fileLine = regexp.MustCompile(`(?m)^-- (\S+) --\n`)

// runScript makes the files of a script and runs its lines.
func runScript(t *testing.T, text string) {
	h := newHouse(t)
	s := &script{t: t, house: h, env: map[string]string{"DIR": h.dir, "SIM": h.sim, "BROKER": h.broker, "WEB": h.web,
		"SIM_ADDRESS": strings.TrimPrefix(h.sim, "http://"), "BROKER_PORT": portOf(h.broker)}}
	names := fileLine.FindAllStringSubmatch(text, -1)
	parts := fileLine.Split(text, -1)
	for i, name := range names {
		if err := os.WriteFile(filepath.Join(h.dir, name[1]), []byte(parts[i+1]), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for n, line := range strings.Split(parts[0], "\n") {
		words, err := s.split(line)
		if err == nil && len(words) > 0 {
			err = s.do(words)
		}
		if err != nil {
			t.Fatalf("line %d: %s\n%v\nlast standard output:\n%s\nlast standard error:\n%s", n+1, line, err, s.stdout, s.stderr)
		}
	}
}

// split returns the words of a line. Single quotes keep a word together and as
// it is; elsewhere $NAME stands for a variable. A line that begins with # is a comment.
func (s *script) split(line string) ([]string, error) {
	if strings.HasPrefix(line, "#") {
		return nil, nil
	}
	pieces := strings.Split(line, "'")
	if len(pieces)%2 == 0 {
		return nil, errors.New("a quote is not closed")
	}
	var words []string
	for i, piece := range pieces {
		if i%2 == 1 {
			words = append(words, piece)
			continue
		}
		for _, w := range strings.Fields(piece) {
			words = append(words, os.Expand(w, func(name string) string { return s.env[name] }))
		}
	}
	return words, nil
}

// verbs are the commands of scripts; with a "!" in front they have to fail.
var verbs = map[string]func(s *script, args []string) error{
	"stdout":     func(s *script, args []string) error { return match(s.stdout, args) },
	"stderr":     func(s *script, args []string) error { return match(s.stderr, args) },
	"exists":     (*script).exists,
	"need":       (*script).need,
	"site":       (*script).site,
	"replace":    (*script).replace,
	"zeros":      (*script).zeros,
	"occupy":     (*script).occupy,
	"listening":  (*script).listening,
	"stdin":      (*script).setStdin,
	"exec":       func(s *script, args []string) error { return s.exits(append([]string{"0"}, args...)) },
	"exits":      (*script).exits,
	"start":      (*script).start,
	"sigterm":    func(s *script, args []string) error { return s.signal(syscall.SIGTERM, args) },
	"sighup":     func(s *script, args []string) error { return s.signal(syscall.SIGHUP, args) },
	"sigkill":    func(s *script, args []string) error { return s.signal(syscall.SIGKILL, args) },
	"wait":       (*script).wait,
	"eventually": func(s *script, args []string) error { return s.repeat(args, true) },
	"gone":       func(s *script, args []string) error { return s.repeat(args, false) },
}

func (s *script) do(words []string) error {
	refuse := words[0] == "!"
	if refuse {
		words = words[1:]
	}
	verb := verbs[words[0]]
	if verb == nil {
		return fmt.Errorf("there is no command %q", words[0])
	}
	err := verb(s, words[1:])
	if !refuse {
		return err
	}
	if err == nil {
		return errors.New("this should not be so")
	}
	return nil
}

// match wants a text to match a pattern; ^ and $ match at lines.
func match(text string, args []string) error {
	pattern, err := regexp.Compile("(?m)" + strings.Join(args, " "))
	if err == nil && !pattern.MatchString(text) {
		err = fmt.Errorf("no match for %s", pattern)
	}
	return err
}

// exists FILE wants a file, or a pattern of names, to be there.
func (s *script) exists(args []string) error {
	found, err := filepath.Glob(filepath.Join(s.house.dir, args[0]))
	if err == nil && len(found) == 0 {
		err = fmt.Errorf("there is no %s", args[0])
	}
	return err
}

// need PROGRAM… skips the script where a program is missing.
func (s *script) need(args []string) error {
	for _, name := range args {
		needProgram(s.t, name)
	}
	return nil
}

// site writes roomgate.toml, its client secret and mosquitto.conf.
func (s *script) site([]string) error { return s.house.write() }

// replace FILE OLD NEW edits a file; OLD must be there.
func (s *script) replace(args []string) error {
	path := filepath.Join(s.house.dir, args[0])
	text, err := os.ReadFile(path)
	if err == nil && !strings.Contains(string(text), args[1]) {
		err = fmt.Errorf("%s does not hold %q", args[0], args[1])
	}
	if err != nil {
		return err
	}
	return os.WriteFile(path, []byte(strings.ReplaceAll(string(text), args[1], args[2])), 0o600)
}

// zeros FILE overwrites a file with zeros, as a dying disk may.
func (s *script) zeros(args []string) error {
	path := filepath.Join(s.house.dir, args[0])
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	return os.WriteFile(path, make([]byte, info.Size()), 0o600)
}

// occupy ADDRESS listens there until the end of the script.
func (s *script) occupy(args []string) error {
	l, err := net.Listen("tcp", args[0])
	if err == nil {
		s.t.Cleanup(func() { l.Close() })
	}
	return err
}

// listening ADDRESS waits for a server to accept connections.
func (s *script) listening(args []string) error {
	if !until(patience, func() bool { return accepts(args[0]) }) {
		return fmt.Errorf("nothing listens after %v", patience)
	}
	return nil
}

// stdin TEXT, or stdin stdout for what the last command printed, is read by the
// next one.
func (s *script) setStdin(args []string) error {
	s.stdin = strings.Join(args, " ")
	if s.stdin == "stdout" {
		s.stdin = s.stdout
	}
	return nil
}

// exits CODE COMMAND… runs a command that has to end with the exit code.
func (s *script) exits(args []string) error {
	want, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	j := s.command(args[1:])
	if err := j.Start(); err != nil {
		return err
	}
	s.ended(j)
	if s.code != want {
		return fmt.Errorf("it ended with %d, not %d", s.code, want)
	}
	return nil
}

func (s *script) command(args []string) *job {
	j := &job{Cmd: exec.CommandContext(s.t.Context(), args[0], args[1:]...)}
	j.Dir, j.Stdin, j.Stdout, j.Stderr = s.house.dir, strings.NewReader(s.stdin), &j.stdout, &j.stderr
	s.stdin = ""
	return j
}

// ended waits for a command to end and takes over what it printed.
func (s *script) ended(j *job) {
	_ = j.Wait() // the exit code is looked at
	s.stdout, s.stderr, s.code = j.stdout.String(), j.stderr.String(), j.ProcessState.ExitCode()
	if !slices.Contains(j.Args, "simulate") { // it prints its client secret, for people to copy
		fmt.Fprint(s.house, s.stdout, s.stderr)
	}
}

// start COMMAND… starts a command in the background. It is killed at the end.
func (s *script) start(args []string) error {
	j := s.command(args)
	if err := j.Start(); err != nil {
		return err
	}
	s.background = append(s.background, j)
	s.t.Cleanup(func() { end(j.Cmd) })
	return nil
}

// job returns the newest background command that begins with the given words.
func (s *script) job(words []string) (*job, error) {
	for _, j := range slices.Backward(s.background) {
		if len(j.Args) >= len(words) && slices.Equal(j.Args[:len(words)], words) {
			return j, nil
		}
	}
	return nil, errors.New("no background command begins so")
}

func (s *script) signal(sig syscall.Signal, words []string) error {
	j, err := s.job(words)
	if err != nil {
		return err
	}
	return j.Process.Signal(sig)
}

// stopLimit is how long the gateway may take to stop after SIGTERM.
const stopLimit = 5 * time.Second

// wait COMMAND… waits for a background command that was told to stop; it has to
// end in time, with exit code 0.
func (s *script) wait(words []string) error {
	j, err := s.job(words)
	if err != nil {
		return err
	}
	tooLong := time.AfterFunc(stopLimit, func() { _ = j.Process.Kill() }) // the exit code tells
	defer tooLong.Stop()
	s.ended(j)
	if s.code != exitOK {
		return fmt.Errorf("it ended with %d", s.code)
	}
	return nil
}

// repeat runs a command again and again until what it prints matches a pattern,
// for "eventually PATTERN COMMAND…", or no longer does, for "gone PATTERN COMMAND…".
func (s *script) repeat(args []string, wanted bool) error {
	var err error
	if until(patience, func() bool {
		j := s.command(args[1:])
		if err = j.Start(); err != nil {
			return false
		}
		s.ended(j)
		err = match(s.stdout+s.stderr, args[:1])
		return (err == nil) == wanted
	}) {
		return nil
	}
	return errors.Join(fmt.Errorf("not so after %v", patience), err)
}
