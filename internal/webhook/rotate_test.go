package webhook

import (
	"testing"
	"time"

	"frontdesk"
	"frontdesk/internal/sqldb"
	"frontdesk/internal/sqldb/sqldbtest"
)

// A receiver that still has the former secret takes what is sent while both sign, and nothing after.
func TestRotation(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		r := newReceiver(t)
		d := newDesk(t, db, "127.0.0.1/32")
		w, first, err := d.Create(t.Context(), "t", r.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		good := func(secrets ...string) (taken []bool) {
			t.Helper()
			d.happen(t, frontdesk.Event{Tenant: "t", Type: frontdesk.EvConversationOpened, Data: []byte(`{}`)})
			q := <-r.got
			for _, s := range secrets {
				taken = append(taken, Verify(s, q.header.Get(HeaderSignature), q.body, time.Now(), 0) == nil)
			}
			return taken
		}
		second, until, err := d.Rotate(t.Context(), "t", w.ID, time.Hour)
		if err != nil || second == first || until <= db.Now().UnixMicro() {
			t.Fatalf("rotate: %q until %d, %v", second, until, err)
		}
		if got := good(first, second); !got[0] || !got[1] {
			t.Errorf("while both sign, the former and the new one verify: %v", got)
		}
		third, until, err := d.Rotate(t.Context(), "t", w.ID, 0)
		if err != nil || until != 0 {
			t.Fatalf("rotate at once: until %d, %v", until, err)
		}
		if got := good(first, second, third); got[0] || got[1] || !got[2] {
			t.Errorf("after a leak, which of three verify: %v", got)
		}
		if _, _, err := d.Rotate(t.Context(), "other", w.ID, 0); frontdesk.KindOf(err) != frontdesk.NotFound {
			t.Errorf("another company's: %v", err)
		}
		if _, _, err := d.Rotate(t.Context(), "t", w.ID, 1000*time.Hour); frontdesk.KindOf(err) != frontdesk.Invalid {
			t.Errorf("for too long: %v", err)
		}
	})
}
