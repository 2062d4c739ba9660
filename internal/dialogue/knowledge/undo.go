package knowledge

import (
	"context"
	"fmt"

	"frontdesk"
	"frontdesk/internal/sqldb"
)

// UndoRelease takes back what one release did and leaves alone what others did since, as a new release whose number it
// returns. What was changed again since is a *ChangedError; a release that changed nothing, and the first of a bot, cannot
// be taken back.
func (s *Store) UndoRelease(ctx context.Context, tenant, botID string, release int64) (int64, error) {
	found, err := s.Releases(ctx, tenant, botID, release+1, 1)
	if err != nil {
		return 0, err
	}
	if len(found) == 0 || found[0].Number != release {
		return 0, frontdesk.Errorf(frontdesk.NotFound, "there is no release %d", release)
	}
	number, err := s.undo(ctx, key{tenant, botID}, release, nil)
	if err != nil {
		return 0, fmt.Errorf("undo release %d: %w", release, err)
	}
	return number, nil
}

// undo takes back what a release did, if nobody has changed it since: entries it added go, those it changed or took away
// are again what they were before. also, if there is any, is part of the transaction that publishes.
func (s *Store) undo(ctx context.Context, k key, release int64, also func(tx *sqldb.Tx, number int64) error) (number int64, err error) {
	return s.change(ctx, k, func(newest int64) (put []Entry, remove []string, c count, err error) {
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
			delete(old, e.ID)
			switch {
			case now[e.ID] != e.Hash:
				edited = append(edited, e.ID)
			case ok:
				put = append(put, was)
			default:
				remove = append(remove, e.ID)
			}
		}
		for _, e := range before { // in the order of ids
			switch _, taken := old[e.ID]; {
			case !taken:
			case now[e.ID] != "": // somebody has put one there since
				edited = append(edited, e.ID)
			default:
				put = append(put, e)
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
