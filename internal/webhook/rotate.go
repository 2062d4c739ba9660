package webhook

import (
	"context"
	"fmt"
	"time"

	"frontdesk"
	"frontdesk/internal/sqldb"
)

// MaxKeep is how long a former secret may go on signing.
const MaxKeep = 7 * 24 * time.Hour

// Rotate gives a webhook a new signing secret, which is shown this once. Until the time it returns, deliveries are signed
// with the former one as well, so that no receiver has to change in the same moment; keep 0 ends the former at once.
func (s *Service) Rotate(ctx context.Context, tenant, id string, keep time.Duration) (secret string, until int64, err error) {
	if keep < 0 || keep > MaxKeep {
		return "", 0, frontdesk.InvalidField("hours", "The former secret can go on for at most %d hours.", int(MaxKeep.Hours()))
	}
	secret = "whsec_" + frontdesk.Secret()
	err = s.db.Write(ctx, func(tx *sqldb.Tx) error {
		sealed, err := s.vault.SealSecret(tx, tenant, purpose(id), []byte(secret))
		if err != nil {
			return err
		}
		until = 0
		if keep > 0 {
			until = tx.Now() + keep.Microseconds()
		}
		n, err := tx.Exec(`UPDATE webhook SET secret_before = CASE WHEN CAST($4 AS BIGINT) > 0 THEN secret ELSE $5 END, before_until = CAST($4 AS BIGINT), secret = $3, updated_at = $6
			WHERE tenant = $1 AND id = $2`, tenant, id, sealed, until, []byte{}, tx.Now())
		if err != nil {
			return err
		}
		if n == 0 {
			return errNone
		}
		tx.Append(changed(ctx, tenant, id))
		return nil
	})
	if err != nil {
		return "", 0, fmt.Errorf("rotate signing secret: %w", err)
	}
	return secret, until, nil
}

// signature signs a body for a webhook, with its former secret as well while that is good.
func (s *Service) signature(ctx context.Context, tenant, id string, sealed, before []byte, until int64, body []byte) (string, error) {
	secret, err := s.vault.OpenSecret(ctx, tenant, purpose(id), sealed)
	if err != nil {
		return "", fmt.Errorf("open signing secret: %w", err)
	}
	secrets := []string{string(secret)}
	if len(before) > 0 && until > s.db.Now().UnixMicro() {
		former, err := s.vault.OpenSecret(ctx, tenant, purpose(id), before)
		if err != nil {
			return "", fmt.Errorf("open former signing secret: %w", err)
		}
		secrets = append(secrets, string(former))
	}
	return sign(body, time.Now(), secrets...), nil
}
