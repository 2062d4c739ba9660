package webhook

import (
	"context"
	"encoding/json"
	"fmt"

	"frontdesk"
	"frontdesk/internal/outbox"
	"frontdesk/internal/sqldb"
)

// TestType is the type of the event that Test sends. It is in no log and cannot be subscribed to.
const TestType = "webhook.test"

// Test sends a subscription an event that only says that it is one, whatever types it wants. It is delivered as all are:
// signed, tried again, and listed. A subscription that is switched off is a Conflict.
func (s *Service) Test(ctx context.Context, tenant, id string) error {
	w, err := s.Get(ctx, tenant, id)
	if err != nil {
		return err
	}
	if !w.Active {
		return frontdesk.Errorf(frontdesk.Conflict, "This webhook is switched off.")
	}
	e := frontdesk.Event{ID: frontdesk.NewID(), Tenant: tenant, Type: TestType, Subject: "webhook:" + id}
	if a := frontdesk.ActorFrom(ctx); a.Kind != "" {
		e.Actor = string(a.Kind) + ":" + a.ID
	}
	err = s.db.Write(ctx, func(tx *sqldb.Tx) error {
		e.At = tx.Now()
		body, err := json.Marshal(e)
		if err != nil {
			return err
		}
		_, err = outbox.Put(tx, outbox.Item{Tenant: tenant, Channel: Channel, Target: id, Payload: body, Key: id + ":" + e.ID})
		return err
	})
	if err != nil {
		return fmt.Errorf("test webhook: %w", err)
	}
	return nil
}
