package load

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"frontdesk"
	"frontdesk/internal/sqldb"
)

// The floor is what the database alone costs: the bare group-commit writer on a fresh database, without sockets, bot,
// checks or history. A turn is the same seven rows in the same two commits as the path's: the conversation, the message
// and its event; then the conversation, the reply, the trace and its event. Its latency is open loop, like the path's:
// from the instant the turn was due to the return of the second commit.

// ServeFloor is the body of the bare writer's process.
func ServeFloor(in io.Reader, out io.WriteCloser) error {
	c := &FloorService{}
	defer func() {
		if c.db != nil {
			c.db.Close()
		}
	}()
	return serve(in, out, "Floor", c)
}

// FloorService is the bare writer behind net/rpc.
type FloorService struct {
	db   *sqldb.DB
	seqs atomic.Int64
}

// FloorOptions say where the fresh database is.
type FloorOptions struct{ Dir, URL string }

// FloorTally is what a run of the floor saw.
type FloorTally struct {
	Turns   int       `json:"turns"`
	Failed  int       `json:"failed"`
	Seconds float64   `json:"seconds"`
	CPU     float64   `json:"cpu"`
	Turn    Histogram `json:"turn"`
}

const floorConversations = 4000

// Open makes the tables. They are shaped as the path's, but its own: the path's schema may change.
func (c *FloorService) Open(o FloorOptions, _ *None) (err error) {
	ctx := context.Background()
	if c.db, err = sqldb.Open(ctx, sqldb.Options{Dir: o.Dir, URL: o.URL}); err != nil {
		return err
	}
	end := ""
	if c.db.Dialect() == sqldb.SQLite {
		end = " WITHOUT ROWID"
	}
	return c.db.Write(ctx, func(tx *sqldb.Tx) error {
		for _, q := range []string{
			`CREATE TABLE floor_conversation (tenant TEXT, id TEXT, seq BIGINT, claim TEXT, state TEXT, updated_at BIGINT, PRIMARY KEY (tenant, id))`,
			`CREATE TABLE floor_message (tenant TEXT, conversation TEXT, seq BIGINT, author TEXT, client_id TEXT, content TEXT, at BIGINT, PRIMARY KEY (tenant, conversation, seq))`,
			`CREATE TABLE floor_trace (tenant TEXT, conversation TEXT, turn BIGINT, body TEXT, PRIMARY KEY (tenant, conversation, turn))`,
		} {
			if _, err := tx.Exec(q + end); err != nil {
				return err
			}
		}
		for i := range floorConversations {
			if _, err := tx.Exec("INSERT INTO floor_conversation VALUES ($1, $2, 0, '', '', 0)", "t", floorConversation(i)); err != nil {
				return err
			}
		}
		return nil
	})
}

func floorConversation(i int) string {
	return fmt.Sprintf("01999999-0000-7000-8000-%012d", i%floorConversations)
}

var (
	floorMessage = strings.Repeat("问", 60)
	floorReply   = strings.Repeat("答", 180)
	floorTrace   = strings.Repeat("trace ", 170)
)

// turn writes one message and its reply.
func (c *FloorService) turn(ctx context.Context, i int) error {
	id := floorConversation(i)
	err := c.db.Write(ctx, func(tx *sqldb.Tx) error {
		var seq int64
		if err := tx.QueryRow("UPDATE floor_conversation SET seq = seq + 1, claim = 'x', updated_at = $3 WHERE tenant = $1 AND id = $2 RETURNING seq",
			"t", id, tx.Now()).Scan(&seq); err != nil {
			return err
		}
		tx.Append(frontdesk.Event{Tenant: "t", Type: frontdesk.EvMessageReceived, Conversation: id})
		_, err := tx.Exec("INSERT INTO floor_message VALUES ($1, $2, $3, 'customer', $4, $5, $6)", "t", id, seq, fmt.Sprint("m", i), floorMessage, tx.Now())
		return err
	})
	if err != nil {
		return err
	}
	return c.db.Write(ctx, func(tx *sqldb.Tx) error {
		var seq int64
		if err := tx.QueryRow("UPDATE floor_conversation SET seq = seq + 1, claim = '', updated_at = $3 WHERE tenant = $1 AND id = $2 RETURNING seq",
			"t", id, tx.Now()).Scan(&seq); err != nil {
			return err
		}
		tx.Append(frontdesk.Event{Tenant: "t", Type: frontdesk.EvTurnCompleted, Conversation: id})
		if _, err := tx.Exec("INSERT INTO floor_message VALUES ($1, $2, $3, 'bot', '', $4, $5)", "t", id, seq, floorReply, tx.Now()); err != nil {
			return err
		}
		_, err := tx.Exec("INSERT INTO floor_trace VALUES ($1, $2, $3, $4)", "t", id, seq, floorTrace)
		return err
	})
}

// Run makes turns at the pace and waits for them all.
func (c *FloorService) Run(p Pace, out *FloorTally) error {
	var (
		mu    sync.Mutex
		group sync.WaitGroup
		tally FloorTally
		cpu   = ownCPU()
	)
	interval := time.Duration(float64(time.Second) / p.Rate)
	start := time.Now()
	for i := range int(p.Rate * p.Seconds) {
		due := start.Add(time.Duration(i) * interval)
		for wait := time.Until(due); wait > 0; wait = time.Until(due) {
			time.Sleep(max(wait, time.Millisecond))
		}
		n := int(c.seqs.Add(1))
		group.Go(func() {
			err := c.turn(context.Background(), n)
			took := time.Since(due)
			mu.Lock()
			defer mu.Unlock()
			tally.Turns++
			if err != nil {
				tally.Failed++
			}
			tally.Turn.Add(took)
		})
	}
	group.Wait()
	tally.Seconds, tally.CPU = time.Since(start).Seconds(), ownCPU()-cpu
	*out = tally
	return nil
}
