package knowledge

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"frontdesk"
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
