package web

import (
	"bytes"
	"maps"
	"os"
	"runtime/metrics"
	"slices"
	"strconv"
	"strings"

	"roomgate/driver"
)

// exposition is a text in Prometheus' format, version 0.0.4
// (prometheus.io/docs/instrumenting/exposition_formats).
type exposition struct {
	bytes.Buffer
	name string // of the family that is being written
}

// family begins a family of samples.
func (e *exposition) family(name, kind, help string) {
	e.name = name
	e.WriteString("# HELP " + name + " " + help + "\n# TYPE " + name + " " + kind + "\n")
}

var labelEscapes = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)

// sample writes one sample of the family; labels are names and values in turn.
func (e *exposition) sample(value float64, labels ...string) {
	e.WriteString(e.name)
	var pairs []string
	for pair := range slices.Chunk(labels, 2) {
		pairs = append(pairs, pair[0]+`="`+labelEscapes.Replace(pair[1])+`"`)
	}
	if len(pairs) > 0 {
		e.WriteString("{" + strings.Join(pairs, ",") + "}")
	}
	e.WriteString(" " + strconv.FormatFloat(value, 'g', -1, 64) + "\n")
}

// parts writes the health of the gateway's parts.
func (e *exposition) parts(parts map[string]part) {
	e.family("roomgate_part_healthy", "gauge", "1 while the part of the gateway is working.")
	for _, name := range slices.Sorted(maps.Keys(parts)) {
		healthy := 0.0
		if parts[name].OK {
			healthy = 1
		}
		e.sample(healthy, "part", name)
	}
}

// process writes what the program uses of the machine, under the names that
// Prometheus' own libraries use. Where /proc is missing, so are its figures.
func (e *exposition) process(started driver.Value) {
	figures := []metrics.Sample{{Name: "/sched/goroutines:goroutines"}, {Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(figures)
	e.family("go_goroutines", "gauge", "Goroutines that exist.")
	e.sample(float64(figures[0].Value.Uint64()))
	e.family("go_memstats_heap_alloc_bytes", "gauge", "Bytes of heap objects.")
	e.sample(float64(figures[1].Value.Uint64()))
	if !started.Nothing() {
		e.family("process_start_time_seconds", "gauge", "Start of the program, in epoch seconds.")
		e.sample(number(started))
	}
	if pages, ok := procField("/proc/self/statm", 1); ok {
		e.family("process_resident_memory_bytes", "gauge", "Resident memory.")
		e.sample(pages * float64(os.Getpagesize()))
	}
	user, okUser := procField("/proc/self/stat", 13)
	system, okSystem := procField("/proc/self/stat", 14)
	if okUser && okSystem {
		e.family("process_cpu_seconds_total", "counter", "User and system time used.")
		e.sample((user + system) / procTicks)
	}
	if fds, err := os.ReadDir("/proc/self/fd"); err == nil {
		e.family("process_open_fds", "gauge", "Open file descriptors.")
		e.sample(float64(len(fds)))
	}
}

// procTicks is the unit of times in /proc, a fixed part of Linux' interface to
// programs: 100 a second.
const procTicks = 100

// procField reads a number from a file of /proc, by its place in the line
// (man 5 proc).
func procField(path string, index int) (float64, bool) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, false
	}
	fields := strings.Fields(string(text))
	if index >= len(fields) {
		return 0, false
	}
	n, err := strconv.ParseFloat(fields[index], 64)
	return n, err == nil
}
