package load

import (
	"os"
	"testing"
	"time"
)

func TestParseStat(t *testing.T) {
	const line = "42 (a (b) c) S 1 42 42 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 9 0 100 1000 200 18446744073709551615"
	got, err := parseStat([]byte(line))
	if err != nil || got != 3*time.Second {
		t.Errorf("got %v, %v", got, err)
	}
	if _, err := parseStat([]byte("42 (x) S 1")); err == nil {
		t.Error("a short line passed")
	}
	if _, err := CPU(os.Getpid()); err != nil {
		t.Error(err)
	}
	if rss, err := RSS(os.Getpid()); err != nil || rss < 1<<20 {
		t.Errorf("resident %d, %v", rss, err)
	}
}

func TestParseMachine(t *testing.T) {
	then := parseMachine([]byte("cpu  100 0 50 800 0 0 0 50 7 0\ncpu0 1 2 3\n"))
	now := parseMachine([]byte("cpu  150 0 60 830 0 0 0 60 9 0\n"))
	if got := now.stealSince(then); got != 10 {
		t.Errorf("steal %v %%, want 10", got)
	}
}
