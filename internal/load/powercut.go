package load

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
)

// A killed process loses nothing it has written, for the kernel has it. A power cut also loses what was written and not
// synced, in any selection. strace tells both apart: unsynced follows its log, lose damages the files accordingly.

// straceArgs makes strace write to file what unsynced reads.
func straceArgs(file string) []string {
	return []string{"-f", "-y", "-qq", "-s", "0", "--seccomp-bpf", "-e", "trace=pwrite64,fsync,fdatasync", "-e", "signal=none", "-o", file}
}

// extent is a written stretch of a file.
type extent struct{ off, n int64 }

// trail is what was written to one file and not yet synced, in order; first is the number of the oldest of them among all
// writes ever.
type trail struct {
	first  int
	writes []extent
}

// synced forgets the writes before number n.
func (t *trail) synced(n int) {
	if k := n - t.first; k > 0 {
		t.writes, t.first = t.writes[k:], n
	}
}

func (t *trail) next() int { return t.first + len(t.writes) }

// unsynced returns, by path, the writes of a strace -f -y log that no completed sync followed. A write still in the
// kernel counts as made; a sync covers only what was written before it began, and only once it has returned 0.
func unsynced(log io.Reader) (map[string][]extent, error) {
	type sync struct {
		file    *trail
		covered int
	}
	var (
		files   = map[string]*trail{}
		started = map[string]sync{} // by thread
	)
	lines := bufio.NewScanner(log)
	lines.Buffer(make([]byte, 64<<10), 1<<20)
	for lines.Scan() {
		thread, call, _ := strings.Cut(lines.Text(), " ")
		call = strings.TrimSpace(call)
		if strings.HasPrefix(call, "<... ") {
			if s, ok := started[thread]; ok && strings.HasSuffix(call, "= 0") {
				s.file.synced(s.covered)
			}
			delete(started, thread)
			continue
		}
		name, args, _ := strings.Cut(call, "(")
		path, ok := tracedPath(args)
		if !ok {
			continue
		}
		file := files[path]
		if file == nil {
			file = &trail{}
			files[path] = file
		}
		switch name {
		case "pwrite64":
			e, err := tracedWrite(args)
			if err != nil {
				return nil, fmt.Errorf("%w in %q", err, call)
			}
			file.writes = append(file.writes, e)
		case "fsync", "fdatasync":
			switch {
			case strings.HasSuffix(call, "<unfinished ...>"):
				started[thread] = sync{file, file.next()}
			case strings.HasSuffix(call, "= 0"):
				file.synced(file.next())
			}
		}
	}
	left := map[string][]extent{}
	for path, file := range files {
		if len(file.writes) > 0 {
			left[path] = file.writes
		}
	}
	return left, lines.Err()
}

// tracedPath returns the path of the first argument, which -y shows as 9</path>.
func tracedPath(args string) (string, bool) {
	_, rest, ok := strings.Cut(args, "</")
	if !ok {
		return "", false
	}
	path, _, ok := strings.Cut(rest, ">")
	return "/" + path, ok
}

// tracedWrite returns the extent of a pwrite64: its last two arguments.
func tracedWrite(args string) (extent, error) {
	args, _, _ = strings.Cut(args, ") =")
	args, _, _ = strings.Cut(args, " <") // unfinished, or detached when the traced process was killed
	parts := strings.Split(strings.TrimRight(args, ") "), ", ")
	if len(parts) < 4 {
		return extent{}, fmt.Errorf("%d arguments", len(parts))
	}
	n, err := strconv.ParseInt(parts[len(parts)-2], 10, 64)
	if err != nil {
		return extent{}, err
	}
	off, err := strconv.ParseInt(parts[len(parts)-1], 10, 64)
	return extent{off, n}, err
}

// lose damages the database and its write-ahead log: of the unsynced writes all are lost in half of the calls, each by the
// toss of a coin in the others. What is lost reads as zeros, or as the end of the file where nothing kept follows. The
// shared-memory index does not survive a restart of a machine and goes.
func lose(dirty map[string][]extent, database string, rng *rand.Rand) error {
	for _, path := range []string{database, database + "-wal"} {
		lost := slices.Clone(dirty[path])
		if rng.IntN(2) == 0 {
			lost = slices.DeleteFunc(lost, func(extent) bool { return rng.IntN(2) == 0 })
		}
		if len(lost) == 0 {
			continue
		}
		if err := erase(path, lost); err != nil {
			return fmt.Errorf("cut %s: %w", path, err)
		}
	}
	if err := os.Remove(database + "-shm"); err != nil && !os.IsNotExist(err) {
		return err
	}
	return nil
}

// erase zeroes the extents, then takes off the end of the file as far as it is lost.
func erase(path string, lost []extent) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	size := info.Size()
	slices.SortFunc(lost, func(a, b extent) int { return int((b.off + b.n) - (a.off + a.n)) }) // from the end
	end := size
	for _, e := range lost {
		n := min(e.n, size-e.off)
		if n <= 0 {
			continue
		}
		if _, err := f.WriteAt(make([]byte, n), e.off); err != nil {
			return err
		}
		if e.off+e.n >= end && e.off < end {
			end = e.off
		}
	}
	if end < size {
		if err := f.Truncate(end); err != nil {
			return err
		}
	}
	return f.Sync()
}
