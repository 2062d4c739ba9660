package knowledge

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"frontdesk"
	"frontdesk/internal/sqldb"
)

// Change says who changed an entry, and when.
type Change struct {
	ID       string
	Question string
	By       string // actor as kind:id
	At       int64
	Version  int64 // the release that made the entry what it is
}

// ChangedError is the Conflict of somebody who wants to change what others have changed meanwhile.
type ChangedError struct{ Entries []Change }

func (e *ChangedError) Error() string {
	return fmt.Sprintf("%d entries have been changed meanwhile", len(e.Entries))
}

// Unwrap gives it its kind.
func (e *ChangedError) Unwrap() error {
	if len(e.Entries) == 1 {
		return frontdesk.Errorf(frontdesk.Conflict, "entry %s has been changed meanwhile", clip(e.Entries[0].ID, MaxID))
	}
	return frontdesk.Errorf(frontdesk.Conflict, "%d entries have been changed meanwhile", len(e.Entries))
}

// BulkAction is what is done to many entries at once.
type BulkAction string

// The actions. What is archived is in no release from then on, and can be restored.
const (
	BulkArchive  BulkAction = "archive"
	BulkRestore  BulkAction = "restore"
	BulkCategory BulkAction = "category"
	BulkValidity BulkAction = "validity"
)

// Bulk is a change of many entries.
type Bulk struct {
	IDs       []string // which, or, if nil, those of Filter
	Filter    Filter
	Action    BulkAction
	Category  string
	ValidFrom int64
	ValidTo   int64
	DryRun    bool
}

// BulkReport says what a bulk change did.
type BulkReport struct {
	Matched  int           `json:"matched"`
	Changed  int           `json:"changed"`
	Skipped  int           `json:"skipped" doc:"They were so already"`
	Release  int64         `json:"release" doc:"The newest after it"`
	Problems []BulkProblem `json:"problems" doc:"Of entries that could not be changed; the first thousand"`
}

// BulkProblem is why one entry was not changed.
type BulkProblem struct {
	ID     string `json:"id"`
	Field  string `json:"field"`
	Reason string `json:"reason"`
}

// Bulk changes many entries as one release. Entries that cannot be changed are in the report; the others are.
func (s *Store) Bulk(ctx context.Context, tenant, botID string, b Bulk) (BulkReport, error) {
	k := key{tenant, botID}
	report := BulkReport{Problems: []BulkProblem{}}
	switch b.Action {
	case BulkArchive, BulkRestore, BulkCategory, BulkValidity:
	default:
		return report, frontdesk.InvalidField("action", "%q is not one of archive, restore, category, validity", clip(string(b.Action), 40))
	}
	archived := b.Action == BulkRestore
	if b.IDs == nil {
		b.Filter.Archived = archived
		ids, err := s.IDs(ctx, tenant, botID, b.Filter)
		if err != nil {
			return report, err
		}
		b.IDs = ids
	}
	slices.Sort(b.IDs)
	b.IDs = slices.Compact(b.IDs)
	plan := func(newest int64) (put []Entry, remove []string, c count, err error) {
		report = BulkReport{Release: newest, Problems: []BulkProblem{}}
		list, err := s.Some(ctx, tenant, botID, b.IDs, archived)
		if err != nil {
			return nil, nil, c, err
		}
		report.Matched = len(list)
		missing := len(b.IDs)
		for _, old := range list {
			missing--
			if b.Action == BulkArchive {
				remove = append(remove, old.ID)
				continue
			}
			e := old.Entry
			switch b.Action {
			case BulkCategory:
				e.Category = b.Category
			case BulkValidity:
				e.ValidFrom, e.ValidTo = b.ValidFrom, b.ValidTo
			}
			e, err := e.Clean()
			if fe, ok := errors.AsType[*FieldError](err); ok {
				if len(report.Problems) < maxProblems {
					report.Problems = append(report.Problems, BulkProblem{old.ID, fe.Field, fe.Reason})
				}
				continue
			}
			if e.Hash == old.Hash && !archived {
				report.Skipped++
				continue
			}
			put = append(put, e)
		}
		if missing > 0 && len(report.Problems) < maxProblems {
			there := map[string]bool{}
			for _, e := range list {
				there[e.ID] = true
			}
			for _, id := range b.IDs {
				if !there[id] && len(report.Problems) < maxProblems {
					report.Problems = append(report.Problems, BulkProblem{clip(id, MaxID), "id", "there is no such entry"})
				}
			}
		}
		report.Changed = len(put) + len(remove)
		if report.Changed > 0 {
			c = count{reason: "bulk", removed: int64(len(remove))}
			if archived {
				c.added = int64(len(put))
			} else {
				c.changed = int64(len(put))
			}
		}
		return put, remove, c, nil
	}
	if b.DryRun {
		newest, err := s.newest(ctx, k)
		if err == nil {
			_, _, _, err = plan(newest)
		}
		return report, err
	}
	release, err := s.change(ctx, k, plan, nil)
	if err != nil {
		return report, fmt.Errorf("change entries: %w", err)
	}
	report.Release = release
	return report, nil
}

// undo takes back what a release put, if nobody has changed it since: entries it added go, entries it changed are again
// what they were before. also is part of the transaction that publishes.
func (s *Store) undo(ctx context.Context, k key, release int64, also func(tx *sqldb.Tx, number int64) error) error {
	_, err := s.change(ctx, k, func(newest int64) (put []Entry, remove []string, c count, err error) {
		var theirs, before []Entry
		var now map[string]string
		err = s.db.ReadTx(ctx, func(q sqldb.Queryer) (err error) {
			if theirs, err = bordering(ctx, q, k, "from_release", release); err == nil {
				before, err = bordering(ctx, q, k, "to_release", release)
			}
			if err == nil {
				now, err = hashes(ctx, q, k, newest)
			}
			return err
		})
		if err != nil {
			return nil, nil, c, err
		}
		old := make(map[string]Entry, len(before))
		for _, e := range before {
			old[e.ID] = e
		}
		var edited []string
		for _, e := range theirs {
			was, ok := old[e.ID]
			switch {
			case now[e.ID] != e.Hash:
				edited = append(edited, e.ID)
			case ok:
				put = append(put, was)
			default:
				remove = append(remove, e.ID)
			}
		}
		if len(edited) > 0 {
			changed, err := s.changes(ctx, k, edited)
			if err != nil {
				return nil, nil, c, err
			}
			return nil, nil, c, &ChangedError{changed}
		}
		return put, remove, count{reason: "undo", source: release, changed: int64(len(put)), removed: int64(len(remove)), also: also}, nil
	}, nil)
	return err
}

// bordering reads the rows that begin, or end, with a release.
func bordering(ctx context.Context, q sqldb.Queryer, k key, column string, release int64) ([]Entry, error) {
	rows, err := q.QueryContext(ctx, "SELECT "+entryColumns+" FROM bot_entry WHERE tenant = $1 AND bot = $2 AND "+column+" = $3 ORDER BY id", k.tenant, k.bot, release)
	if err != nil {
		return nil, fmt.Errorf("read release %d: %w", release, err)
	}
	defer rows.Close()
	var out []Entry
	for rows.Next() {
		e, err := scanEntry(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	return out, rows.Err()
}

// maxNamed bounds how many changed entries an error names.
const maxNamed = 100

// changes says who changed entries last, or took them away.
func (s *Store) changes(ctx context.Context, k key, ids []string) ([]Change, error) {
	var out []Change
	for _, archived := range []bool{false, true} {
		list, err := s.Some(ctx, k.tenant, k.bot, ids[:min(len(ids), maxNamed)], archived)
		if err != nil {
			return nil, err
		}
		for _, e := range list {
			out = append(out, Change{e.ID, e.Question, e.ChangedBy, e.ChangedAt, e.Release})
		}
	}
	return out, nil
}
