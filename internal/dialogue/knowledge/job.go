package knowledge

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"frontdesk"
	"frontdesk/internal/sqldb"
)

// An import as a job: the file is kept in pieces until the job is done, so that the job outlives the process. A job that
// was cut off begins again with the file. That is safe, for its release is published in the transaction that also says
// that the job is done: it is never done twice, and never half.

// Job is an import that was asked for.
type Job struct {
	ID, Bot, Name string
	Status        string // waiting, running, done, failed, undone
	DryRun        bool
	Total, Done   int64 // rows; Total is 0 until the file was read
	Report
	Error     string
	Actor     string // kind:id
	CreatedAt int64
	DoneAt    int64
	UndoneAt  int64
}

// JobOptions say what to import.
type JobOptions struct {
	Bot, Name, Zone string // Zone is the IANA name of the zone of dates without one; empty is UTC
	Format          Format
	Mapping         Mapping
	DryRun          bool
	File            []byte
}

const (
	pieceBytes = 256 << 10
	jobLease   = 10 * time.Second
	jobBeat    = 300 * time.Millisecond // how often progress is written
	jobPoll    = time.Second
	maxName    = 200
	// A file that takes its process with it each time would keep a service from ever starting again.
	maxTries = 10
)

// StartImport keeps a file and the wish to import it. Jobs are done one after another, by RunImports.
func (s *Store) StartImport(ctx context.Context, tenant string, o JobOptions) (Job, error) {
	if o.Bot == "" {
		o.Bot = DefaultBot
	}
	if _, err := time.LoadLocation(o.Zone); err != nil || o.Zone == "Local" {
		return Job{}, frontdesk.InvalidField("zone", "a zone is an IANA name such as Asia/Shanghai")
	}
	if err := o.Mapping.check(); err != nil {
		return Job{}, err
	}
	switch {
	case len(o.File) == 0:
		return Job{}, fileError("is empty")
	case len(o.File) > MaxFileBytes:
		return Job{}, fileError("is larger than %d MB", MaxFileBytes>>20)
	}
	if o.Format == "" {
		o.Format = FormatOf(o.Name)
	}
	if o.Mapping == nil {
		o.Mapping = Mapping{}
	}
	mapping, err := json.Marshal(o.Mapping)
	if err != nil {
		return Job{}, err
	}
	name, _ := cleanText(clip(strings.ToValidUTF8(o.Name, ""), maxName), maxName+1, false)
	id := frontdesk.NewID()
	pieces := (len(o.File) + pieceBytes - 1) / pieceBytes
	for i := range pieces {
		piece := o.File[i*pieceBytes : min(len(o.File), (i+1)*pieceBytes)]
		err := s.db.Write(ctx, func(tx *sqldb.Tx) error {
			_, err := tx.Exec("INSERT INTO knowledge_import_piece (tenant, import, number, bytes, created_at) VALUES ($1, $2, $3, $4, $5)", tenant, id, int64(i), piece, tx.Now())
			if err != nil || i < pieces-1 {
				return err
			}
			_, err = tx.Exec(`INSERT INTO knowledge_import (tenant, id, bot, name, format, mapping, zone, dry_run, status, actor, created_at)
				VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'waiting', $9, $10)`,
				tenant, id, o.Bot, name, string(o.Format), string(mapping), o.Zone, bit(o.DryRun), actor(ctx), tx.Now())
			return err
		})
		if err != nil {
			return Job{}, fmt.Errorf("keep the file of an import: %w", err)
		}
	}
	select {
	case s.jobs <- struct{}{}:
	default:
	}
	return s.Job(ctx, tenant, id)
}

const jobColumns = `id, bot, name, status, dry_run, total, done, rows_read, added, changed, skipped, failed, problems, error, release, actor, created_at, done_at, undone_at`

func scanJob(scan func(...any) error) (j Job, err error) {
	var dry int
	var problems string
	err = scan(&j.ID, &j.Bot, &j.Name, &j.Status, &dry, &j.Total, &j.Done, &j.Read, &j.Added, &j.Changed, &j.Skipped, &j.Failed, &problems, &j.Error,
		&j.Release, &j.Actor, &j.CreatedAt, &j.DoneAt, &j.UndoneAt)
	if err != nil {
		return j, err
	}
	j.DryRun = dry != 0
	if j.DoneAt > 0 {
		j.Seconds = float64(j.DoneAt-j.CreatedAt) / 1e6
	}
	if err := json.Unmarshal([]byte(problems), &j.Problems); err != nil {
		return j, fmt.Errorf("problems of import %s: %w", j.ID, err)
	}
	return j, nil
}

// Job returns an import.
func (s *Store) Job(ctx context.Context, tenant, id string) (Job, error) {
	j, err := scanJob(s.db.QueryRow(ctx, "SELECT "+jobColumns+" FROM knowledge_import WHERE tenant = $1 AND id = $2", tenant, id).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return j, frontdesk.Errorf(frontdesk.NotFound, "there is no such import")
	}
	return j, err
}

// Jobs lists the imports of a bot, the newest first, after the one whose id is the cursor. Their problems are left to Job.
func (s *Store) Jobs(ctx context.Context, tenant, botID, cursor string, limit int) ([]Job, error) {
	rows, err := s.db.Query(ctx, "SELECT "+strings.Replace(jobColumns, "problems", "'[]'", 1)+` FROM knowledge_import
		WHERE tenant = $1 AND bot = $2 AND ($3 = '' OR id < $3) ORDER BY id DESC LIMIT $4`, tenant, botID, cursor, int64(limit))
	if err != nil {
		return nil, fmt.Errorf("list imports: %w", err)
	}
	defer rows.Close()
	var list []Job
	for rows.Next() {
		j, err := scanJob(rows.Scan)
		if err != nil {
			return nil, err
		}
		list = append(list, j)
	}
	return list, rows.Err()
}

// UndoImport makes what an import changed again what it was before, as a new release. It is refused with a ChangedError
// that names them if entries were edited since.
func (s *Store) UndoImport(ctx context.Context, tenant, id string) (Job, error) {
	j, err := s.Job(ctx, tenant, id)
	if err != nil {
		return j, err
	}
	switch {
	case j.Status == "undone":
		return j, frontdesk.Errorf(frontdesk.Conflict, "this import has been undone already")
	case j.Status != "done" || j.DryRun || j.Added+j.Changed == 0:
		return j, frontdesk.Errorf(frontdesk.Conflict, "this import has changed nothing that could be undone")
	}
	_, err = s.undo(ctx, key{tenant, j.Bot}, j.Release, func(tx *sqldb.Tx, _ int64) error {
		n, err := tx.Exec("UPDATE knowledge_import SET status = 'undone', undone_at = $3 WHERE tenant = $1 AND id = $2 AND status = 'done'", tenant, id, tx.Now())
		if err == nil && n == 0 {
			err = frontdesk.Errorf(frontdesk.Conflict, "this import has been undone already")
		}
		return err
	})
	if err != nil {
		return j, fmt.Errorf("undo import: %w", err)
	}
	return s.Job(ctx, tenant, id)
}

// running is a job that this process works on.
type running struct {
	tenant, id, claim   string
	options             JobOptions
	actor               frontdesk.Actor
	total, done, behind atomic.Int64
}

// RunImports does the jobs until ctx ends, one at a time on each node. What a dead process was doing is begun again.
func (s *Store) RunImports(ctx context.Context) error {
	tick := time.NewTicker(jobPoll)
	defer tick.Stop()
	if err := s.clearPieces(ctx); err != nil && ctx.Err() == nil {
		s.Log.Warn("clearing files of imports failed", "error", err)
	}
	for {
		for ctx.Err() == nil {
			j, err := s.takeJob(ctx)
			if err != nil && ctx.Err() == nil {
				s.Log.Warn("looking for imports failed", "error", err)
			}
			if j == nil {
				break
			}
			s.runJob(ctx, j)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-s.jobs:
		case <-tick.C:
		}
	}
}

// takeJob claims the longest waiting job, or one whose process has died; nil if there is none.
func (s *Store) takeJob(ctx context.Context) (*running, error) {
	// Most looks find nothing; they must not write.
	var open int
	if err := s.db.QueryRow(ctx, "SELECT count(*) FROM knowledge_import WHERE status IN ('waiting', 'running')").Scan(&open); err != nil || open == 0 {
		return nil, err
	}
	j := &running{claim: s.db.Boot() + "/" + frontdesk.NewID()}
	var format, mapping, who string
	var dry, tries int
	now := time.Now()
	err := s.db.Write(ctx, func(tx *sqldb.Tx) error {
		// On SQLite, whose folder one process owns, any other boot's claims are dead.
		return tx.QueryRow(`UPDATE knowledge_import SET status = 'running', claim = $1, lease_until = $2, tries = tries + 1 WHERE (tenant, id) IN
				(SELECT tenant, id FROM knowledge_import WHERE status IN ('waiting', 'running')
					AND (status = 'waiting' OR lease_until < $3 OR $4 = 1 AND substr(claim, 1, 36) <> $5) ORDER BY created_at LIMIT 1)
				AND (status = 'waiting' OR lease_until < $3 OR $4 = 1 AND substr(claim, 1, 36) <> $5)
			RETURNING tenant, id, bot, name, format, mapping, zone, dry_run, actor, tries`,
			j.claim, now.Add(jobLease).UnixMicro(), now.UnixMicro(), bit(s.db.Dialect() == sqldb.SQLite), s.db.Boot()).
			Scan(&j.tenant, &j.id, &j.options.Bot, &j.options.Name, &format, &mapping, &j.options.Zone, &dry, &who, &tries)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err == nil && tries > maxTries {
		message := fmt.Sprintf("the import was cut off %d times and is not tried again; try smaller files", maxTries)
		return nil, s.db.Write(ctx, func(tx *sqldb.Tx) error { return j.finish(tx, Report{}, message) })
	}
	if err != nil {
		return nil, err
	}
	j.options.Format, j.options.DryRun = Format(format), dry != 0
	kind, id, _ := strings.Cut(who, ":")
	j.actor = frontdesk.Actor{Kind: frontdesk.ActorKind(kind), ID: id, Tenant: j.tenant}
	return j, json.Unmarshal([]byte(mapping), &j.options.Mapping)
}

// runJob does a job and writes down what came of it. If ctx ends, or the database is away, the job stays claimed and is
// begun again later.
func (s *Store) runJob(ctx context.Context, j *running) {
	ctx, stop := context.WithCancel(frontdesk.WithActor(ctx, j.actor))
	defer stop()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.follows(ctx, stop, j)
	}()
	report, err := s.importJob(ctx, j)
	cut := ctx.Err() != nil
	stop()
	<-ended
	if kind := frontdesk.KindOf(err); cut || err != nil && (kind == frontdesk.Unavailable || kind == frontdesk.Limited) {
		s.Log.Warn("import cut off, it will begin again", "import", j.id, "error", err)
		return
	}
	message := ""
	if err != nil {
		message = "the import failed here; the log says why"
		if e, ok := errors.AsType[*frontdesk.Error](err); ok && e.Public != "" {
			if message = e.Public; e.Field != "" {
				message = e.Field + " " + e.Public
			}
		} else {
			s.Log.Error("import failed", "import", j.id, "error", err)
		}
	}
	// Whoever stops now has done it: the word is written all the same.
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), jobLease)
	defer cancel()
	if err := s.db.Write(last, func(tx *sqldb.Tx) error { return j.finish(tx, report, message) }); err != nil {
		s.Log.Warn("the end of an import was not written", "import", j.id, "error", err)
	}
}

func (s *Store) importJob(ctx context.Context, j *running) (Report, error) {
	zone, err := time.LoadLocation(j.options.Zone)
	if err != nil {
		return Report{}, fmt.Errorf("zone %s: %w", j.options.Zone, err)
	}
	if len(j.options.Mapping) == 0 {
		j.options.Mapping = nil
	}
	return s.Import(ctx, ImportOptions{Tenant: j.tenant, Bot: j.options.Bot, Format: j.options.Format, Reader: &pieces{ctx: ctx, store: s, job: j},
		Zone: zone, DryRun: j.options.DryRun, Mapping: j.options.Mapping, Progress: func(done int) { j.done.Store(int64(done)) }, job: j})
}

// follows writes the progress down and holds the claim; losing it ends the job here.
func (s *Store) follows(ctx context.Context, stop func(), j *running) {
	tick := time.NewTicker(jobBeat)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		until := time.Now().Add(jobLease).UnixMicro()
		err := s.db.Write(ctx, func(tx *sqldb.Tx) error {
			n, err := tx.Exec("UPDATE knowledge_import SET total = $4, done = $5, lease_until = $6 WHERE tenant = $1 AND id = $2 AND claim = $3 AND status = 'running'",
				j.tenant, j.id, j.claim, j.total.Load(), j.done.Load(), until)
			if err == nil && n == 0 {
				return errHoldLost
			}
			return err
		})
		if errors.Is(err, errHoldLost) {
			// Done in this moment, or taken by another node after a long pause.
			if j.behind.Load() == 0 {
				stop()
			}
			return
		}
	}
}

// published says, in the transaction that publishes the release, that the job is done: both or neither.
func (j *running) published(tx *sqldb.Tx, number int64, report Report) error {
	report.Release = number
	j.behind.Store(1)
	return j.finish(tx, report, "")
}

// finish writes how the job ended, if it is still this process's and not ended yet.
func (j *running) finish(tx *sqldb.Tx, r Report, message string) error {
	status := "done"
	if message != "" {
		status = "failed"
	}
	if r.Problems == nil {
		r.Problems = []Problem{}
	}
	problems, err := json.Marshal(r.Problems)
	if err != nil {
		return err
	}
	n, err := tx.Exec(`UPDATE knowledge_import SET status = $4, total = $5, done = $5, rows_read = $5, added = $6, changed = $7, skipped = $8, failed = $9,
			problems = $10, error = $11, release = $12, done_at = $13 WHERE tenant = $1 AND id = $2 AND claim = $3 AND status = 'running'`,
		j.tenant, j.id, j.claim, status, int64(r.Read), int64(r.Added), int64(r.Changed), int64(r.Skipped), int64(r.Failed), string(problems), message, r.Release, tx.Now())
	if err != nil {
		return err
	}
	if n == 0 {
		var status string
		err := tx.QueryRow("SELECT status FROM knowledge_import WHERE tenant = $1 AND id = $2 AND claim = $3", j.tenant, j.id, j.claim).Scan(&status)
		if err == nil && status == "done" {
			return nil // it was written when the release was published
		}
		return errHoldLost
	}
	_, err = tx.Exec("DELETE FROM knowledge_import_piece WHERE tenant = $1 AND import = $2", j.tenant, j.id)
	return err
}

// clearPieces removes files whose import was never asked for, because the process died while it was taking them.
func (s *Store) clearPieces(ctx context.Context) error {
	return s.db.Write(ctx, func(tx *sqldb.Tx) error {
		_, err := tx.Exec(`DELETE FROM knowledge_import_piece WHERE created_at < $1 AND NOT EXISTS
			(SELECT 1 FROM knowledge_import i WHERE i.tenant = knowledge_import_piece.tenant AND i.id = knowledge_import_piece.import)`, tx.Now()-time.Hour.Microseconds())
		return err
	})
}

// pieces reads a job's file, a piece at a time.
type pieces struct {
	ctx   context.Context
	store *Store
	job   *running
	next  int64
	left  bytes.Reader
}

func (p *pieces) Read(b []byte) (int, error) {
	if p.left.Len() == 0 {
		var piece []byte
		err := p.store.db.QueryRow(p.ctx, "SELECT bytes FROM knowledge_import_piece WHERE tenant = $1 AND import = $2 AND number = $3", p.job.tenant, p.job.id, p.next).Scan(&piece)
		if errors.Is(err, sql.ErrNoRows) {
			if p.next == 0 {
				return 0, frontdesk.Errorf(frontdesk.Internal, "the file of import %s is gone", p.job.id)
			}
			return 0, io.EOF
		}
		if err != nil {
			return 0, fmt.Errorf("read piece %s: %w", strconv.FormatInt(p.next, 10), err)
		}
		p.next++
		p.left.Reset(piece)
	}
	return p.left.Read(b)
}
