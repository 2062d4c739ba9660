package load

import (
	"errors"
	"strconv"
)

// frame is what the fleet needs of one server frame; everything else in it is skipped. The slices alias the input, except
// replyTo, whose storage is reused.
type frame struct {
	kind       string // one of the frame* constants
	clientID   []byte
	seq        int64 // of a message frame: the message's
	from       string
	replyTo    []int64
	sources    bool // the message cites something: it is an answer
	owner      []byte
	errKind    []byte
	retryAfter int64 // milliseconds; 0 when the server gave none
	after      int64 // milliseconds
}

const (
	frameReady     = "ready"
	frameMessage   = "message"
	frameAck       = "ack"
	frameState     = "state"
	frameError     = "error"
	frameReconnect = "reconnect"

	fromCustomer = "customer"
)

var errFrame = errors.New("frame is not the JSON object the protocol promises")

// scanFrame reads b into f. It knows the protocol's frames by hand because reflection would cost more than the rest of the
// loader. It is lenient about what it skips: the read-back at the end of a run uses encoding/json and judges strictly.
func scanFrame(b []byte, f *frame) error {
	*f = frame{replyTo: f.replyTo[:0]}
	s := scanner{b: b}
	s.expect('{')
	for s.more('}') {
		key := s.text()
		s.expect(':')
		switch string(key) {
		case "type":
			switch kind := s.text(); string(kind) {
			case frameReady:
				f.kind = frameReady
			case frameMessage:
				f.kind = frameMessage
			case frameAck:
				f.kind = frameAck
			case frameState:
				f.kind = frameState
			case frameError:
				f.kind = frameError
			case frameReconnect:
				f.kind = frameReconnect
			}
		case "message":
			if s.peek() == '{' {
				s.message(f)
			} else {
				s.skip() // the text of an error frame
			}
		case "client_id":
			f.clientID = s.text()
		case "seq":
			f.seq = s.number()
		case "owner":
			f.owner = s.text()
		case "kind":
			f.errKind = s.text()
		case "retry_after_ms":
			f.retryAfter = s.number()
		case "after_ms":
			f.after = s.number()
		default:
			s.skip()
		}
	}
	if s.bad {
		return errFrame
	}
	return nil
}

// message reads the object of a message frame.
func (s *scanner) message(f *frame) {
	s.expect('{')
	for s.more('}') {
		key := s.text()
		s.expect(':')
		switch string(key) {
		case "seq":
			f.seq = s.number()
		case "from":
			if string(s.text()) == fromCustomer {
				f.from = fromCustomer
			}
		case "client_id":
			f.clientID = s.text()
		case "reply_to":
			if s.peek() != '[' {
				s.skip() // null
				continue
			}
			s.expect('[')
			for s.more(']') {
				f.replyTo = append(f.replyTo, s.number())
			}
		case "sources":
			s.sources(f)
		case "parts":
			if s.peek() != '[' {
				s.skip()
				continue
			}
			s.expect('[')
			for s.more(']') {
				s.expect('{')
				for s.more('}') {
					key := s.text()
					s.expect(':')
					if string(key) == "sources" {
						s.sources(f)
					} else {
						s.skip()
					}
				}
			}
		default:
			s.skip()
		}
	}
}

// sources notes whether a list of sources has any.
func (s *scanner) sources(f *frame) {
	if s.peek() != '[' {
		s.skip()
		return
	}
	s.expect('[')
	for s.more(']') {
		f.sources = true
		s.skip()
	}
}

// scanner walks JSON text without building values. After a fault bad is set, the input counts as used up, and every
// method returns zero values, so that loops end.
type scanner struct {
	b   []byte
	i   int
	bad bool
}

func (s *scanner) fail() { s.bad, s.i = true, len(s.b) }

// peek returns the next byte that is not a space, 0 at the end.
func (s *scanner) peek() byte {
	for ; s.i < len(s.b); s.i++ {
		if c := s.b[s.i]; c != ' ' && c != '\n' && c != '\t' && c != '\r' {
			return c
		}
	}
	return 0
}

func (s *scanner) expect(c byte) {
	if s.peek() != c {
		s.fail()
		return
	}
	s.i++
}

// more reports whether another element follows before the closing bracket, and consumes a comma or that bracket.
func (s *scanner) more(closing byte) bool {
	switch s.peek() {
	case closing:
		s.i++
		return false
	case ',':
		s.i++
		s.peek()
	case 0:
		s.fail()
	}
	return !s.bad
}

// text returns the raw content of a string, escapes and all.
func (s *scanner) text() []byte {
	if s.peek() != '"' {
		s.skip()
		return nil
	}
	start := s.i + 1
	for i := start; i < len(s.b); i++ {
		switch s.b[i] {
		case '\\':
			i++
		case '"':
			s.i = i + 1
			return s.b[start:i]
		}
	}
	s.fail()
	return nil
}

// number returns an integer; a fraction or exponent is dropped, another value is skipped and counts as 0.
func (s *scanner) number() int64 {
	c := s.peek()
	if c != '-' && (c < '0' || c > '9') {
		s.skip()
		return 0
	}
	var n int64
	start := s.i
	for s.i++; s.i < len(s.b) && s.b[s.i] >= '0' && s.b[s.i] <= '9'; s.i++ {
	}
	if c == '-' {
		n, _ = strconv.ParseInt(string(s.b[start:s.i]), 10, 64)
	} else {
		for _, d := range s.b[start:s.i] {
			n = n*10 + int64(d-'0')
		}
	}
	s.i = start
	s.literal()
	return n
}

// literal steps over a number, true, false or null.
func (s *scanner) literal() {
	start := s.i
	for s.i < len(s.b) {
		switch s.b[s.i] {
		case ',', '}', ']', ' ', '\n', '\t', '\r', ':', '"', '{', '[':
			if s.i == start {
				s.fail()
			}
			return
		}
		s.i++
	}
	if s.i == start {
		s.fail()
	}
}

// skip steps over one value of any kind, however deep.
func (s *scanner) skip() {
	depth := 0
	for {
		switch c := s.peek(); c {
		case 0:
			s.fail()
			return
		case '"':
			s.text()
		case '{', '[':
			s.i++
			depth++
		case '}', ']':
			if depth == 0 {
				s.fail()
				return
			}
			s.i++
			depth--
		case ',', ':':
			if depth == 0 {
				s.fail()
				return
			}
			s.i++
			continue
		default:
			s.literal()
		}
		if depth == 0 || s.bad {
			return
		}
	}
}

// appendSend appends a client frame; quoted is the text as a JSON string with its quotes.
func appendSend(dst []byte, id messageID, quoted []byte) []byte {
	dst = append(dst, `{"type":"send","client_id":"`...)
	dst = id.append(dst)
	dst = append(dst, `","text":`...)
	dst = append(dst, quoted...)
	return append(dst, '}')
}

// messageID is a client id: the n-th message of a visitor. It is unique within the conversation, as the protocol asks.
type messageID int32

func (id messageID) append(dst []byte) []byte {
	dst = append(dst, 'm')
	return strconv.AppendInt(dst, int64(id), 10)
}

// parseID is the inverse of append; ok is false for an id that the fleet did not make.
func parseID(b []byte) (id messageID, ok bool) {
	if len(b) < 2 || len(b) > 10 || b[0] != 'm' {
		return 0, false
	}
	for _, c := range b[1:] {
		if c < '0' || c > '9' {
			return 0, false
		}
		id = id*10 + messageID(c-'0')
	}
	return id, true
}
