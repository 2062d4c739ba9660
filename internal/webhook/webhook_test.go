package webhook

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"frontdesk"
	"frontdesk/internal/compliance"
	"frontdesk/internal/netguard"
	"frontdesk/internal/outbox"
	"frontdesk/internal/sqldb"
	"frontdesk/internal/sqldb/sqldbtest"

	"pgregory.net/rapid"
)

// desk is the service over a database, and the worker that sends for it.
type desk struct {
	*Service
	worker *outbox.Worker
	db     *sqldb.DB
}

func newDesk(t *testing.T, db *sqldb.DB, allow ...string) desk {
	t.Helper()
	vault, err := compliance.OpenVault(t.Context(), db, bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	policy, err := netguard.ParsePolicy(allow)
	if err != nil {
		t.Fatal(err)
	}
	s := New(db, vault, policy)
	return desk{s, outbox.NewWorker(db, map[string]outbox.Sender{Channel: s.Send}, outbox.Options{}), db}
}

// happen gives events to the side stream as the log would, and sends what comes of them.
func (d desk) happen(t *testing.T, events ...frontdesk.Event) {
	t.Helper()
	for i := range events {
		events[i].ID, events[i].At = frontdesk.NewID(), d.db.Now().UnixMicro()
	}
	for range 2 { // the log may hand a batch over again
		if err := d.db.Write(t.Context(), func(tx *sqldb.Tx) error { return d.Consumer().Handle(tx, events) }); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := d.worker.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// request is what a receiver got.
type request struct {
	header http.Header
	body   []byte
}

// receiver is a customer's server; it answers with what status and body say.
type receiver struct {
	*httptest.Server
	got    chan request
	answer func(w http.ResponseWriter)
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{got: make(chan request, 100), answer: func(w http.ResponseWriter) { io.WriteString(w, "thanks") }}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, err := io.ReadAll(q.Body)
		if err != nil {
			t.Error(err)
		}
		r.got <- request{q.Header, body}
		r.answer(w)
	}))
	t.Cleanup(r.Close)
	return r
}

func TestEventsReachWhoWantsThem(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		d, r := newDesk(t, db, "127.0.0.1"), newReceiver(t)
		before := frontdesk.Event{ID: frontdesk.NewID(), Tenant: "t1", Type: frontdesk.EvMessageSent, At: 1}
		w, secret, err := d.Create(t.Context(), "t1", r.URL+"/hook?key=hush", []string{frontdesk.EvMessageSent})
		if err != nil {
			t.Fatal(err)
		}
		if err := db.Write(t.Context(), func(tx *sqldb.Tx) error { return d.Consumer().Handle(tx, []frontdesk.Event{before}) }); err != nil {
			t.Fatal(err)
		}
		d.happen(t,
			frontdesk.Event{Pos: 7, Tenant: "t1", Type: frontdesk.EvMessageSent, Conversation: "c1", Data: json.RawMessage(`{"text":"打<phone:1>"}`)},
			frontdesk.Event{Pos: 8, Tenant: "t1", Type: frontdesk.EvMessageReceived, Conversation: "c1"},
			frontdesk.Event{Pos: 9, Tenant: "t2", Type: frontdesk.EvMessageSent, Conversation: "c2"},
		)
		if len(r.got) != 1 {
			t.Fatalf("%d requests", len(r.got))
		}
		q := <-r.got
		if err := Verify(secret, q.header.Get(HeaderSignature), q.body, time.Now(), 0); err != nil {
			t.Error(err)
		}
		var e struct {
			frontdesk.Event
			Data struct{ Text string } `json:"data"`
		}
		if err := json.Unmarshal(q.body, &e); err != nil || e.Pos != 7 || e.Conversation != "c1" || e.Data.Text != "打<phone:1>" {
			t.Errorf("body %s, %v", q.body, err)
		}
		if q.header.Get(HeaderEvent) != frontdesk.EvMessageSent || q.header.Get(HeaderKey) != w.ID+":"+e.ID || q.header.Get("Content-Type") != "application/json" {
			t.Errorf("headers %v", q.header)
		}

		list, err := d.Deliveries(t.Context(), "t1", w.ID, "", 10)
		if err != nil || len(list) != 1 || list[0].Status != outbox.StatusDone || list[0].ID != q.header.Get(HeaderDelivery) {
			t.Fatalf("%+v, %v", list, err)
		}
		_, attempts, err := d.Delivery(t.Context(), "t1", list[0].ID)
		if err != nil || len(attempts) != 1 || attempts[0].Status != 200 || attempts[0].Response != "thanks" || attempts[0].LatencyUs <= 0 {
			t.Errorf("%+v, %v", attempts, err)
		}

		// A replay is the same delivery under a new signature.
		if err := d.Replay(t.Context(), "t1", list[0].ID); err != nil {
			t.Fatal(err)
		}
		if _, err := d.worker.Drain(t.Context()); err != nil || len(r.got) != 1 {
			t.Fatalf("%d requests, %v", len(r.got), err)
		}
		again := <-r.got
		if !bytes.Equal(again.body, q.body) || again.header.Get(HeaderKey) != q.header.Get(HeaderKey) || again.header.Get(HeaderDelivery) != q.header.Get(HeaderDelivery) {
			t.Errorf("the replay differs: %v %s", again.header, again.body)
		}
	})
}

func TestThroughTheEventLog(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		d, r := newDesk(t, db, "127.0.0.1"), newReceiver(t)
		if _, _, err := d.Create(t.Context(), "t1", r.URL, []string{frontdesk.EvConversationOpened}); err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 3)
		go func() { ended <- db.Sequence(ctx) }()
		go func() { ended <- db.RunConsumer(ctx, d.Consumer()) }()
		go func() { ended <- d.worker.Run(ctx) }()
		if err := db.Write(t.Context(), func(tx *sqldb.Tx) error {
			tx.Append(frontdesk.Event{Tenant: "t1", Type: frontdesk.EvConversationOpened, Conversation: "c1"})
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if q := <-r.got; !bytes.Contains(q.body, []byte(`"pos":`)) || !bytes.Contains(q.body, []byte("c1")) {
			t.Errorf("%s", q.body)
		}
		stop()
		for range 3 {
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
	})
}

func TestSubscriptions(t *testing.T) {
	sqldbtest.Each(t, func(t *testing.T, db *sqldb.DB) {
		d, r := newDesk(t, db, "127.0.0.1"), newReceiver(t)
		ctx := frontdesk.WithActor(t.Context(), frontdesk.Actor{Kind: frontdesk.ActorStaff, ID: "amy", Tenant: "t1"})
		w, secret, err := d.Create(ctx, "t1", r.URL, nil)
		if err != nil || !strings.HasPrefix(secret, "whsec_") {
			t.Fatal(secret, err)
		}
		if got, err := d.Get(ctx, "t1", w.ID); err != nil || got.URL != r.URL || !got.Active || len(got.Types) != 0 || got.CreatedAt == 0 {
			t.Errorf("%+v, %v", got, err)
		}
		var clear int
		if err := db.QueryRow(ctx, "SELECT count(*) FROM webhook WHERE secret = $1", []byte(secret)).Scan(&clear); err != nil || clear != 0 {
			t.Error("the secret is stored in clear", err)
		}
		for name, err := range map[string]error{
			"get":    second(d.Get(ctx, "t2", w.ID)),
			"update": second(d.Update(ctx, "t2", w.ID, r.URL, nil, false)),
			"delete": d.Delete(ctx, "t2", w.ID),
			"list":   second(d.Deliveries(ctx, "t2", w.ID, "", 10)),
		} {
			if frontdesk.KindOf(err) != frontdesk.NotFound {
				t.Errorf("%s for another tenant: %v", name, err)
			}
		}

		d.happen(t, frontdesk.Event{Tenant: "t1", Type: frontdesk.EvTurnCompleted})
		if len(r.got) != 1 {
			t.Fatalf("%d requests", len(r.got))
		}
		<-r.got
		if got, err := d.Update(ctx, "t1", w.ID, r.URL+"/x", []string{frontdesk.EvAnswerRated}, false); err != nil || got.Active || got.URL != r.URL+"/x" || !slices.Equal(got.Types, []string{frontdesk.EvAnswerRated}) {
			t.Errorf("%+v, %v", got, err)
		}
		d.happen(t, frontdesk.Event{Tenant: "t1", Type: frontdesk.EvAnswerRated})
		if len(r.got) != 0 {
			t.Error("a webhook that is off was called")
		}
		if err := d.Delete(ctx, "t1", w.ID); err != nil {
			t.Fatal(err)
		}
		if list, err := d.List(ctx, "t1"); err != nil || len(list) != 0 {
			t.Errorf("%+v, %v", list, err)
		}
		var left int
		if err := db.QueryRow(ctx, "SELECT count(*) FROM outbox").Scan(&left); err != nil || left != 0 {
			t.Errorf("%d deliveries left, %v", left, err)
		}

		for range maxWebhooks {
			if _, _, err := d.Create(ctx, "t1", r.URL, nil); err != nil {
				t.Fatal(err)
			}
		}
		if _, _, err := d.Create(ctx, "t1", r.URL, nil); frontdesk.KindOf(err) != frontdesk.Limited {
			t.Errorf("one too many: %v", err)
		}
	})
}

func second[T any](_ T, err error) error { return err }

func TestCreateRefuses(t *testing.T) {
	d := newDesk(t, sqldbtest.SQLite(t))
	for name, tt := range map[string]struct {
		url   string
		types []string
		field string
	}{
		"metadata":      {"http://169.254.169.254/latest", nil, "url"},
		"loopback":      {"https://[::1]/", nil, "url"},
		"localhost":     {"http://localhost:8080/", nil, "url"},
		"no address":    {"hooks", nil, "url"},
		"a script":      {"javascript:alert(1)", nil, "url"},
		"unknown event": {"https://hooks.example.com/", []string{frontdesk.EvMessageSent, "message.eaten"}, "types[1]"},
	} {
		_, _, err := d.Create(t.Context(), "t1", tt.url, tt.types)
		e, ok := errors.AsType[*frontdesk.Error](err)
		if !ok || e.Kind != frontdesk.Invalid || e.Field != tt.field {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestANameThatLeadsInsideIsNotCalled(t *testing.T) {
	db, r := sqldbtest.SQLite(t), newReceiver(t)
	// The subscription was made when the operator allowed the address; localhost stands for a name whose address changed.
	d := newDesk(t, db, "127.0.0.1", "::1")
	w, _, err := d.Create(t.Context(), "t1", strings.Replace(r.URL, "127.0.0.1", "localhost", 1)+"/?token=hush", nil)
	if err != nil {
		t.Fatal(err)
	}
	newDesk(t, db).happen(t, frontdesk.Event{Tenant: "t1", Type: frontdesk.EvMessageSent})
	if len(r.got) != 0 {
		t.Error("the inside was reached")
	}
	list, err := d.Deliveries(t.Context(), "t1", w.ID, "", 10)
	if err != nil || len(list) != 1 || list[0].Status != outbox.StatusReady {
		t.Fatalf("%+v, %v", list, err)
	}
	if e := list[0].LastError; e != netguard.ErrRefused.Error() {
		t.Errorf("the error tells what the name resolves to, or the address: %q", e)
	}
}

func TestAnswers(t *testing.T) {
	for name, tt := range map[string]struct {
		answer func(w http.ResponseWriter)
		status string
		says   string
	}{
		"accepted":     {func(w http.ResponseWriter) { w.WriteHeader(202) }, outbox.StatusDone, ""},
		"long answer":  {func(w http.ResponseWriter) { w.Write(bytes.Repeat([]byte("x"), 1<<20)) }, outbox.StatusDone, ""},
		"gone":         {func(w http.ResponseWriter) { w.WriteHeader(410) }, outbox.StatusDead, "410"},
		"client error": {func(w http.ResponseWriter) { w.WriteHeader(404) }, outbox.StatusReady, "answered 404"},
		"server error": {func(w http.ResponseWriter) { w.WriteHeader(503) }, outbox.StatusReady, "answered 503"},
		"redirect":     {func(w http.ResponseWriter) { w.Header().Set("Location", "/elsewhere"); w.WriteHeader(307) }, outbox.StatusReady, "answered 307"},
		"cut off":      {func(w http.ResponseWriter) { panic(http.ErrAbortHandler) }, outbox.StatusReady, "EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			d, r := newDesk(t, sqldbtest.SQLite(t), "127.0.0.1"), newReceiver(t)
			r.answer = tt.answer
			w, _, err := d.Create(t.Context(), "t1", r.URL, nil)
			if err != nil {
				t.Fatal(err)
			}
			d.happen(t, frontdesk.Event{Tenant: "t1", Type: frontdesk.EvMessageSent})
			list, err := d.Deliveries(t.Context(), "t1", w.ID, "", 10)
			if err != nil || len(list) != 1 || list[0].Status != tt.status || !strings.Contains(list[0].LastError, tt.says) || strings.Contains(list[0].LastError, "127.0.0.1") {
				t.Errorf("%+v, %v", list, err)
			}
			if len(r.got) != 1 {
				t.Errorf("%d requests", len(r.got))
			}
		})
	}
}

func TestRetryAfterIsHeard(t *testing.T) {
	d, r := newDesk(t, sqldbtest.SQLite(t), "127.0.0.1"), newReceiver(t)
	r.answer = func(w http.ResponseWriter) { w.Header().Set("Retry-After", "600"); w.WriteHeader(429) }
	w, _, err := d.Create(t.Context(), "t1", r.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	d.happen(t, frontdesk.Event{Tenant: "t1", Type: frontdesk.EvMessageSent})
	list, err := d.Deliveries(t.Context(), "t1", w.ID, "", 10)
	if err != nil || len(list) != 1 || time.Until(frontdesk.FromMicros(list[0].DueAt)) < 9*time.Minute {
		t.Errorf("%+v, %v", list, err)
	}
}

func TestVerify(t *testing.T) {
	const secret = "whsec_abc"
	body, at := []byte(`{"type":"message.sent"}`), time.Unix(1_800_000_000, 0)
	good := Sign(secret, body, at)
	for name, tt := range map[string]struct {
		secret, header, body string
		now                  time.Time
		ok                   bool
	}{
		"right":                      {secret, good, string(body), at, true},
		"a little late":              {secret, good, string(body), at.Add(4 * time.Minute), true},
		"a clock ahead":              {secret, good, string(body), at.Add(-4 * time.Minute), true},
		"during a change of secrets": {secret, "t=1800000000,v1=00ff," + good[len("t=1800000000,"):], string(body), at, true},
		"replayed by a stranger":     {secret, good, string(body), at.Add(6 * time.Minute), false},
		"from the future":            {secret, good, string(body), at.Add(-6 * time.Minute), false},
		"another body":               {secret, good, `{"type":"message.sent" }`, at, false},
		"another secret":             {"whsec_abd", good, string(body), at, false},
		"another time":               {secret, strings.Replace(good, "1800000000", "1800000001", 1), string(body), at, false},
		"nothing":                    {secret, "", string(body), at, false},
		"no signature":               {secret, "t=1800000000", string(body), at, false},
		"an empty one":               {secret, "t=1800000000,v1=", string(body), at, false},
		"no time":                    {secret, good[len("t=1800000000,"):], string(body), at, false},
		"another version":            {secret, strings.Replace(good, "v1", "v0", 1), string(body), at, false},
	} {
		if err := Verify(tt.secret, tt.header, []byte(tt.body), tt.now, 0); (err == nil) != tt.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
	// The documented form, worked out by another program, so that receivers written from the documents agree.
	const want = "t=1800000000,v1=9a472e6487dcf5eb668eff0865b9356bf2fa00b2e1e798906ee3b7c50510319b"
	if good != want {
		t.Errorf("got %s, want %s", good, want)
	}
}

func TestVerifyTakesOnlyWhatWasSigned(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		secret, body := rapid.String().Draw(t, "secret"), rapid.SliceOf(rapid.Byte()).Draw(t, "body")
		at := time.Unix(rapid.Int64Range(0, 1<<40).Draw(t, "at"), 0)
		header := Sign(secret, body, at)
		if err := Verify(secret, header, body, at, 0); err != nil {
			t.Fatal(err)
		}
		b := []byte(header)
		i := rapid.IntRange(0, len(b)-1).Draw(t, "i")
		b[i] ^= 1 << rapid.IntRange(0, 4).Draw(t, "bit")
		if Verify(secret, string(b), body, at, 0) == nil && !bytes.EqualFold(b, []byte(header)) {
			t.Fatalf("%s was taken for %s", b, header)
		}
	})
}
