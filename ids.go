package frontdesk

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"sync"
	"time"
)

// ids keeps NewID monotonic within a process: RFC 9562 method 1 (a counter in rand_a).
var ids struct {
	sync.Mutex
	ms  uint64
	seq uint16
}

// NewID returns a UUIDv7 (RFC 9562) as 36 characters of text. Ids of one process sort in the order they were made, also
// within a millisecond; 62 random bits make them unguessable. Safe for concurrent use.
func NewID() string {
	var b [16]byte
	rand.Read(b[6:]) // never fails since Go 1.24

	ids.Lock()
	now := uint64(time.Now().UnixMilli())
	if now > ids.ms {
		ids.ms, ids.seq = now, binary.BigEndian.Uint16(b[6:8])&0x07ff // head room below the 12-bit limit
	} else if ids.seq++; ids.seq > 0x0fff {
		ids.ms, ids.seq = ids.ms+1, 0
	}
	ms, seq := ids.ms, ids.seq
	ids.Unlock()

	binary.BigEndian.PutUint16(b[0:2], uint16(ms>>32))
	binary.BigEndian.PutUint32(b[2:6], uint32(ms))
	binary.BigEndian.PutUint16(b[6:8], 0x7000|seq)
	b[8] = b[8]&0x3f | 0x80

	var out [36]byte
	hex.Encode(out[0:8], b[0:4])
	hex.Encode(out[9:13], b[4:6])
	hex.Encode(out[14:18], b[6:8])
	hex.Encode(out[19:23], b[8:10])
	hex.Encode(out[24:36], b[10:16])
	out[8], out[13], out[18], out[23] = '-', '-', '-', '-'
	return string(out[:])
}

// Secret returns 256 random bits as 43 characters safe in a URL: a session token, an API key, a signing secret.
func Secret() string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	var b [43]byte
	rand.Read(b[:])
	for i := range b {
		b[i] = alphabet[b[i]&63]
	}
	return string(b[:])
}

// Micros is a time as the database keeps it: microseconds since 1970 in UTC.
func Micros(t time.Time) int64 { return t.UnixMicro() }

// FromMicros is the inverse of Micros, in UTC.
func FromMicros(us int64) time.Time { return time.UnixMicro(us).UTC() }
