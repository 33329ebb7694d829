package gateway

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"roomgate/bridge"
	"roomgate/driver"
)

// A command socket whose file is deleted or replaced while the gateway runs is
// opened again, within ten seconds, and the log has a line about it.
func TestDeletedSocketIsOpenedAgain(t *testing.T) {
	for name, remove := range map[string]func(path string) error{
		"deleted": os.Remove,
		"replaced": func(path string) error {
			return errors.Join(os.Rename(path, path+".old"), os.WriteFile(path, nil, 0o644))
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				path := filepath.Join(t.TempDir(), "control.sock")
				var log bytes.Buffer
				var opened atomic.Int32
				g := &Gateway{board: bridge.New(), d: Dependencies{Clock: driver.WallClock{}, Log: slog.New(slog.NewTextHandler(&log, nil)),
					Listen: func(network, address string) (net.Listener, error) {
						opened.Add(1)
						return listenNowhere(network, address)
					}}}
				ctx, cancel := context.WithCancel(t.Context())
				listening := start(ctx, func(ctx context.Context) {
					g.listen(ctx, "control", func() (net.Listener, error) { return g.d.openSocket(path) }, http.NotFoundHandler())
				})
				time.Sleep(time.Hour)
				synctest.Wait()
				if n := opened.Load(); n != 1 {
					t.Fatalf("the socket was opened %d times in a quiet hour, want once", n)
				}
				if err := remove(path); err != nil {
					t.Fatal(err)
				}
				time.Sleep(11 * time.Second)
				synctest.Wait()
				info, err := os.Lstat(path)
				if err != nil || info.Mode().Perm() != 0o600 || opened.Load() != 2 {
					t.Errorf("opened %d times, want twice; the file: %v, %v", opened.Load(), info, err)
				}
				if h := g.board.Health()["control"]; !h.OK {
					t.Errorf("the health is %+v, want good", h)
				}
				if n := strings.Count(log.String(), "the socket for commands was deleted while the gateway runs"); n != 1 {
					t.Errorf("the log has %d lines about it, want 1:\n%s", n, log.String())
				}
				cancel()
				listening.stop()
			})
		})
	}
}

// A folder that is gone cannot hold a socket. This is logged once for a reason, and
// tried again until it can.
func TestSocketThatCannotBeOpenedIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		folder := filepath.Join(t.TempDir(), "state")
		var log bytes.Buffer
		g := &Gateway{board: bridge.New(), d: Dependencies{Clock: driver.WallClock{}, Log: slog.New(slog.NewTextHandler(&log, nil)), Listen: listenNowhere}}
		ctx, cancel := context.WithCancel(t.Context())
		listening := start(ctx, func(ctx context.Context) {
			g.listen(ctx, "control", func() (net.Listener, error) { return g.d.openSocket(filepath.Join(folder, "control.sock")) }, http.NotFoundHandler())
		})
		time.Sleep(time.Hour)
		synctest.Wait()
		if h := g.board.Health()["control"]; h.OK || !strings.Contains(h.Words, "no such file or directory") {
			t.Errorf("the health is %+v", h)
		}
		if n := strings.Count(log.String(), "\n"); n != 1 {
			t.Errorf("an hour cost %d lines of the log, want 1:\n%s", n, log.String())
		}
		if err := os.Mkdir(folder, 0o700); err != nil {
			t.Fatal(err)
		}
		time.Sleep(31 * time.Second)
		synctest.Wait()
		if h := g.board.Health()["control"]; !h.OK {
			t.Errorf("the health is %+v, want good", h)
		}
		cancel()
		listening.stop()
	})
}
