package gateway

import (
	"io/fs"
	"log/slog"
	"math"
	"os"
	"path"
	"runtime/debug"
	"strconv"
	"strings"
)

// LimitMemory makes Go's garbage collector keep the program within the memory that its
// control group may use, which systemd (MemoryMax) or a container sets: without that
// the kernel ends the program although most of its memory is garbage. GOMEMLIMIT in the
// environment wins. Without a limit it does nothing.
func LimitMemory(log *slog.Logger) {
	if os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	limit, ok := memoryLimit(os.DirFS("/"))
	if !ok {
		return
	}
	target := limit / 4 * 3 // the rest is for what Go does not count: the program, the mapped database, its check
	debug.SetMemoryLimit(target)
	log.Info("memory is limited by the control group", "limit_mb", limit>>20, "target_mb", target>>20)
}

// memoryLimit returns the lowest memory limit, in bytes, of the control groups of this
// process, of version 1 or 2 (cgroups(7)). In a container the path of the group may be
// one that is visible only outside; then the limit is in one of its parents.
func memoryLimit(root fs.FS) (bytes int64, ok bool) {
	groups, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return 0, false
	}
	bytes = math.MaxInt64
	for line := range strings.Lines(string(groups)) {
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(fields) != 3 {
			continue
		}
		mount, files := "sys/fs/cgroup", []string{"memory.max", "memory.high"}
		if fields[1] == "memory" {
			mount, files = "sys/fs/cgroup/memory", []string{"memory.limit_in_bytes"}
		} else if fields[1] != "" {
			continue
		}
		for group := path.Clean("/" + fields[2]); ; group = path.Dir(group) {
			for _, file := range files {
				bytes = min(bytes, readLimit(root, path.Join(mount, group, file)))
			}
			if group == "/" {
				break
			}
		}
	}
	return bytes, bytes < unlimited
}

// unlimited is less than what version 1 shows for a group without a limit, and more than
// any machine has.
const unlimited = 1 << 60

// readLimit reads a limit; math.MaxInt64: there is none.
func readLimit(root fs.FS, file string) int64 {
	text, err := fs.ReadFile(root, file)
	if err != nil {
		return math.MaxInt64
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	if err != nil { // "max"
		return math.MaxInt64
	}
	return n
}
