package knowledge

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"frontdesk"
	"frontdesk/internal/sqldb"
)

// maxProblems bounds what a report lists; Failed still counts all.
const maxProblems = 1000

// ImportOptions say what to import, and where to.
type ImportOptions struct {
	Tenant, Bot string         // an empty Bot is DefaultBot
	Format      Format         // empty: the bytes tell
	Reader      io.Reader      // read to its end, not closed
	Zone        *time.Location // of dates without a zone; nil is UTC
	DryRun      bool           // report what would happen, and change nothing
	Progress    func(done int) // rows finished so far; may be nil
	Mapping     Mapping        // which columns hold which fields; nil: their names tell

	job *running // the job this is, nil for none
}

// Report says what an import did with each row: Read = Added + Changed + Skipped + Failed.
type Report struct {
	Read     int       `json:"read"`
	Added    int       `json:"added"`
	Changed  int       `json:"changed"`
	Skipped  int       `json:"skipped"` // there already, under this id or with the same content under another
	Failed   int       `json:"failed"`
	Seconds  float64   `json:"seconds"`
	Release  int64     `json:"release"`  // the newest after the import
	Problems []Problem `json:"problems"` // never nil; the first thousand
}

// Import adds the rows of a file as one release: all good rows become visible together, or none if it fails or is killed.
// A row replaces the entry of its id; one without an id replaces the entry of its question that was imported the same way.
// A row whose content is there already is skipped, under whatever id. Entries that the file does not have stay.
//
// The error is of kind Invalid for a file that cannot be read at all; bad rows are in the Report.
func (s *Store) Import(ctx context.Context, o ImportOptions) (Report, error) {
	started := time.Now()
	if o.Bot == "" {
		o.Bot = DefaultBot
	}
	if o.Progress == nil {
		o.Progress = func(int) {}
	}
	report := Report{Problems: []Problem{}}
	entries, err := s.readAll(ctx, o, &report)
	if err != nil {
		return report, fmt.Errorf("import knowledge: %w", err)
	}
	if o.job != nil {
		o.job.total.Store(int64(report.Read))
	}
	k := key{o.Tenant, o.Bot}
	plan := func(newest int64) (put []Entry, remove []string, c count, err error) {
		var old map[string]string
		err = s.db.ReadTx(ctx, func(q sqldb.Queryer) (err error) {
			old, err = hashes(ctx, q, k, newest)
			return err
		})
		if err != nil {
			return nil, nil, c, err
		}
		put = compare(entries, old, &report)
		if len(put) > 0 {
			c = count{reason: "import", added: int64(report.Added), changed: int64(report.Changed)}
			if o.job != nil {
				c.also = func(tx *sqldb.Tx, number int64) error { return o.job.published(tx, number, report) }
			}
		}
		return put, nil, c, nil
	}
	settled := func(rows int) { o.Progress(report.Failed + report.Skipped + rows) }
	if o.DryRun {
		if report.Release, err = s.newest(ctx, k); err == nil {
			_, _, _, err = plan(report.Release)
		}
	} else if len(entries) > 0 {
		report.Release, err = s.change(ctx, k, plan, settled)
	} else {
		report.Release, err = s.newest(ctx, k)
	}
	if err != nil {
		return report, fmt.Errorf("import knowledge: %w", err)
	}
	o.Progress(report.Read)
	report.Seconds = time.Since(started).Seconds()
	return report, nil
}

// ImportFile is Import of a file, whose name tells the format unless o.Format does.
func (s *Store) ImportFile(ctx context.Context, name string, o ImportOptions) (Report, error) {
	f, err := os.Open(name)
	if err != nil {
		return Report{Problems: []Problem{}}, &frontdesk.Error{Kind: frontdesk.Invalid, Field: "file", Public: "cannot be opened", Err: err}
	}
	defer f.Close()
	if o.Format == "" {
		o.Format = FormatOf(name)
	}
	o.Reader = f
	return s.Import(ctx, o)
}

// readAll reads the good rows into memory: the file's size and MaxRows bound them. Reading before anything is written means
// that a file which breaks off changes nothing, and that the bot is held for the writing only.
func (s *Store) readAll(ctx context.Context, o ImportOptions, report *Report) ([]Entry, error) {
	var entries []Entry
	rowOf := map[string]int{} // id -> index in entries
	rows := []int{}
	problem := func(p Problem) {
		if len(report.Problems) < maxProblems {
			report.Problems = append(report.Problems, p)
		}
	}
	err := parse(o.Reader, o.Format, o.Zone, o.Mapping, func(r Row) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if r.Notice {
			problem(*r.Problem)
			return nil
		}
		report.Read++
		if r.Problem != nil {
			report.Failed++
			problem(*r.Problem)
			return nil
		}
		i, twice := rowOf[r.Entry.ID]
		switch {
		case twice && entries[i].Hash == r.Entry.Hash:
			report.Skipped++
		case twice && entries[i].Question == r.Entry.Question:
			report.Failed++
			problem(Problem{r.Number, "question", fmt.Sprintf("is the same as in row %d, with another answer", rows[i])})
		case twice:
			report.Failed++
			problem(Problem{r.Number, "id", fmt.Sprintf("%q is the id of row %d already", r.Entry.ID, rows[i])})
		default:
			rowOf[r.Entry.ID] = len(entries)
			entries = append(entries, r.Entry)
			rows = append(rows, r.Number)
		}
		return nil
	})
	return entries, err
}

// compare counts what each entry is to the release with old content hashes by id, and returns those to write. Changes go
// first, so that content which moves from one id to another in one file is not taken for a copy.
func compare(entries []Entry, old map[string]string, report *Report) []Entry {
	copies := make(map[string]int, len(old))
	for _, hash := range old {
		copies[hash]++
	}
	put := make([]Entry, 0, len(entries))
	for _, e := range entries {
		hash, there := old[e.ID]
		switch {
		case !there:
		case hash == e.Hash:
			report.Skipped++
		default:
			report.Changed++
			copies[hash]--
			copies[e.Hash]++
			put = append(put, e)
		}
	}
	for _, e := range entries {
		if _, there := old[e.ID]; there {
			continue
		}
		if copies[e.Hash] > 0 {
			report.Skipped++
			continue
		}
		report.Added++
		copies[e.Hash]++
		put = append(put, e)
	}
	return put
}

// Export writes the entries of a release, 0 being the newest, in a form that Import reads back. It returns how many.
func (s *Store) Export(ctx context.Context, tenant, botID string, number int64, format Format, w io.Writer) (int, error) {
	if botID == "" {
		botID = DefaultBot
	}
	n, err := Write(w, format, s.All(ctx, tenant, botID, number))
	if err != nil && !errors.Is(err, context.Canceled) {
		return n, fmt.Errorf("export knowledge: %w", err)
	}
	return n, err
}
