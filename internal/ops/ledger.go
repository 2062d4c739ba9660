package ops

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"frontdesk"
	"frontdesk/internal/conversation"
	"frontdesk/internal/sqldb"
)

// LedgerName is the file of erasures: a JSON line for each person who was erased, by ids alone. One lies in the data folder
// and one beside the backups, in the folder that holds them, so that none of them is older than an erasure without
// something that knows of it. Ledgers only ever grow.
const LedgerName = "erasures.jsonl"

// readLedger reads a ledger; one that is not there is empty.
func readLedger(path string) ([]conversation.Erasure, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the ledger of erasures: %w", err)
	}
	var out []conversation.Erasure
	lines := bufio.NewScanner(bytes.NewReader(text))
	for n := 1; lines.Scan(); n++ {
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		var e conversation.Erasure
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil || e.Tenant == "" || e.Person == "" {
			return nil, frontdesk.Errorf(frontdesk.Invalid, "the ledger of erasures %s is damaged in line %d; nothing was done", path, n)
		}
		out = append(out, e)
	}
	return out, lines.Err()
}

// unite is every erasure of some ledgers once, with its latest time, the oldest first.
func unite(ledgers ...[]conversation.Erasure) []conversation.Erasure {
	newest := map[conversation.Key]conversation.Erasure{}
	for _, e := range slices.Concat(ledgers...) {
		k := conversation.Key{Tenant: e.Tenant, ID: e.Person}
		if old, ok := newest[k]; !ok || e.At > old.At {
			newest[k] = e
		}
	}
	var out []conversation.Erasure
	for _, e := range newest {
		out = append(out, e)
	}
	slices.SortFunc(out, func(a, b conversation.Erasure) int {
		return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.Person, b.Person))
	})
	return out
}

// extendLedger adds erasures to the ledger at path and returns all that are in it then. The file is replaced as a whole, so a
// power cut leaves the old one or the new one.
func extendLedger(path string, more []conversation.Erasure) ([]conversation.Erasure, error) {
	have, err := readLedger(path)
	if err != nil {
		return nil, err
	}
	all := unite(have, more)
	if slices.Equal(all, have) {
		return all, nil
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	for _, e := range all {
		if err := enc.Encode(e); err != nil {
			return nil, err
		}
	}
	fresh := path + ".new"
	if err := os.Remove(fresh); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("write the ledger of erasures: %w", err)
	}
	if _, err := writeHashed(fresh, &b); err != nil {
		return nil, fmt.Errorf("write the ledger of erasures: %w", err)
	}
	if err := errors.Join(os.Rename(fresh, path), syncDir(filepath.Dir(path))); err != nil {
		return nil, fmt.Errorf("write the ledger of erasures: %w", err)
	}
	return all, nil
}

// KeepLedger brings the database and the ledger in its data folder to the same erasures: who is in the ledger and not in the
// database is erased there again, for a database can be put back by other means than Restore. It says how many those were.
func KeepLedger(ctx context.Context, db *sqldb.DB, dir string) (replayed int, err error) {
	known, err := conversation.Erasures(ctx, db)
	if err != nil {
		return 0, err
	}
	all, err := extendLedger(filepath.Join(dir, LedgerName), known)
	if err != nil {
		return 0, err
	}
	return conversation.Replay(ctx, db, all)
}
