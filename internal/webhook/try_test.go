package webhook

import (
	"encoding/json"
	"testing"
	"time"

	"frontdesk"
	"frontdesk/internal/sqldb"
	"frontdesk/internal/sqldb/sqldbtest"
)

func TestATestIsDeliveredAsAllAre(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		d, r := newDesk(t, db, "127.0.0.1"), newReceiver(t)
		w, secret, err := d.Create(t.Context(), "t1", r.URL, []string{frontdesk.EvMessageSent})
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Test(t.Context(), "t1", w.ID); err != nil {
			t.Fatal(err)
		}
		if _, err := d.worker.Drain(t.Context()); err != nil || len(r.got) != 1 {
			t.Fatalf("%d requests, %v", len(r.got), err)
		}
		q := <-r.got
		var e frontdesk.Event
		if err := json.Unmarshal(q.body, &e); err != nil || e.Type != TestType || q.header.Get(HeaderEvent) != TestType {
			t.Errorf("body %s, %v", q.body, err)
		}
		if err := Verify(secret, q.header.Get(HeaderSignature), q.body, time.Now(), 0); err != nil {
			t.Error(err)
		}
		if list, err := d.Deliveries(t.Context(), "t1", w.ID, "", 10); err != nil || len(list) != 1 {
			t.Errorf("%+v, %v", list, err)
		}

		if err := d.Test(t.Context(), "t2", w.ID); frontdesk.KindOf(err) != frontdesk.NotFound {
			t.Errorf("another company's test gave %v", err)
		}
		if _, err := d.Update(t.Context(), "t1", w.ID, r.URL, nil, false); err != nil {
			t.Fatal(err)
		}
		if err := d.Test(t.Context(), "t1", w.ID); frontdesk.KindOf(err) != frontdesk.Conflict {
			t.Errorf("a test of one that is switched off gave %v", err)
		}
	})
}
