package gateway

import (
	"testing"
	"testing/fstest"
)

// The lowest limit of the group and its parents counts, wherever it is shown.
func TestMemoryLimit(t *testing.T) {
	for _, tt := range []struct {
		name  string
		files map[string]string
		want  int64 // 0: none
	}{
		{"a service of systemd", map[string]string{
			"proc/self/cgroup": "0::/system.slice/roomgate.service\n",
			"sys/fs/cgroup/system.slice/roomgate.service/memory.max": "134217728\n",
			"sys/fs/cgroup/system.slice/memory.max":                  "max\n"}, 134217728},
		{"MemoryHigh is lower", map[string]string{
			"proc/self/cgroup": "0::/system.slice/roomgate.service\n",
			"sys/fs/cgroup/system.slice/roomgate.service/memory.max":  "134217728\n",
			"sys/fs/cgroup/system.slice/roomgate.service/memory.high": "100000000\n"}, 100000000},
		{"the slice has a lower limit", map[string]string{
			"proc/self/cgroup": "0::/system.slice/roomgate.service\n",
			"sys/fs/cgroup/system.slice/roomgate.service/memory.max": "134217728\n",
			"sys/fs/cgroup/system.slice/memory.max":                  "67108864\n"}, 67108864},
		{"a container with its own view", map[string]string{
			"proc/self/cgroup":         "0::/\n",
			"sys/fs/cgroup/memory.max": "268435456\n"}, 268435456},
		{"a container that sees the path outside", map[string]string{
			"proc/self/cgroup":         "0::/docker/7f1c9a3e\n",
			"sys/fs/cgroup/memory.max": "268435456\n"}, 268435456},
		{"a group beside that of this process", map[string]string{
			"proc/self/cgroup":         "0::/../other\n",
			"sys/fs/cgroup/memory.max": "268435456\n"}, 268435456},
		{"version 1", map[string]string{
			"proc/self/cgroup": "9:name=systemd:/\n4:memory:/docker/7f\n1:cpu:/\n0::/\n",
			"sys/fs/cgroup/memory/docker/7f/memory.limit_in_bytes": "134217728\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes":           "9223372036854771712\n"}, 134217728},
		{"version 1 without a limit", map[string]string{
			"proc/self/cgroup":                           "4:memory:/\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n"}, 0},
		{"no limit", map[string]string{
			"proc/self/cgroup":         "0::/\n",
			"sys/fs/cgroup/memory.max": "max\n"}, 0},
		{"no control groups", nil, 0},
		{"something else", map[string]string{"proc/self/cgroup": "4:memory\n\n"}, 0},
	} {
		root := fstest.MapFS{}
		for name, text := range tt.files {
			root[name] = &fstest.MapFile{Data: []byte(text)}
		}
		if got, ok := memoryLimit(root); ok != (tt.want != 0) || ok && got != tt.want {
			t.Errorf("%s: %d %t, want %d", tt.name, got, ok, tt.want)
		}
	}
}
