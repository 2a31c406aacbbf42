package netif

import (
	"encoding/binary"
	"net/netip"

	"regent/vrrp"
)

// Sizes of the fixed IP headers in bytes, and the traffic class of an advert:
// CS6, network control (W-11).
const (
	header4      = 20
	header6      = 40
	trafficClass = 0xC0
)

// appendHeader appends the IP header of an advert whose VRRP part has n bytes.
// The kernel replaces the identification and the checksum of an IPv4 header;
// they are right all the same, so that the bytes are those of W-61.
func appendHeader(b []byte, e vrrp.Envelope, n int) []byte {
	ttl := e.TTL
	if ttl == 0 {
		ttl = vrrp.HopLimit
	}
	if e.Dst.Is4() {
		return appendHeader4(b, e, ttl, n)
	}
	return appendHeader6(b, e.Src, e.Dst, trafficClass, vrrp.Protocol, ttl, n)
}

func appendHeader4(b []byte, e vrrp.Envelope, ttl uint8, n int) []byte {
	src, dst := bytes4(e.Src), bytes4(e.Dst)
	start := len(b)
	b = append(b, 0x45, trafficClass)
	b = binary.BigEndian.AppendUint16(b, uint16(header4+n))
	b = append(b, 0, 0, 0, 0, ttl, vrrp.Protocol, 0, 0)
	b = append(b, src[:]...)
	b = append(b, dst[:]...)
	binary.BigEndian.PutUint16(b[start+10:], headerChecksum(b[start:]))
	return b
}

func appendHeader6(b []byte, src, dst netip.Addr, class, next, hops uint8, n int) []byte {
	from, to := bytes16(src), dst.As16()
	b = append(b, 0x60|class>>4, class<<4, 0, 0)
	b = binary.BigEndian.AppendUint16(b, uint16(n))
	b = append(b, next, hops)
	b = append(b, from[:]...)
	return append(b, to[:]...)
}

// headerChecksum sums an IPv4 header whose own field is zero (RFC 1071).
func headerChecksum(h []byte) uint16 {
	var sum uint32
	for i := 0; i+1 < len(h); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(h[i:]))
	}
	for sum > 0xFFFF {
		sum = sum>>16 + sum&0xFFFF
	}
	return ^uint16(sum)
}

// bytes4 returns the bytes of an IPv4 address, and zeros for one that is unset
// or of the other family; the kernel replaces a source of zeros.
func bytes4(a netip.Addr) (b [4]byte) {
	if a.Is4() {
		b = a.As4()
	}
	return b
}

// bytes16 does for IPv6 what bytes4 does for IPv4.
func bytes16(a netip.Addr) (b [16]byte) {
	if a.Is6() {
		b = a.As16()
	}
	return b
}

// parseDatagram4 splits an IPv4 datagram into what its header says and what
// follows it. Options are skipped, and the length is the header's, so
// padding of a short Ethernet frame is never VRRP data. It is false for
// what is no whole datagram.
func parseDatagram4(b []byte) (vrrp.Envelope, []byte, bool) {
	if len(b) < header4 || b[0]>>4 != 4 {
		return vrrp.Envelope{}, nil, false
	}
	header := int(b[0]&0x0F) * 4
	total := int(binary.BigEndian.Uint16(b[2:]))
	fragment := binary.BigEndian.Uint16(b[6:])&0x3FFF != 0 // more of them, or an offset
	if header < header4 || total < header || total > len(b) || fragment {
		return vrrp.Envelope{}, nil, false
	}
	e := vrrp.Envelope{
		Src: netip.AddrFrom4([4]byte(b[12:16])),
		Dst: netip.AddrFrom4([4]byte(b[16:20])),
		TTL: b[8],
	}
	return e, b[header:total:total], true
}
