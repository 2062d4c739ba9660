package load

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of processor times under /proc on every Linux that Go runs on.
const tick = 10 * time.Millisecond

// CPU returns the processor time, of user and system together, that a process has used.
func CPU(pid int) (time.Duration, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	return parseStat(b)
}

func parseStat(b []byte) (time.Duration, error) {
	// The second field is the name in brackets and may hold spaces and brackets.
	f := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
	if len(f) < 13 {
		return 0, fmt.Errorf("process stat has %d fields", len(f))
	}
	user, err := strconv.ParseInt(f[11], 10, 64)
	if err != nil {
		return 0, fmt.Errorf("process stat: %w", err)
	}
	system, err := strconv.ParseInt(f[12], 10, 64)
	if err != nil {
		return 0, fmt.Errorf("process stat: %w", err)
	}
	return time.Duration(user+system) * tick, nil
}

// RSS returns the resident memory of a process in bytes.
func RSS(pid int) (int64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0, err
	}
	f := strings.Fields(string(b))
	if len(f) < 2 {
		return 0, fmt.Errorf("process statm has %d fields", len(f))
	}
	pages, err := strconv.ParseInt(f[1], 10, 64)
	return pages * int64(os.Getpagesize()), err
}

// machine is the processor time of the whole machine in ticks.
type machine struct{ total, steal int64 }

func readMachine() machine {
	b, err := os.ReadFile("/proc/stat")
	if err != nil {
		return machine{}
	}
	return parseMachine(b)
}

func parseMachine(b []byte) machine {
	line, _, _ := strings.Cut(string(b), "\n")
	var m machine
	for i, f := range strings.Fields(line) {
		if i == 0 || i > 8 { // guest time is counted in user time already
			continue
		}
		n, _ := strconv.ParseInt(f, 10, 64)
		m.total += n
		if i == 8 {
			m.steal = n
		}
	}
	return m
}

// stealSince returns the share of processor time, in percent, that the host gave to others since then.
func (m machine) stealSince(then machine) float64 {
	if m.total <= then.total {
		return 0
	}
	return 100 * float64(m.steal-then.steal) / float64(m.total-then.total)
}
