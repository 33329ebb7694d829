package main

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"roomgate/driver"
	"roomgate/graph/graphsim"
)

// ownDisk mounts an empty file system in memory on a new folder. Without the right to
// mount the test is skipped.
func ownDisk(t *testing.T, folder, size string) {
	t.Helper()
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	err := syscall.Mount("tmpfs", folder, "tmpfs", 0, "mode=0700,size="+size)
	if errors.Is(err, fs.ErrPermission) {
		t.Skip("this user may not mount a file system")
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(folder, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
}

// remount makes a file system read-only, or writable again.
func (h *house) remount(folder string, flags uintptr) {
	h.t.Helper()
	if err := syscall.Mount("", folder, "", syscall.MS_REMOUNT|flags, ""); err != nil {
		h.t.Fatal(err)
	}
}

// fillDisk fills the file system of a folder and returns the file that does.
func (h *house) fillDisk(folder string) string {
	h.t.Helper()
	path := filepath.Join(folder, "others")
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		h.t.Fatal(err)
	}
	for err == nil {
		_, err = f.Write(make([]byte, 4096))
	}
	if !errors.Is(err, syscall.ENOSPC) {
		h.t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		h.t.Fatal(err)
	}
	return path
}

// storeProblem is what the point gateway/state says of the store; empty: nothing.
func (e *ear) storeProblem() string {
	var state struct{ Problems []string }
	_ = json.Unmarshal([]byte(e.last("gateway/state").payload), &state) // none has come yet
	for _, words := range state.Problems {
		if strings.Contains(words, "database") {
			return words
		}
	}
	return ""
}

// wantStore waits until health, point, service manager and doctor agree about the
// store: empty words mean that it works.
func (h *house) wantStore(e *ear, m *manager, words string) {
	h.t.Helper()
	h.await("gateway/state about the store: "+words, func() bool {
		got := e.storeProblem()
		return words == "" && got == "" || words != "" && strings.Contains(got, words)
	})
	_, health := h.get("http://" + h.web + "/healthz?verbose")
	_, page := h.get("http://" + h.web + "/")
	check, code := h.roomgate("check")
	if words == "" {
		if strings.Contains(health, `"store"`) || !strings.Contains(check, "good     database: "+h.database()+" is open in the running gateway") {
			h.t.Errorf("the store works, and they say\n%s\n%s", health, check)
		}
		return
	}
	status := "STATUS=2 rooms; account rooms: ok; " // and the parts, sorted or not
	h.await("the service manager's status", func() bool { return m.heardBoth(status, words) })
	if !strings.Contains(health, words) || !strings.Contains(page, words) || !strings.Contains(check, "bad      database: the database "+h.database()) || code != exitLocked {
		h.t.Errorf("want %q; check ended with %d, and they say\n%s\n%s", words, code, health, check)
	}
}

// heardBoth tells whether a line that begins with a text has another in it.
func (m *manager) heardBoth(begin, inside string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, line := range m.told {
		if strings.HasPrefix(line, begin) && strings.Contains(line, inside) {
			return true
		}
	}
	return false
}

// refreshed makes the gateway refresh its tokens, at a service that ends the old ones
// as soon as the new ones are used, and waits until they are.
func (h *house) refreshed(sim *simulator) {
	h.t.Helper()
	sim.ExpireAccess()
	sim.ResetRequests()
	h.must("rooms", "poll")
	h.await("a refresh whose tokens are used", func() bool {
		_, used := life(sim.Requests())
		return used
	})
}

// TestDisk runs the gateway on a disk that is full, is read-only, and loses its files.
// It works all the time, says what is wrong wherever somebody looks, and keeps the
// sign-in through kill -9 wherever anything can be written.
func TestDisk(t *testing.T) {
	t.Parallel()
	needProgram(t, "mosquitto")
	dir := shortDir(t)
	folder := filepath.Join(dir, "state")
	ownDisk(t, folder, "1m")
	h := houseIn(t, dir)
	h.env = []string{"RUNTIME_DIRECTORY=" + filepath.Join(dir, "run")} // for the socket where the disk is read-only
	sim := newSimulator(t)
	sim.Set(func(s *graphsim.Behaviour) { s.StrictRotation = true })
	h.sim = sim.url
	h.open()
	t.Cleanup(func() { h.keep(sim.seen()) })
	h.mosquitto(h.broker)
	h.signIn("rooms")
	var m manager
	socket := m.listen(t, h.dir)
	start := func() *exec.Cmd {
		c := h.command("roomgate", "run", "--config", h.config())
		c.Env = append(c.Env, "NOTIFY_SOCKET="+socket)
		return h.launch(c)
	}
	good := func() {
		t.Helper()
		h.await("good rooms", func() bool { return accepts(h.web) && h.room("boardroom").Quality == "good" })
	}

	others := h.fillDisk(folder)
	c := start()
	good()
	e := h.listen(h.broker)
	h.wantStore(e, &m, "no space left on device")
	h.refreshed(sim) // the tokens have their space
	end(c)
	c = start()
	good()
	if st := h.account("rooms"); st.State != driver.SignedIn || st.Reason != "" {
		t.Errorf("after kill -9 on a full disk: %s %q", st.State, st.Reason)
	}
	h.wantStore(e, &m, "no space left on device")
	if err := os.Remove(others); err != nil {
		t.Fatal(err)
	}
	h.wantStore(e, &m, "")

	if err := os.Remove(h.database()); err != nil {
		t.Fatal(err)
	}
	h.await("the removed database", func() bool { _, err := os.Stat(h.database()); return err == nil })
	if err := os.Truncate(h.database(), 8192); err != nil {
		t.Fatal(err)
	}
	h.refreshed(sim) // which writes
	h.await("the database that was cut off", func() bool { return strings.Contains(e.storeProblem(), "damaged") })
	end(c)
	h.must("db", "check")

	h.remount(folder, syscall.MS_RDONLY)
	c = start()
	good()
	h.wantStore(e, &m, "read-only file system")
	h.refreshed(sim)
	h.await("the risk for the sign-in", func() bool {
		return strings.Contains(e.last("accounts/rooms/reason").payload, "a restart would lose the sign-in")
	})
	if st := h.account("rooms"); st.State != driver.SignedIn || !strings.Contains(st.Reason, "read-only file system") {
		t.Errorf("on a read-only disk: %s %q", st.State, st.Reason)
	}
	h.must("db", "check")
	h.remount(folder, 0)
	h.wantStore(e, &m, "")
	h.await("the end of the risk", func() bool { return strings.TrimSpace(e.last("accounts/rooms/reason").payload) == "" })
	end(c)
	start()
	good()
	if st := h.account("rooms"); st.State != driver.SignedIn {
		t.Errorf("after kill -9 and a disk that was read-only: %s %q", st.State, st.Reason)
	}
}
