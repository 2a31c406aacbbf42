package vrrp

import (
	"encoding/binary"
	"time"
)

// TrailerSize is the length in bytes that auth_hmac adds to every advert.
const TrailerSize = 28

const (
	hmacSHA256 = 1  // the only extension type (H-1)
	hmacOffset = 12 // where in the trailer the HMAC stands
)

// A Trailer is what auth_hmac puts behind an advert
// (draft-cassen-vrrp-auth-hmac as in keepalived 2.4.2).
type Trailer struct {
	Type, Key uint8
	Reserved  uint16
	Sequence  Sequence
	HMAC      [16]byte
}

// ParseTrailer reads the trailer, which is the last of an advert that Decode
// called signed.
func ParseTrailer(b []byte) (t Trailer, ok bool) {
	if len(b) < headerSize+TrailerSize {
		return Trailer{}, false
	}
	b = b[len(b)-TrailerSize:]
	return Trailer{
		Type: b[0], Key: b[1],
		Reserved: binary.BigEndian.Uint16(b[2:]),
		Sequence: Sequence(binary.BigEndian.Uint64(b[4:])),
		HMAC:     [16]byte(b[hmacOffset:]),
	}, true
}

// A Sequence numbers the signed adverts of a sender: seconds since 1970 in 32
// bits, 65536ths of a second in 16, and a counter in 16 (H-13).
type Sequence uint64

// sequenceAt returns the first sequence of a moment.
func sequenceAt(wall time.Time) Sequence {
	fraction := uint64(wall.Nanosecond()) << 16 / uint64(time.Second)
	return Sequence(uint64(uint32(wall.Unix()))<<32 | fraction<<16)
}

// after reports whether s comes after u in the arithmetic of serial numbers
// (RFC 1982, H-15), which does not care that they wrap round.
func (s Sequence) after(u Sequence) bool { return int64(s-u) > 0 }

// lag returns how many whole seconds s lies before a moment; below zero it
// lies ahead (H-24).
func (s Sequence) lag(now Sequence) int64 { return int64(int32(now>>32) - int32(s>>32)) }

// Time returns the moment within the 136 years from 1970 that s was made for.
func (s Sequence) Time() time.Time {
	nanos := (int64(s>>16&0xffff)*int64(time.Second) + 1<<16 - 1) >> 16
	return time.Unix(int64(s>>32), nanos).UTC()
}
