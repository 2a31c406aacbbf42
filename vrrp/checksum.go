package vrrp

import (
	"encoding/binary"
	"net/netip"
)

// A sum is a ones' complement sum in the making (W-40). Words of 32 bits are
// added and folded at the end, which gives the same as words of 16; an advert
// is far too short for 64 bits to overflow.
type sum uint64

func (s sum) bytes(b []byte) sum {
	for len(b) >= 4 {
		s += sum(binary.BigEndian.Uint32(b))
		b = b[4:]
	}
	// An odd end is padded with a zero byte.
	switch len(b) {
	case 3:
		s += sum(b[0])<<24 | sum(b[1])<<16 | sum(b[2])<<8
	case 2:
		s += sum(b[0])<<24 | sum(b[1])<<16
	case 1:
		s += sum(b[0]) << 24
	}
	return s
}

func (s sum) addr(a netip.Addr) sum {
	if a.Is4() {
		b := a.As4()
		return s.bytes(b[:])
	}
	b := a.As16()
	return s.bytes(b[:])
}

func (s sum) fold() uint16 {
	for s > 0xffff {
		s = s>>16 + s&0xffff
	}
	return uint16(s)
}

// whole reports that a message including its checksum sums up as it should.
func (s sum) whole() bool { return s.fold() == 0xffff }

// pseudoHeader sums what stands before a message of n bytes. The layouts of
// IPv4 (W-43) and IPv6 (W-42) hold the same words in another order, and a sum
// does not care for order.
func pseudoHeader(src, dst netip.Addr, n int) sum {
	return sum(Protocol + n).addr(src).addr(dst)
}

// covered returns the part of b that the checksum of its message covers: over
// IPv4 the message of n bytes without a trailer (H-10), over IPv6 everything,
// because there the kernel computes it last (H-11).
func covered(b []byte, n int, e Envelope) []byte {
	if e.v6() {
		return b
	}
	return b[:n]
}

// forms reports in which forms the checksum of b verifies, whose message has
// n bytes. A kind of advert that has one form only is said to fit Pseudo.
func forms(b []byte, n int, e Envelope) (fits [PseudoGroup + 1]bool) {
	b = covered(b, n, e)
	bare := sum(0).bytes(b)
	switch {
	case b[0]>>4 == V2: // W-41
		fits[Pseudo] = bare.whole()
	case e.v6(): // W-42
		fits[Pseudo] = (bare + pseudoHeader(e.Src, e.Dst, len(b))).whole()
	default:
		fits[Pseudo] = (bare + pseudoHeader(e.Src, e.Dst, len(b))).whole()
		fits[MessageOnly] = bare.whole()
		fits[PseudoGroup] = (bare + pseudoHeader(e.Src, Group4, len(b))).whole()
	}
	return fits
}

// Resum writes the checksum of an advert that is otherwise finished, trailer
// included. A unicast router uses it to send the same advert, under the same
// seal, to its next peer (U-1, H-14). b holds an advert that Append made.
func Resum(b []byte, e Envelope, form ChecksumForm) {
	version := b[0] >> 4
	c := covered(b, Size(version, e.v6(), int(b[3])), e)
	c[6], c[7] = 0, 0
	var s sum
	switch {
	case version == V2, form == MessageOnly && !e.v6():
	case form == PseudoGroup && !e.v6():
		s = pseudoHeader(e.Src, Group4, len(c))
	default:
		s = pseudoHeader(e.Src, e.Dst, len(c))
	}
	binary.BigEndian.PutUint16(c[6:], ^s.bytes(c).fold())
}
