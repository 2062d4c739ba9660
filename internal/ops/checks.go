package ops

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"frontdesk/internal/compliance"
	"frontdesk/internal/sqldb"
)

// stuckAfter is how long something with work before it may stand still. Long backlogs that shrink are fine.
const stuckAfter = time.Minute

// watch remembers where things that should move stood when they were last seen to move.
type watch struct {
	mu    sync.Mutex
	now   func() time.Time
	marks map[string]mark
}

type mark struct {
	pos   int64
	since time.Time
}

// stands is how long a thing has been at pos.
func (w *watch) stands(name string, pos int64) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	if m, ok := w.marks[name]; ok && m.pos == pos {
		return w.now().Sub(m.since)
	}
	w.marks[name] = mark{pos, w.now()}
	return 0
}

// gone forgets a thing that has nothing to do.
func (w *watch) gone(name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.marks, name)
}

func newWatch() *watch { return &watch{now: time.Now, marks: map[string]mark{}} }

// ConsumersMove is a check that no side stream of this program stands still with events before it.
func ConsumersMove(db *sqldb.DB) func(ctx context.Context) error {
	return consumersMove(db, newWatch())
}

func consumersMove(db *sqldb.DB, w *watch) func(ctx context.Context) error {
	return func(ctx context.Context) error {
		behind, err := db.Behind(ctx)
		if err != nil {
			return errors.New("cannot be read")
		}
		for name, c := range behind {
			if c.Lag == 0 {
				w.gone(name)
			} else if stood := w.stands(name, c.Pos); stood > stuckAfter {
				return fmt.Errorf("%s stands still for %s with %d events before it", name, stood.Round(time.Second), c.Lag)
			}
		}
		return nil
	}
}

// TimersFire is a check that the sweeper works off what is due.
func TimersFire(db *sqldb.DB) func(ctx context.Context) error { return timersFire(db, newWatch()) }

func timersFire(db *sqldb.DB, w *watch) func(ctx context.Context) error {
	return func(ctx context.Context) error {
		due, err := db.FirstTimer(ctx)
		if err != nil {
			return errors.New("cannot be read")
		}
		late := time.Duration(db.Now().UnixMicro()-due) * time.Microsecond
		if due == 0 || late < stuckAfter {
			w.gone("sweeper")
			return nil
		}
		if stood := w.stands("sweeper", due); stood > stuckAfter {
			return fmt.Errorf("what was due %s ago has not been done, for %s", late.Round(time.Second), stood.Round(time.Second))
		}
		return nil
	}
}

// diskLeast is the free space below which new messages are about to be refused.
const diskLeast = 32 << 20

// DiskHasRoom is a check that the data folder can still be written.
func DiskHasRoom(dir string) func(ctx context.Context) error { return diskHasRoom(dir, diskLeast) }

func diskHasRoom(dir string, least int64) func(ctx context.Context) error {
	return func(context.Context) error {
		free, err := freeSpace(dir)
		switch {
		case err != nil:
			return errors.New("the data folder cannot be read")
		case free < least:
			return fmt.Errorf("full: %d MB are free", free>>20)
		}
		return nil
	}
}

// MasterKeyKept is a check that the key the process works with is still where the next start will look for it. A key from
// the environment is not on the disk and always there.
func MasterKeyKept(dir, env string, key []byte) func(ctx context.Context) error {
	return func(ctx context.Context) error {
		if env != "" {
			return nil
		}
		kept, err := compliance.LoadMasterKey(ctx, nil, dir, "")
		switch {
		case err != nil:
			if _, e := os.Stat(filepath.Join(dir, compliance.MasterKeyFile)); errors.Is(e, os.ErrNotExist) {
				return errors.New("missing: the next start will be refused")
			}
			return errors.New("cannot be used: the next start will be refused")
		case !bytes.Equal(kept, key):
			return errors.New("is not the one this process started with")
		}
		return nil
	}
}

// Connected is a check of something without which the process only goes slower; see Health.AddSoft.
func Connected(connected func() bool) func(ctx context.Context) error {
	return func(context.Context) error {
		if !connected() {
			return errors.New("not connected: slower, nothing is lost")
		}
		return nil
	}
}
