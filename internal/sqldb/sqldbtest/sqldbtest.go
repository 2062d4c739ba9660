// Package sqldbtest gives tests real databases: SQLite always, PostgreSQL where its binaries exist. With
// FRONTDESK_REQUIRE_POSTGRES=1 a missing PostgreSQL fails the test instead of leaving it out.
package sqldbtest

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"frontdesk"
	"frontdesk/internal/sqldb"

	_ "github.com/jackc/pgx/v5/stdlib" // the "pgx" driver
)

// Each runs fn on a fresh SQLite database and on a fresh PostgreSQL database.
func Each(t *testing.T, fn func(t *testing.T, db *sqldb.DB)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { fn(t, SQLite(t)) })
	t.Run("postgres", func(t *testing.T) { fn(t, Postgres(t)) })
}

// SQLite opens a fresh SQLite database that goes with the test.
func SQLite(t testing.TB) *sqldb.DB {
	t.Helper()
	return open(t, sqldb.Options{Dir: t.TempDir()})
}

// Postgres opens a fresh PostgreSQL database that goes with the test.
func Postgres(t testing.TB) *sqldb.DB {
	t.Helper()
	return open(t, sqldb.Options{URL: PostgresURL(t)})
}

func open(t testing.TB, o sqldb.Options) *sqldb.DB {
	t.Helper()
	db, err := sqldb.Open(t.Context(), o)
	if err != nil {
		t.Fatalf("open database: %v", err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("close database: %v", err)
		}
	})
	return db
}

var cluster struct {
	sync.Mutex
	started bool
	dir     string
	err     error
	n       int
}

// PostgresURL is the address of a fresh database in a throw-away cluster that the test binary shares. Call Stop from
// TestMain to end the cluster; without it, it ends with the process group that ran the test.
func PostgresURL(t testing.TB) string {
	t.Helper()
	cluster.Lock()
	defer cluster.Unlock()
	if !cluster.started {
		cluster.started = true
		cluster.dir, cluster.err = startCluster()
	}
	if cluster.err != nil {
		if os.Getenv("FRONTDESK_REQUIRE_POSTGRES") != "" {
			t.Fatalf("PostgreSQL is required: %v", cluster.err)
		}
		t.Skipf("no PostgreSQL here: %v", cluster.err)
	}
	cluster.n++
	name := fmt.Sprintf("t%d_%d", os.Getpid(), cluster.n)
	admin, err := sql.Open("pgx", clusterURL("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	if _, err := admin.ExecContext(t.Context(), "CREATE DATABASE "+name); err != nil {
		t.Fatalf("create database: %v", err)
	}
	return clusterURL(name)
}

func clusterURL(name string) string {
	return "postgres:///" + name + "?" + url.Values{"host": {cluster.dir}, "user": {"postgres"}}.Encode()
}

// startCluster makes and starts a cluster that listens on a socket in its own folder only.
func startCluster() (string, error) {
	bin, err := binaries()
	if err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp("", "fdpg")
	if err != nil {
		return "", err
	}
	attr := &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if os.Geteuid() == 0 { // PostgreSQL refuses to run as root
		u, err := user.Lookup("postgres")
		if err != nil {
			return "", err
		}
		uid, _ := strconv.Atoi(u.Uid)
		gid, _ := strconv.Atoi(u.Gid)
		if err := os.Chown(dir, uid, gid); err != nil {
			return "", err
		}
		attr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	}
	data := filepath.Join(dir, "data")
	init := exec.Command(filepath.Join(bin, "initdb"), "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync", "--locale=C")
	init.SysProcAttr, init.Dir = attr, dir
	if out, err := init.CombinedOutput(); err != nil {
		return "", fmt.Errorf("initdb: %w: %s", err, out)
	}
	server := exec.Command(filepath.Join(bin, "postgres"), "-D", data, "-k", dir, "-c", "listen_addresses=", "-c", "max_connections=200",
		"-c", "fsync=off", "-c", "full_page_writes=off") // no test pulls the plug
	server.SysProcAttr, server.Dir = attr, dir
	ready := make(chan error, 1)
	go func() {
		// Pdeathsig is tied to the thread that starts the child, so that thread must stay.
		runtime.LockOSThread()
		ready <- server.Start()
		select {}
	}()
	if err := <-ready; err != nil {
		return "", err
	}
	stopCluster = func() {
		server.Process.Signal(syscall.SIGQUIT)
		server.Wait()
		os.RemoveAll(dir)
	}
	cluster.dir = dir
	for range 200 {
		if db, err := sql.Open("pgx", clusterURL("postgres")); err == nil {
			err = db.PingContext(context.Background())
			db.Close()
			if err == nil {
				return dir, nil
			}
		}
		time.Sleep(25 * time.Millisecond)
	}
	return "", frontdesk.Errorf(frontdesk.Unavailable, "postgres did not start")
}

var stopCluster func()

// Stop ends the cluster if one was started. Call it at the end of TestMain.
func Stop() {
	cluster.Lock()
	defer cluster.Unlock()
	if stopCluster != nil {
		stopCluster()
		stopCluster = nil
	}
}

func binaries() (string, error) {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if len(found) > 0 {
		return filepath.Dir(found[len(found)-1]), nil
	}
	p, err := exec.LookPath("initdb")
	if err != nil {
		return "", err
	}
	return filepath.Dir(p), nil
}
