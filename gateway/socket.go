package gateway

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// socketCheck is how often the file of the command socket is looked for.
const socketCheck = 10 * time.Second

// errSocketDeleted means that the file of the socket is no longer there, or is another.
var errSocketDeleted = errors.New("the socket for commands was deleted")

// openSocket opens the socket. Only the gateway's user and root can reach it: it
// lies in the database's folder and is closed to others itself. Once its file is
// deleted or replaced, Accept fails with errSocketDeleted.
func (d Dependencies) openSocket(path string) (net.Listener, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("removing the socket of an earlier run: %w", err)
	}
	l, err := d.open("unix", path)
	if err != nil {
		return nil, fmt.Errorf("opening the socket for commands: %w", err)
	}
	file, err := protectSocket(path)
	if err != nil {
		l.Close()
		return nil, fmt.Errorf("protecting the socket for commands: %w", err)
	}
	s := &socket{Listener: l, path: path, file: file, closed: make(chan struct{})}
	go s.watch()
	return s, nil
}

// protectSocket closes the socket to other users and returns its file.
func protectSocket(path string) (fs.FileInfo, error) {
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, err
	}
	return os.Lstat(path)
}

// socket is the listener of the commands. Commands find it by its file, so that it
// is of no use without.
type socket struct {
	net.Listener
	path    string
	file    fs.FileInfo // when it was opened
	deleted atomic.Bool
	once    sync.Once
	closed  chan struct{}
}

// watch closes the listener once its file is gone.
func (s *socket) watch() {
	every := time.NewTicker(socketCheck)
	defer every.Stop()
	for {
		select {
		case <-s.closed:
			return
		case <-every.C:
		}
		file, err := os.Lstat(s.path)
		if errors.Is(err, fs.ErrNotExist) || err == nil && !os.SameFile(file, s.file) {
			s.deleted.Store(true)
			s.Close()
		}
	}
}

// Accept implements net.Listener.
func (s *socket) Accept() (net.Conn, error) {
	c, err := s.Listener.Accept()
	if err != nil && s.deleted.Load() {
		err = errSocketDeleted
	}
	return c, err
}

// Close implements net.Listener.
func (s *socket) Close() error {
	err := net.ErrClosed
	s.once.Do(func() {
		close(s.closed)
		err = s.Listener.Close()
	})
	return err
}
