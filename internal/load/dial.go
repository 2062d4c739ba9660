package load

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// refusal is a server's "not now": HTTP 429 or 503.
type refusal struct {
	status int
	after  time.Duration // from Retry-After; 0 when there was none
}

func (r *refusal) Error() string {
	return fmt.Sprintf("refused with status %d, retry after %v", r.status, r.after)
}

// link is one connection on which requests follow each other and which may at last become a WebSocket: a customer
// costs a single connection from session to chat.
type link struct {
	net.Conn
	host   string
	br     *bufio.Reader
	sign   string // header lines that every request carries, each with its line end
	cookie string // that the server has set, as a request carries it
}

var readers = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, 4<<10) }}

// openLink connects from a source address that only few customers share, as they do in life: limits per address then
// need no exception for benches, and 64,000 ports per address never run out.
func openLink(ctx context.Context, addr string, customer int32) (*link, error) {
	d := net.Dialer{Timeout: 10 * time.Second}
	if host, _, _ := net.SplitHostPort(addr); net.ParseIP(host).IsLoopback() && net.ParseIP(host).To4() != nil {
		k := customer / 16
		d.LocalAddr = &net.TCPAddr{IP: net.IPv4(127, byte(1+k>>16&0x3f), byte(k>>8), byte(k))}
	}
	conn, err := d.DialContext(ctx, "tcp", addr)
	if err != nil && d.LocalAddr != nil && !errors.Is(err, errRefused) {
		d.LocalAddr = nil // not every system has all of 127/8
		conn, err = d.DialContext(ctx, "tcp", addr)
	}
	if err != nil {
		return nil, err
	}
	br := readers.Get().(*bufio.Reader)
	br.Reset(conn)
	return &link{Conn: conn, host: addr, br: br}, nil
}

// release gives the reader back; the connection stays open.
func (l *link) release() {
	l.br.Reset(nil)
	readers.Put(l.br)
	l.br = nil
}

// call makes one JSON request and decodes the response into out.
func (l *link) call(method, path, token string, in, out any) error {
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return err
		}
	}
	l.SetDeadline(time.Now().Add(30 * time.Second))
	defer l.SetDeadline(time.Time{})

	var req bytes.Buffer
	fmt.Fprintf(&req, "%s %s HTTP/1.1\r\nHost: %s\r\nOrigin: http://%s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n",
		method, path, l.host, l.host, len(body))
	req.WriteString(l.sign)
	if token != "" {
		fmt.Fprintf(&req, "Authorization: Bearer %s\r\n", token)
	}
	req.WriteString("\r\n")
	req.Write(body)
	if _, err := l.Write(req.Bytes()); err != nil {
		return err
	}
	resp, err := http.ReadResponse(l.br, nil)
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	defer resp.Body.Close()
	if set := resp.Cookies(); len(set) > 0 {
		l.cookie = set[0].Name + "=" + set[0].Value
	}
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	switch {
	case resp.StatusCode == http.StatusTooManyRequests, resp.StatusCode == http.StatusServiceUnavailable:
		seconds, _ := strconv.ParseFloat(resp.Header.Get("Retry-After"), 64)
		return &refusal{resp.StatusCode, time.Duration(seconds * float64(time.Second))}
	case resp.StatusCode/100 != 2:
		return fmt.Errorf("%s %s: status %d: %.200s", method, path, resp.StatusCode, text)
	}
	if err := json.Unmarshal(text, out); err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	return nil
}

// upgrade turns the connection into a WebSocket.
func (l *link) upgrade(ctx context.Context, path string) (*websocket.Conn, error) {
	d := websocket.Dialer{
		NetDialContext:   func(context.Context, string, string) (net.Conn, error) { return l.Conn, nil },
		HandshakeTimeout: 30 * time.Second,
		ReadBufferSize:   1 << 10,
		WriteBufferSize:  1 << 10,
		WriteBufferPool:  &writeBuffers,
	}
	ws, resp, err := d.DialContext(ctx, "ws://"+l.host+path, http.Header{"Origin": {"http://" + l.host}})
	if err != nil && resp != nil {
		if resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode == http.StatusServiceUnavailable {
			seconds, _ := strconv.ParseFloat(resp.Header.Get("Retry-After"), 64)
			return nil, &refusal{resp.StatusCode, time.Duration(seconds * float64(time.Second))}
		}
		text, _ := io.ReadAll(resp.Body)
		return nil, fmt.Errorf("socket: status %d: %.200s", resp.StatusCode, text)
	}
	return ws, err
}

var writeBuffers sync.Pool

// join opens the customer's socket: a session if there is none yet, a ticket, the upgrade.
func (v *visitor) join(ctx context.Context, addr, site string) (*websocket.Conn, error) {
	l, err := openLink(ctx, addr, v.index)
	if err != nil {
		return nil, err
	}
	defer l.release()
	if v.token == "" {
		var session struct{ Token string }
		if err := l.call("POST", "/v1/visitor/session", "", map[string]string{"site": site}, &session); err != nil {
			l.Close()
			return nil, err
		}
		v.token = session.Token
	}
	var ticket struct{ Ticket string }
	if err := l.call("POST", "/v1/visitor/ticket", v.token, struct{}{}, &ticket); err != nil {
		l.Close()
		return nil, err
	}
	ws, err := l.upgrade(ctx, fmt.Sprintf("/v1/visitor/socket?ticket=%s&after=%d", ticket.Ticket, v.seen.Load()))
	if err != nil {
		l.Close()
		return nil, err
	}
	ws.SetReadLimit(1 << 20)
	return ws, nil
}

// stored is a message as the history shows it.
type stored struct {
	Seq      int64   `json:"seq"`
	From     string  `json:"from"`
	ClientID string  `json:"client_id"`
	ReplyTo  []int64 `json:"reply_to"`
}

// history reads the customer's whole conversation back over HTTP.
func (v *visitor) history(ctx context.Context, addr string) ([]stored, error) {
	l, err := openLink(ctx, addr, v.index)
	if err != nil {
		return nil, err
	}
	defer l.release()
	defer l.Close()
	var all []stored
	for after := int64(0); ; {
		var page struct{ Messages []stored }
		err := l.call("GET", fmt.Sprintf("/v1/visitor/messages?after=%d&wait=0", after), v.token, nil, &page)
		if no, ok := errors.AsType[*refusal](err); ok && ctx.Err() == nil {
			time.Sleep(max(no.after, 50*time.Millisecond))
			continue
		}
		if err != nil {
			return nil, err
		}
		if len(page.Messages) == 0 {
			return all, nil
		}
		all = append(all, page.Messages...)
		last := page.Messages[len(page.Messages)-1].Seq
		if last <= after {
			return all, nil // out of order: the comparison will say so
		}
		after = last
	}
}
