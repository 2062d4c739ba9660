package compliance

import (
	"context"
	"fmt"

	"frontdesk"
)

// SealedValue is a value of a person's, not opened.
type SealedValue struct {
	Kind, Token, Conversation string
	At                        int64
}

// OfPerson lists what was sealed for a person and not erased, the newest first; at most 100.
func (v *Vault) OfPerson(ctx context.Context, tenant, person string) ([]SealedValue, error) {
	rows, err := v.db.Query(ctx, `SELECT kind, token, conversation, created_at FROM sealed WHERE tenant = $1 AND person = $2 AND length(cipher) > 0
		ORDER BY created_at DESC, conversation, number LIMIT 100`, tenant, person)
	if err != nil {
		return nil, fmt.Errorf("list sealed values: %w", err)
	}
	defer rows.Close()
	var out []SealedValue
	for rows.Next() {
		var s SealedValue
		if err := rows.Scan(&s.Kind, &s.Token, &s.Conversation, &s.At); err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, rows.Err()
}

// FindAny returns, by contact, the kind of the personal value in a text that was sealed for them before: what somebody types
// into a search finds its customer without anything being opened.
func (v *Vault) FindAny(ctx context.Context, tenant, text string) (map[string]string, error) {
	out := map[string]string{}
	for _, f := range Detect(frontdesk.TextContent(text)) {
		people, err := v.Find(ctx, tenant, f.Kind, f.Value)
		if err != nil {
			return nil, err
		}
		for _, p := range people {
			out[p] = f.Kind
		}
	}
	return out, nil
}
