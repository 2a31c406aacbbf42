package vrrp

import (
	"encoding/binary"
	"net/netip"
	"time"
)

const (
	headerSize   = 8 // what every advert begins with
	authDataSize = 8 // what every advert of version 2 ends with

	advertisement = 1 // the only type there is
)

// Size returns the length in bytes of an advert with n addresses, without a
// trailer (W-26, W-30).
func Size(version uint8, v6 bool, n int) int {
	size := headerSize + n*addressSize(v6)
	if version == V2 {
		size += authDataSize
	}
	return size
}

func addressSize(v6 bool) int {
	if v6 {
		return 16
	}
	return 4
}

// MostAddresses returns how many addresses an advert may list so that it fits
// a link's MTU in one packet, a trailer of auth_hmac included if sealed (W-27).
func MostAddresses(version uint8, v6 bool, mtu int, sealed bool) int {
	room := mtu - 20 - Size(version, v6, 0)
	if v6 {
		room -= 20 // the IPv6 header has 40 bytes
	}
	if sealed {
		room -= TrailerSize
	}
	return max(0, min(MaxAddresses, room/addressSize(v6)))
}

// VRID returns the virtual router that a packet speaks of, before anything of
// it has been checked. It is false for a packet too short to say.
func VRID(b []byte) (vrid uint8, ok bool) {
	if len(b) < 2 {
		return 0, false
	}
	return b[1], true
}

// A Header is the first eight bytes of an advert as they stand, for who has to
// tell a person what was wrong with them.
type Header struct {
	Version, Type         uint8
	VRID, Priority, Count uint8
	AuthType              uint8 // v2 only
	Reserved              uint8 // the four bits before the interval, v3 only
	Interval              time.Duration
	Checksum              uint16
}

// ParseHeader reads the first eight bytes. It is false if there are fewer.
// What is no version 2 is read as version 3.
func ParseHeader(b []byte) (h Header, ok bool) {
	if len(b) < headerSize {
		return Header{}, false
	}
	h = Header{
		Version: b[0] >> 4, Type: b[0] & 0xf,
		VRID: b[1], Priority: b[2], Count: b[3],
		Checksum: binary.BigEndian.Uint16(b[6:]),
	}
	if h.Version == V2 {
		h.AuthType = b[4]
		h.Interval = time.Duration(b[5]) * time.Second
		return h, true
	}
	h.Reserved = b[4] >> 4
	h.Interval = time.Duration(binary.BigEndian.Uint16(b[4:])&0xfff) * 10 * time.Millisecond
	return h, true
}

// Decode reads one advert, b being all that the IP header says it holds. It
// asks only what can be asked of a packet by itself:
// Profile.Check asks the rest. A faulty packet leaves in a what could be read.
func (a *Advert) Decode(b []byte, e Envelope) Fault {
	*a = Advert{Addresses: a.Addresses[:0]}
	h, ok := ParseHeader(b)
	if !ok {
		return TooShort
	}
	a.header(h)
	a.list(b, e.v6())
	n, f := frame(h, len(b), e.v6())
	if f != Accepted {
		return f
	}
	a.Signed = len(b) > n
	return a.sums(forms(b, n, e), [...]bool{Pseudo: true, MessageOnly: true, PseudoGroup: false})
}

// frame finds the length of the message in a packet of got bytes (R-5 to
// Anything longer is a trailer of auth_hmac, by its length (H-21).
func frame(h Header, got int, v6 bool) (n int, f Fault) {
	if h.Version != V3 && (h.Version != V2 || v6) { // W-36
		return 0, BadVersion
	}
	if h.Type != advertisement {
		return 0, BadType
	}
	n = Size(h.Version, v6, int(h.Count))
	if got != n && got != n+TrailerSize {
		return n, BadLength
	}
	return n, Accepted
}

// header takes over the first eight bytes.
func (a *Advert) header(h Header) {
	a.Version, a.VRID, a.Priority = h.Version, h.VRID, h.Priority
	a.AuthType, a.Interval = h.AuthType, h.Interval
}

// list reads the addresses, and behind them the password of version 2, if b
// has as many as it says.
func (a *Advert) list(b []byte, v6 bool) {
	rest, n := b[headerSize:], int(b[3])
	if len(rest) < n*addressSize(v6) {
		return
	}
	for range n {
		if v6 {
			a.Addresses = append(a.Addresses, netip.AddrFrom16([16]byte(rest)))
			rest = rest[16:]
		} else {
			a.Addresses = append(a.Addresses, netip.AddrFrom4([4]byte(rest)))
			rest = rest[4:]
		}
	}
	if a.Version == V2 && len(rest) >= authDataSize {
		a.AuthData = [8]byte(rest)
	}
}

// sums notes which form of checksum fitted, of those that are accepted.
// Pseudo wins over MessageOnly (W-46).
func (a *Advert) sums(fits, accept [PseudoGroup + 1]bool) Fault {
	a.FitsBoth = fits[Pseudo] && fits[MessageOnly]
	for _, form := range [...]ChecksumForm{Pseudo, MessageOnly, PseudoGroup} {
		if fits[form] && accept[form] {
			a.Checksum = form
			return Accepted
		}
	}
	return BadChecksum
}

// Append appends the advert, as one from e.Src to e.Dst, to b. An interval out
// of the version's range goes out as the nearest one within it, never as zero.
// The addresses must be of the family of e.Src, and version 2 is for IPv4.
func (a *Advert) Append(b []byte, e Envelope) []byte {
	start := len(b)
	addresses := a.Addresses[:min(len(a.Addresses), MaxAddresses)]
	b = append(b, a.Version<<4|advertisement, a.VRID, a.Priority, uint8(len(addresses)))
	if a.Version == V2 {
		b = append(b, a.AuthType, uint8(min(max(a.Interval, MinIntervalV2), MaxIntervalV2)/time.Second))
	} else {
		cs := min(max(a.Interval, MinIntervalV3), MaxIntervalV3) / (10 * time.Millisecond)
		b = binary.BigEndian.AppendUint16(b, uint16(cs))
	}
	b = append(b, 0, 0)
	for _, addr := range addresses {
		if e.v6() {
			x := addr.As16()
			b = append(b, x[:]...)
		} else {
			x := addr.As4()
			b = append(b, x[:]...)
		}
	}
	if a.Version == V2 {
		b = append(b, a.AuthData[:]...)
	}
	Resum(b[start:], e, a.Checksum)
	return b
}

// LooksLikeCARP reports whether a packet is one of CARP, which shares VRRP's
// protocol number, group and MAC addresses: to a router it is a version 2 that
// is 36 bytes long and claims seven addresses, and so always too short.
func LooksLikeCARP(b []byte) bool {
	return len(b) == 36 && b[0] == V2<<4|advertisement && b[3] == 7
}
