// Package ops is what an operator has in hand: the folder's lock, health and metrics of a running server, its admin
// socket, backup and restore, and the doctor.
//
// One serving process holds a data folder, proved by an advisory lock on DIR/lock that the kernel drops when the process
// ends, however it ends. A command on a folder that is held asks the holder over DIR/admin.sock; on a folder that is free
// it takes the lock itself and works on the files. Nothing here may run on two processes of one folder at a time.
package ops

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// HeldError says that another process serves the folder.
type HeldError struct {
	Dir string
	PID int // 0 when the holder did not say
}

func (e *HeldError) Error() string {
	if e.PID == 0 {
		return fmt.Sprintf("the data folder %s is in use by another frontdesk", e.Dir)
	}
	return fmt.Sprintf("the data folder %s is in use by another frontdesk (process %d)", e.Dir, e.PID)
}

// FolderLock is the right to work on a data folder.
type FolderLock struct{ file *os.File }

// LockFolder takes the folder's lock, making the folder if it is not there. It does not wait: a folder in use is a
// *HeldError at once.
func LockFolder(dir string) (*FolderLock, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make data folder: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the folder's lock: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		defer f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, &HeldError{Dir: dir, PID: readPID(f.Name())}
		}
		return nil, fmt.Errorf("lock the data folder: %w", err)
	}
	// For people and for HeldError only: the lock is the kernel's, not the file's text.
	if err := errors.Join(f.Truncate(0), writeAt(f, strconv.Itoa(os.Getpid())+"\n")); err != nil {
		f.Close()
		return nil, fmt.Errorf("write the folder's lock: %w", err)
	}
	return &FolderLock{f}, nil
}

// Release gives the folder back. The file stays: removing it would let two processes lock two different files.
func (l *FolderLock) Release() {
	l.file.Close() // the kernel drops the lock with the descriptor, whatever Close says
}

// isHeld reports whether some process serves the folder, without taking the lock or making anything.
func isHeld(dir string) bool {
	f, err := os.Open(filepath.Join(dir, "lock"))
	if err != nil {
		return false
	}
	defer f.Close()
	return errors.Is(unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB), unix.EWOULDBLOCK)
}

func writeAt(f *os.File, text string) error {
	_, err := f.WriteAt([]byte(text), 0)
	return err
}

func readPID(path string) int {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0
	}
	return pid
}
