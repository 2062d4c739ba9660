package conversation_test

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"path/filepath"
	"sync"
	"testing"

	"frontdesk"
	"frontdesk/internal/conversation"
	"frontdesk/internal/sqldb/sqldbtest"
)

// cut is what happens to a connection at a COMMIT.
type cut int

const (
	whole  cut = iota
	before     // the connection breaks and the COMMIT never arrives
	after      // the COMMIT is done and the connection breaks before the answer
)

// cable lies between a node and PostgreSQL, and breaks as at tells it to.
type cable struct {
	server string // socket of PostgreSQL
	mu     sync.Mutex
	at     func() cut // asked at each COMMIT
	cuts   map[cut]int
	ends   []net.Conn
	group  sync.WaitGroup
}

// lay puts a cable before a database and returns its other end's address.
func lay(t *testing.T) (*cable, place) {
	t.Helper()
	address, err := url.Parse(sqldbtest.PostgresURL(t))
	must(t, err)
	noLeaks(t)
	query := address.Query()
	c := &cable{server: filepath.Join(query.Get("host"), ".s.PGSQL.5432"), at: func() cut { return whole }, cuts: map[cut]int{}}
	dir := t.TempDir()
	l, err := net.Listen("unix", filepath.Join(dir, ".s.PGSQL.5432"))
	must(t, err)
	c.group.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			c.group.Go(func() { c.carry(conn) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		c.mu.Lock()
		for _, end := range c.ends {
			end.Close()
		}
		c.mu.Unlock()
		c.group.Wait()
	})
	query.Set("host", dir)
	query.Set("sslmode", "disable")
	address.RawQuery = query.Encode()
	return c, place{url: address.String()}
}

// carry carries one connection: the node's messages one by one, for among them is the COMMIT, and the answers as bytes.
func (c *cable) carry(node net.Conn) {
	defer node.Close()
	server, err := net.Dial("unix", c.server)
	if err != nil {
		return
	}
	defer server.Close()
	c.mu.Lock()
	c.ends = append(c.ends, node, server)
	c.mu.Unlock()
	var answers sync.Mutex // locked: the answers are kept from the node
	c.group.Go(func() {
		defer node.Close()
		buf := make([]byte, 32<<10)
		for {
			n, err := server.Read(buf)
			answers.Lock()
			_, werr := node.Write(buf[:n])
			answers.Unlock()
			if err != nil || werr != nil {
				return
			}
		}
	})
	r := bufio.NewReader(node)
	for first := true; ; first = false {
		message, err := readMessage(r, first)
		if err != nil {
			return
		}
		if string(message[min(5, len(message)):]) == "commit\x00" && message[0] == 'Q' {
			c.mu.Lock()
			how := c.at()
			c.cuts[how]++
			c.mu.Unlock()
			switch how {
			case before:
				return
			case after:
				answers.Lock()
				node.Close()
				answers.Unlock()
				server.Write(message)
				server.(*net.UnixConn).CloseWrite() // it reads the COMMIT, does it and sees the end
				return
			}
		}
		if _, err := server.Write(message); err != nil {
			return
		}
	}
}

// readMessage reads one message of the node's; the first of a connection has no type before its length.
func readMessage(r io.Reader, first bool) ([]byte, error) {
	head := make([]byte, 5)
	if first {
		head = head[:4]
	}
	if _, err := io.ReadFull(r, head); err != nil {
		return nil, err
	}
	length := binary.BigEndian.Uint32(head[len(head)-4:])
	if length < 4 || length > 1<<24 {
		return nil, errors.New("no message of PostgreSQL's")
	}
	message := append(head, make([]byte, length-4)...)
	_, err := io.ReadFull(r, message[len(head):])
	return message, err
}

func (c *cable) cutAt(f func() cut) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = f
}

// next cuts the next COMMIT only.
func (c *cable) next(how cut) {
	done := false
	c.cutAt(func() cut {
		if done {
			return whole
		}
		done = true
		return how
	})
}

// The connection breaks in a COMMIT of Accept's. The sender is told that it failed, whatever became of it; sent again, the
// message is there once, under the number that it has, and is answered once.
func TestConnectionBreaksInACommit(t *testing.T) {
	for name, how := range map[string]cut{"before it arrives": before, "before it is answered": after} {
		t.Run(name, func(t *testing.T) {
			line, p := lay(t)
			n := start(t, p, setup{asleep: true}) // its own turns would commit, too
			c := n.customer()
			line.next(how)
			if seq, err := n.Accept(t.Context(), c.inbound("m1", "怎么退货？")); err == nil {
				t.Fatalf("acknowledged as %d over a broken connection", seq)
			} else if frontdesk.KindOf(err) != frontdesk.Unavailable {
				t.Errorf("the sender is told %v", err)
			}
			var stored []conversation.Message
			if how == after { // the database does it when it reads it
				until(t, "the COMMIT that was sent", func() bool { stored = c.by(conversation.ByCustomer); return len(stored) == 1 })
			} else if stored = c.by(conversation.ByCustomer); len(stored) != 0 {
				t.Fatalf("stored without a COMMIT: %v", stored)
			}
			seq, err := n.Accept(t.Context(), c.inbound("m1", "怎么退货？"))
			must(t, err)
			if got := c.by(conversation.ByCustomer); len(got) != 1 || got[0].Seq != seq || how == after && seq != stored[0].Seq {
				t.Errorf("sent again it is %d: %v, stored before %v", seq, got, stored)
			}
			line.next(how) // the node starts over a connection that breaks, too
			n.run(false)
			c.at(n).hears(1)
			c.answeredOnce()
			n.stop()
		})
	}
}

// Connections break in every fifth COMMIT, of messages and of answers, on either side of it. All that was acknowledged is
// there under its number; all that is there is answered once, in order.
func TestConnectionsBreakInManyCommits(t *testing.T) {
	texts := []string{"怎么退货？", "运费多少钱？", "怎么开发票？"}
	line, p := lay(t)
	n := start(t, p, setup{})
	const people, each = 6, 8
	var customers [people]*customer
	for i := range customers {
		customers[i] = n.customer()
	}
	commits := 0
	line.cutAt(func() cut {
		commits++
		switch commits % 10 {
		case 4:
			return before
		case 9:
			return after
		}
		return whole
	})
	var talking sync.WaitGroup
	acked := [people]map[string]int64{}
	for i, c := range customers {
		acked[i] = map[string]int64{}
		talking.Go(func() {
			for k := range each {
				id := fmt.Sprint("m", k)
				for {
					seq, err := n.Accept(t.Context(), c.inbound(id, texts[k%len(texts)]))
					if err == nil {
						acked[i][id] = seq
						break
					}
					if frontdesk.KindOf(err) != frontdesk.Unavailable && frontdesk.KindOf(err) != frontdesk.Limited {
						t.Errorf("%s: %v", id, err)
						return
					}
				}
			}
		})
	}
	talking.Wait()
	line.cutAt(func() cut { return whole })
	for i, c := range customers {
		c.settled()
		c.answeredOnce()
		got := c.by(conversation.ByCustomer)
		if len(got) != each {
			t.Errorf("%d messages stored, %d sent:\n%s", len(got), each, c.transcript())
		}
		for k, m := range got {
			if id := fmt.Sprint("m", k); m.ClientID != id || acked[i][id] != m.Seq {
				t.Errorf("message %d is %s with number %d, acknowledged as %d", k, m.ClientID, m.Seq, acked[i][id])
			}
		}
	}
	line.mu.Lock()
	defer line.mu.Unlock()
	if line.cuts[before] == 0 || line.cuts[after] == 0 {
		t.Errorf("cut %v", line.cuts)
	}
	t.Logf("COMMITs that arrived, never arrived, were never answered: %d, %d, %d", line.cuts[whole], line.cuts[before], line.cuts[after])
}
