package ops

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"frontdesk/internal/compliance"
	"frontdesk/internal/config"
	"frontdesk/internal/sqldb"

	"golang.org/x/sys/unix"
)

// The states of a finding.
const (
	FindingOK   = "ok"
	FindingWarn = "warn" // works, but somebody should look
	FindingBad  = "bad"  // does not work, or will not be safe
)

// Finding is what the doctor says about one thing.
type Finding struct {
	Check  string `json:"check"`
	State  string `json:"state"`
	Detail string `json:"detail"`
	Hint   string `json:"hint,omitempty"` // what to do, when something is to be done
}

// Diagnosis is what the doctor prints.
type Diagnosis struct {
	Data     string    `json:"data"`
	Healthy  bool      `json:"healthy"` // nothing is bad
	Findings []Finding `json:"findings"`
}

// Text is a line a finding, its hint under it.
func (d Diagnosis) Text() string {
	var b strings.Builder
	for _, f := range d.Findings {
		fmt.Fprintf(&b, "%-4s  %-10s %s\n", f.State, f.Check, f.Detail)
		if f.Hint != "" {
			fmt.Fprintf(&b, "                 → %s\n", f.Hint)
		}
	}
	if d.Healthy {
		b.WriteString("Nothing is wrong.\n")
	} else {
		b.WriteString("Something is wrong: see the lines that begin with bad.\n")
	}
	return b.String()
}

// Doctor looks at the installation of c, served or not, and changes nothing but a file it writes and removes to measure
// the disk. full reads every page of the database instead of a sample of its structure.
func Doctor(ctx context.Context, c *config.Config, version string, full bool) Diagnosis {
	x := examination{c: c, dir: c.Data, full: full, least: 64 << 20}
	d := Diagnosis{Data: c.Data, Healthy: true}
	add := func(check string, f Finding) {
		f.Check = check
		d.Findings = append(d.Findings, f)
		d.Healthy = d.Healthy && f.State != FindingBad
	}
	add("version", ok("frontdesk %s, %s, %s/%s", version, runtime.Version(), runtime.GOOS, runtime.GOARCH))
	folder := x.folder()
	add("folder", folder)
	add("server", x.server(ctx))
	if folder.State != FindingBad {
		add("space", x.space())
		add("disk", x.disk())
	}
	if c.Database.URL == "" {
		add("database", x.sqlite(ctx))
	} else {
		add("database", x.postgres(ctx))
	}
	add("key", x.key(ctx))
	add("clock", x.clock())
	add("files", x.openFiles())
	return d
}

// examination carries from one check to the next what later ones need.
type examination struct {
	c     *config.Config
	dir   string
	full  bool
	least int64 // bytes that must be free

	newest int64 // time of the newest event, microseconds; 0 = none known
}

func ok(format string, args ...any) Finding {
	return Finding{State: FindingOK, Detail: fmt.Sprintf(format, args...)}
}

func warn(detail, hint string) Finding {
	return Finding{State: FindingWarn, Detail: detail, Hint: hint}
}

func bad(detail, hint string) Finding { return Finding{State: FindingBad, Detail: detail, Hint: hint} }

func (x *examination) folder() Finding {
	info, err := os.Stat(x.dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return bad("there is no folder "+x.dir, "name the right one with --data, or start frontdesk serve once, which makes it")
	case err != nil:
		return bad(err.Error(), "run this as the user that runs the server")
	case !info.IsDir():
		return bad(x.dir+" is not a folder", "name the right one with --data")
	}
	probe := filepath.Join(x.dir, fmt.Sprintf(".doctor-%d", os.Getpid()))
	if err := os.WriteFile(probe, nil, 0o600); err != nil {
		return bad("cannot write in it: "+err.Error(), "give the folder to the user that runs the server: chown -R USER "+x.dir)
	}
	if err := os.Remove(probe); err != nil {
		return bad("cannot remove a file in it: "+err.Error(), "check the folder's rights and mount options")
	}
	if info.Mode().Perm()&0o077 != 0 {
		return warn(fmt.Sprintf("other users of this machine can look into it (mode %o)", info.Mode().Perm()), "chmod 700 "+x.dir)
	}
	return ok("%s can be read and written by this user alone", x.dir)
}

func (x *examination) server(ctx context.Context) Finding {
	if !isHeld(x.dir) {
		return ok("no server holds the folder")
	}
	var state readiness
	err := Call(ctx, x.dir, "health", struct{}{}, nil, &state, nil)
	if errors.Is(err, errStarting) {
		return warn("a server holds the folder and is still starting", "ask again in a moment; if it stays so, look at its log")
	}
	if err != nil {
		return bad("a server holds the folder and does not answer on admin.sock", "look at its log; if it hangs, stop it with SIGTERM, then SIGKILL: nothing acknowledged is lost")
	}
	var words []string
	for name, word := range state.Checks {
		words = append(words, name+" "+word)
	}
	slices.Sort(words)
	said := strings.Join(words, ", ")
	switch {
	case !state.Ready:
		return bad("a server holds the folder and is not ready: "+said, "the other findings here may say why")
	case state.Degraded:
		return warn("a server holds the folder and is ready, but not at its best: "+said, "nothing is lost meanwhile; what is named degraded comes back by itself or says in the log why not")
	}
	return ok("a server holds the folder and is ready: %s", said)
}

func (x *examination) space() Finding {
	free, err := freeSpace(x.dir)
	if err != nil {
		return bad("cannot read the free space: "+err.Error(), "check the mount")
	}
	detail := fmt.Sprintf("%.1f GB free", float64(free)/(1<<30))
	switch {
	case free < x.least:
		return bad(detail+": new messages are refused as soon as it is used up", "make room or move the data folder")
	case free < 1<<30:
		return warn(detail, "make room: a backup and the write-ahead log need space of their own")
	}
	return ok("%s", detail)
}

// freeSpace is what this user can still write on the disk of dir.
func freeSpace(dir string) (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, err
	}
	return int64(st.Bavail) * int64(st.Bsize), nil //nolint:unconvert // Bsize has another type on other systems
}

// disk measures what every acknowledgement waits for: a small write and its fsync.
func (x *examination) disk() Finding {
	f, err := os.CreateTemp(x.dir, ".doctor-")
	if err != nil {
		return bad("cannot write: "+err.Error(), "check the folder's rights")
	}
	defer os.Remove(f.Name())
	defer f.Close()
	block := make([]byte, 4096)
	rand.Read(block)
	times := make([]time.Duration, 20)
	for i := range times {
		start := time.Now()
		if _, err := f.Write(block); err != nil {
			return bad("cannot write: "+err.Error(), "check the disk")
		}
		if err := f.Sync(); err != nil {
			return bad("cannot sync: "+err.Error(), "check the disk: without fsync nothing can be acknowledged")
		}
		times[i] = time.Since(start)
	}
	slices.Sort(times)
	median := times[len(times)/2]
	detail := fmt.Sprintf("4 kB reach the disk in %.1f ms (median), %.1f ms (worst of %d)", median.Seconds()*1e3, times[len(times)-1].Seconds()*1e3, len(times))
	if median > 30*time.Millisecond {
		return warn(detail, "every acknowledgement waits for this: use a local SSD, not a network share")
	}
	return ok("%s", detail)
}

func (x *examination) sqlite(ctx context.Context) Finding {
	path := filepath.Join(x.dir, sqldb.FileName)
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return warn("there is no database yet", "the first start of frontdesk serve makes it")
	}
	if err != nil {
		return bad(err.Error(), "run this as the user that runs the server")
	}
	pragma := "quick_check"
	if x.full {
		pragma = "integrity_check"
	}
	if _, err := checkSQLite(ctx, path, pragma); err != nil {
		return bad("the database is damaged: "+err.Error(), "stop the server, keep a copy of the folder, and restore the last backup into an empty folder")
	}
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?mode=ro&_pragma=busy_timeout(10000)")
	if err == nil {
		defer db.Close()
		err = db.QueryRowContext(ctx, "SELECT coalesce(max(at), 0) FROM (SELECT at FROM event ORDER BY pos DESC LIMIT 1) AS e").Scan(&x.newest)
	}
	if err != nil {
		return bad("the database cannot be read: "+err.Error(), "was it made by this program?")
	}
	if info.Mode().Perm()&0o077 != 0 {
		return warn("other users can read the database", "chmod 600 "+path)
	}
	return ok("SQLite, %.1f MB, sound (%s)", float64(info.Size())/(1<<20), pragma)
}

func (x *examination) postgres(ctx context.Context) Finding {
	db, err := sql.Open("pgx", string(x.c.Database.URL))
	if err != nil {
		return bad("database.url is not a PostgreSQL address", "it looks like postgres://USER@HOST:5432/DATABASE")
	}
	defer db.Close()
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	var version, standby string
	var clock time.Time
	start := time.Now()
	err = db.QueryRowContext(ctx, "SELECT current_setting('server_version'), pg_is_in_recovery()::text, clock_timestamp()").Scan(&version, &standby, &clock)
	if err != nil {
		// The driver's words hold the user and the host, never the password.
		return bad("PostgreSQL cannot be reached: "+err.Error(), "is it running, and do address, user and password fit? The server waits for it and is not ready until then")
	}
	took := time.Since(start)
	if standby == "true" {
		return bad("PostgreSQL "+version+" is a standby and cannot be written", "name the primary, or several hosts with target_session_attrs=read-write")
	}
	if skew := time.Since(clock); skew.Abs() > 2*time.Second {
		return warn(fmt.Sprintf("PostgreSQL %s, but its clock and this machine's differ by %s", version, skew.Round(time.Millisecond)), "let both keep time with NTP")
	}
	return ok("PostgreSQL %s answers in %.1f ms", version, took.Seconds()*1e3)
}

// key opens the vault the way a start does, but makes nothing.
func (x *examination) key(ctx context.Context) Finding {
	path := filepath.Join(x.dir, compliance.MasterKeyFile)
	if _, err := os.Stat(path); err != nil && x.c.MasterKey == "" {
		if _, err := os.Stat(filepath.Join(x.dir, sqldb.FileName)); err != nil && x.c.Database.URL == "" {
			return ok("none yet; the first start makes one")
		}
		return bad("the master key is missing: "+path+" is not there and "+compliance.MasterKeyEnv+" is not set", "put it back; without it the server does not start and sealed data stays closed")
	}
	key, err := compliance.LoadMasterKey(ctx, nil, x.dir, string(x.c.MasterKey))
	if err != nil {
		return bad(err.Error(), "the key is 32 bytes in base64, readable by its owner alone")
	}
	f := ok("there, check value %s", keyCheck(key))
	if x.c.MasterKey == "" {
		f.Detail = "in the data folder, check value " + keyCheck(key)
		f.Hint = "keep a copy in another place: backups do not hold it unless made with --with-key"
	}
	return f
}

func (x *examination) clock() Finding {
	now := time.Now()
	if now.Year() < 2024 {
		return bad("the clock says "+now.UTC().Format(time.RFC3339), "set it: let the machine keep time with NTP")
	}
	if ahead := time.UnixMicro(x.newest).Sub(now); x.newest > 0 && ahead > time.Minute {
		return bad("the clock is "+ahead.Round(time.Second).String()+" behind the newest event", "set it: let the machine keep time with NTP")
	}
	zone, _ := now.Zone()
	return ok("%s %s", now.Format(time.DateTime), zone)
}

func (x *examination) openFiles() Finding {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return warn("the limit of open files cannot be read: "+err.Error(), "")
	}
	if need := uint64(x.c.Limits.Sockets) + 500; limit.Max < need {
		return warn(fmt.Sprintf("this user may open %d files; limits.sockets of %d needs %d", limit.Max, x.c.Limits.Sockets, need),
			"raise it (LimitNOFILE= in a systemd unit) or lower limits.sockets")
	}
	return ok("this user may open %d files", limit.Max)
}
