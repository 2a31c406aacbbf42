package netif

import (
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

const macSize = 6 // bytes

// A framebox is a packet socket that sends adverts as whole frames, and what
// is queued for it: those with a MAC of their own (W-4). They leave by the
// parent of a virtual MAC's device, so that an advert depends neither on the
// device being up, nor on an address or a route there.
type framebox struct {
	fd      int
	data    []byte // frames, end to end
	parcels []parcel
	frameBatch
}

func newFramebox() *framebox {
	b := &framebox{fd: -1}
	b.prepare()
	return b
}

// A frameBatch is room for whole frames that leave together. It points into
// itself and so stays where it was prepared.
type frameBatch struct {
	messages [sendBatch]unix.Mmsghdr
	iovecs   [sendBatch]unix.Iovec
	targets  [sendBatch]unix.RawSockaddrLinklayer
}

func (b *frameBatch) prepare() {
	for i := range b.messages {
		h := &b.messages[i].Hdr
		h.Iov = &b.iovecs[i]
		h.SetIovlen(1)
		h.Name = (*byte)(unsafe.Pointer(&b.targets[i]))
		h.Namelen = unix.SizeofSockaddrLinklayer
		b.targets[i].Family = unix.AF_PACKET
	}
}

// load makes message i carry a frame to a link.
func (b *frameBatch) load(i int, frame []byte, link int) {
	b.iovecs[i].Base = unsafe.SliceData(frame)
	b.iovecs[i].SetLen(len(frame))
	b.targets[i].Ifindex = int32(link)
	b.targets[i].Protocol = protocolOf(frame)
}

func (b *framebox) open() (err error) {
	b.fd, err = openSocket(unix.AF_PACKET, unix.SOCK_RAW, 0, // protocol 0: receives nothing
		option{level: unix.SOL_SOCKET, name: unix.SO_PRIORITY, value: priorityControl, optional: true})
	if err != nil {
		return err
	}
	setSendBuffer(b.fd, sendBuffer)
	return nil
}

// queue frames a packet for a group; its MAC follows from the group's address.
func (b *framebox) queue(p Packet, number int) {
	b.data = appendGroupMAC(b.data, p.Envelope.Dst)
	b.data = append(b.data, p.MAC...)
	if p.Envelope.Dst.Is4() {
		b.data = append(b.data, 0x08, 0x00)
	} else {
		b.data = append(b.data, 0x86, 0xDD)
	}
	b.data = appendHeader(b.data, p.Envelope, len(p.Payload))
	b.data = append(b.data, p.Payload...)
	b.parcels = append(b.parcels, parcel{end: len(b.data), number: number, link: p.Link})
}

// flush sends everything and appends what could not leave to drops.
func (b *framebox) flush(drops []Drop) []Drop {
	start := 0
	for rest := b.parcels; len(rest) > 0; {
		batch := rest[:min(len(rest), sendBatch)]
		rest = rest[len(batch):]
		for i, p := range batch {
			b.load(i, b.data[start:p.end], p.link)
			start = p.end
		}
		drops = sendParcels(b.fd, b.messages[:len(batch)], batch, drops)
	}
	b.data, b.parcels = b.data[:0], b.parcels[:0]
	return drops
}

// protocolOf returns a frame's type as a socket address has it.
func protocolOf(frame []byte) uint16 { return *(*uint16)(unsafe.Pointer(&frame[12])) }

// appendGroupMAC appends the MAC of a multicast group (RFC 1112, RFC 2464).
func appendGroupMAC(b []byte, group netip.Addr) []byte {
	if group.Is4() {
		a := group.As4()
		return append(b, 0x01, 0x00, 0x5E, a[1]&0x7F, a[2], a[3])
	}
	a := group.As16()
	return append(b, 0x33, 0x33, a[12], a[13], a[14], a[15])
}

// framed tells whether a packet leaves as a whole frame.
func (p *Packet) framed() bool { return len(p.MAC) == macSize && p.Envelope.Dst.IsMulticast() }
