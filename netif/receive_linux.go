package netif

import (
	"encoding/binary"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"

	"regent/vrrp"
)

const (
	receiveBatch = 64  // packets for each recvmmsg
	controlRoom  = 128 // bytes of ancillary data: link, hop limit, fragment size, overflows

	// Room for the longest adverts: a whole list of 255 addresses,
	// authentication and, for IPv4, a header full of options; and for one byte
	// more, so that what is longer still breaks the rules when it is cut.
	longest4 = 60 + 16 + 4*255 + 28 + 1
	longest6 = 8 + 16*255 + 28 + 1
)

// An inbox is the receive socket of a family with room for a batch. All of it
// is allocated once.
//
// The socket hears every group that any socket of the host has joined
// (IP_MULTICAST_ALL), so membership is no matter of its own; see groups.
type inbox struct {
	family    Family
	fd        int
	drained   bool   // nothing is left until the next Wait
	overflows uint32 // the kernel's counter, when last seen

	packets  [receiveBatch]Packet
	messages [receiveBatch]unix.Mmsghdr
	iovecs   [receiveBatch]unix.Iovec
	sources  [receiveBatch]unix.RawSockaddrInet6 // for IPv4 the header has it
	controls [receiveBatch][controlRoom]byte
	data     []byte
}

func newInbox(f Family) *inbox {
	room := longest4
	if f == IPv6 {
		room = longest6
	}
	in := &inbox{family: f, fd: -1, data: make([]byte, receiveBatch*room)}
	for i := range in.messages {
		in.iovecs[i].Base = &in.data[i*room]
		in.iovecs[i].SetLen(room)
		h := &in.messages[i].Hdr
		h.Iov = &in.iovecs[i]
		h.SetIovlen(1)
		h.Control = &in.controls[i][0]
		h.Name = (*byte)(unsafe.Pointer(&in.sources[i]))
	}
	return in
}

func (in *inbox) open(buffer int) (err error) {
	domain, options := unix.AF_INET, []option{
		{level: unix.SOL_IP, name: unix.IP_PKTINFO, value: 1},
		{level: unix.SOL_IP, name: unix.IP_MULTICAST_ALL, value: 1},
		{level: unix.SOL_IP, name: unix.IP_RECVFRAGSIZE, value: 1, optional: true},
	}
	if in.family == IPv6 {
		domain, options = unix.AF_INET6, []option{
			{level: unix.SOL_IPV6, name: unix.IPV6_RECVPKTINFO, value: 1},
			{level: unix.SOL_IPV6, name: unix.IPV6_RECVHOPLIMIT, value: 1},
			{level: unix.SOL_IPV6, name: unix.IPV6_MULTICAST_ALL, value: 1, optional: true},
			{level: unix.SOL_IPV6, name: unix.IPV6_RECVFRAGSIZE, value: 1, optional: true},
		}
	}
	options = append(options, option{level: unix.SOL_SOCKET, name: unix.SO_RXQ_OVFL, value: 1, optional: true})
	in.fd, err = openSocket(domain, unix.SOCK_RAW, vrrp.Protocol, options...)
	if err == nil {
		setReceiveBuffer(in.fd, buffer)
	}
	return err
}

// receive returns the next packets, none if the socket is empty.
func (in *inbox) receive(c *WireCounts) ([]Packet, error) {
	for !in.drained && in.fd >= 0 {
		for i := range in.messages { // the kernel wrote the lengths of last time
			h := &in.messages[i].Hdr
			h.Namelen = unix.SizeofSockaddrInet6
			h.SetControllen(controlRoom)
		}
		n, err := recvmmsg(in.fd, in.messages[:], unix.MSG_DONTWAIT)
		in.drained = n < len(in.messages)
		if err == unix.EAGAIN {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		if packets := in.sort(n, c); len(packets) > 0 {
			return packets, nil
		}
	}
	return nil, nil
}

// sort makes packets of the first n messages and counts what is none.
func (in *inbox) sort(n int, c *WireCounts) []Packet {
	packets := in.packets[:0]
	for i := range n {
		m := &in.messages[i]
		p, about, ok := in.packet(i)
		if about.overflows != 0 {
			c.Overflows += uint64(about.overflows - in.overflows) // wraps as the kernel's does
			in.overflows = about.overflows
		}
		if !ok || m.Hdr.Flags&unix.MSG_CTRUNC != 0 {
			c.Malformed++
			continue
		}
		p.Fragmented = about.fragmented
		packets = append(packets, p)
	}
	return packets
}

// packet reads message i. It is false for what is no datagram.
func (in *inbox) packet(i int) (p Packet, a ancillary, ok bool) {
	m := &in.messages[i]
	a = parseAncillary(in.controls[i][:m.Hdr.Controllen])
	length := min(int(m.Len), int(in.iovecs[i].Len))
	data := unsafe.Slice(in.iovecs[i].Base, length)
	p.Link = a.link
	if in.family == IPv4 {
		if m.Hdr.Flags&unix.MSG_TRUNC != 0 && length >= header4 { // its end was cut off, and is not missed
			binary.BigEndian.PutUint16(data[2:], uint16(length))
		}
		p.Envelope, p.Payload, ok = parseDatagram4(data)
		return p, a, ok && a.link != 0
	}
	p.Payload = data
	p.Envelope = vrrp.Envelope{Src: netip.AddrFrom16(in.sources[i].Addr), Dst: a.dst, TTL: a.hopLimit}
	return p, a, a.link != 0 && a.dst.IsValid()
}

// ancillary is what the kernel says about a packet beside its bytes.
type ancillary struct {
	link       int
	dst        netip.Addr // IPv6 only, like the next
	hopLimit   uint8
	fragmented bool   // it was put together from fragments
	overflows  uint32 // packets this socket ever lost; 0: not said
}

func parseAncillary(b []byte) (a ancillary) {
	for len(b) >= unix.SizeofCmsghdr {
		h, data, rest, err := unix.ParseOneSocketControlMessage(b)
		if err != nil {
			return a
		}
		b = rest
		switch (kind{h.Level, h.Type}) {
		case kind{unix.SOL_IP, unix.IP_PKTINFO}:
			a.link = int((*unix.Inet4Pktinfo)(unsafe.Pointer(&data[0])).Ifindex)
		case kind{unix.SOL_IPV6, unix.IPV6_PKTINFO}:
			info := (*unix.Inet6Pktinfo)(unsafe.Pointer(&data[0]))
			a.link, a.dst = int(info.Ifindex), netip.AddrFrom16(info.Addr)
		case kind{unix.SOL_IPV6, unix.IPV6_HOPLIMIT}:
			a.hopLimit = uint8(binary.NativeEndian.Uint32(data))
		case kind{unix.SOL_IP, unix.IP_RECVFRAGSIZE}, kind{unix.SOL_IPV6, unix.IPV6_RECVFRAGSIZE}:
			a.fragmented = true
		case kind{unix.SOL_SOCKET, unix.SO_RXQ_OVFL}:
			a.overflows = binary.NativeEndian.Uint32(data)
		}
	}
	return a
}

// A kind names a control message.
type kind struct{ level, name int32 }
