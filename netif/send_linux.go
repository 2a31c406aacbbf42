package netif

import (
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	sendBatch  = 256     // packets for each sendmmsg
	sendBuffer = 4 << 20 // bytes that may wait in the queues of the links

	// rawBuffer is that for what the kernel routes: a limit that is out of reach,
	// and no allocation. Adverts to a dead unicast peer wait until the kernel has
	// called for it in vain, as many as it keeps for one neighbour (208 KiB); and
	// however many peers are dead, all others must hear theirs.
	rawBuffer = 256 << 20

	priorityControl = 7 // TC_PRIO_CONTROL: adverts leave before bulk traffic
)

// An outbox is the send socket of a family, and what is queued for it.
//
// The socket's protocol is IPPROTO_RAW: the IP header is ours, so the source
// need not be an address of the link that the packet leaves by, the checksum
// of an IPv6 advert is the codec's, and no advert of others is copied to it.
type outbox struct {
	family  Family
	fd      int
	data    []byte   // headers and payloads, end to end
	parcels []parcel // where each ends and goes

	messages [sendBatch]unix.Mmsghdr
	iovecs   [sendBatch]unix.Iovec
	targets  [sendBatch]unix.RawSockaddrInet6 // or the shorter one of IPv4
	controls [sendBatch]linkControl
}

// A parcel is a packet in an outbox.
type parcel struct {
	end      int // of its data
	number   int // counts the calls of Queue
	link     int
	src, dst netip.Addr
}

// A linkControl is the ancillary data that chooses the outgoing link. The
// shorter one of IPv4 lies in the same place.
type linkControl struct {
	header unix.Cmsghdr
	info   unix.Inet6Pktinfo
	_      uint32 // CMSG_SPACE rounds up
}

func (c *linkControl) info4() *unix.Inet4Pktinfo {
	return (*unix.Inet4Pktinfo)(unsafe.Pointer(&c.info))
}

func newOutbox(f Family) *outbox {
	o := &outbox{family: f, fd: -1}
	for i := range o.messages {
		h := &o.messages[i].Hdr
		h.Iov = &o.iovecs[i]
		h.SetIovlen(1)
		h.Name = (*byte)(unsafe.Pointer(&o.targets[i]))
		c := &o.controls[i].header
		if f == IPv4 {
			h.Namelen = unix.SizeofSockaddrInet4
			o.targets[i].Family = unix.AF_INET
			c.Level, c.Type = unix.SOL_IP, unix.IP_PKTINFO
			c.SetLen(unix.CmsgLen(unix.SizeofInet4Pktinfo))
		} else {
			h.Namelen = unix.SizeofSockaddrInet6
			o.targets[i].Family = unix.AF_INET6
			c.Level, c.Type = unix.SOL_IPV6, unix.IPV6_PKTINFO
			c.SetLen(unix.CmsgLen(unix.SizeofInet6Pktinfo))
		}
	}
	return o
}

func (o *outbox) open() (err error) {
	domain, options := unix.AF_INET, []option{
		{level: unix.SOL_IP, name: unix.IP_MULTICAST_LOOP, value: 0}, // W-16
	}
	if o.family == IPv6 {
		domain, options = unix.AF_INET6, []option{
			{level: unix.SOL_IPV6, name: unix.IPV6_MULTICAST_LOOP, value: 0},
			// Without it the kernel refuses a source that the link has not.
			{level: unix.SOL_IPV6, name: unix.IPV6_FREEBIND, value: 1},
		}
	}
	options = append(options, option{level: unix.SOL_SOCKET, name: unix.SO_PRIORITY, value: priorityControl, optional: true})
	if o.fd, err = openSocket(domain, unix.SOCK_RAW, unix.IPPROTO_RAW, options...); err != nil {
		return err
	}
	setSendBuffer(o.fd, rawBuffer)
	return deafen(o.fd)
}

func (o *outbox) queue(p Packet, number int) {
	o.data = appendHeader(o.data, p.Envelope, len(p.Payload))
	o.data = append(o.data, p.Payload...)
	o.parcels = append(o.parcels, parcel{
		end: len(o.data), number: number, link: p.Link, src: p.Envelope.Src, dst: p.Envelope.Dst,
	})
}

// flush sends everything and appends what could not leave to drops.
func (o *outbox) flush(drops []Drop) []Drop {
	start := 0
	for rest := o.parcels; len(rest) > 0; {
		batch := rest[:min(len(rest), sendBatch)]
		rest = rest[len(batch):]
		for i := range batch {
			o.load(i, &batch[i], o.data[start:batch[i].end])
			start = batch[i].end
		}
		drops = sendParcels(o.fd, o.messages[:len(batch)], batch, drops)
	}
	o.data, o.parcels = o.data[:0], o.parcels[:0]
	return drops
}

// sendParcels sends a loaded batch. A packet that fails is passed over; those
// after it get their chance.
func sendParcels(fd int, messages []unix.Mmsghdr, batch []parcel, drops []Drop) []Drop {
	for i := 0; i < len(batch); {
		n, err := sendmmsg(fd, messages[i:], unix.MSG_DONTWAIT)
		if err != nil {
			drops = append(drops, Drop{Packet: batch[i].number, Link: batch[i].link, Err: err})
			n = 1
		}
		i += n
	}
	return drops
}

// load makes message i carry the parcel.
func (o *outbox) load(i int, p *parcel, data []byte) {
	o.iovecs[i].Base = unsafe.SliceData(data)
	o.iovecs[i].SetLen(len(data))
	c := &o.controls[i]
	var room int
	if o.family == IPv4 {
		(*unix.RawSockaddrInet4)(unsafe.Pointer(&o.targets[i])).Addr = p.dst.As4()
		// Naming the source here too would make the kernel insist that it is
		// an address of the host.
		c.info4().Ifindex = int32(p.link)
		room = unix.CmsgSpace(unix.SizeofInet4Pktinfo)
	} else {
		o.targets[i].Addr = p.dst.As16()
		// Without a source the kernel looks for one, and fails on a link that
		// has none of its own, like a fresh macvlan.
		c.info = unix.Inet6Pktinfo{Addr: bytes16(p.src), Ifindex: uint32(p.link)}
		room = unix.CmsgSpace(unix.SizeofInet6Pktinfo)
	}
	h := &o.messages[i].Hdr
	if p.link == 0 {
		h.Control, room = nil, 0
	} else {
		h.Control = (*byte)(unsafe.Pointer(c))
	}
	h.SetControllen(room)
}
