package lab

import (
	"encoding/binary"
	"net"
	"net/netip"
	"time"
)

// Numbers of the frames that a capture keeps.
const (
	etherIPv4 = 0x0800
	etherARP  = 0x0806
	etherIPv6 = 0x86dd

	protocolVRRP   = 112
	protocolICMPv6 = 58

	neighborAdvertisement = 136
)

// An Advert is the head of a VRRP advert as it was seen on the wire. It is
// read here in a dozen lines, and not by the codec that is under test.
type Advert struct {
	At       time.Time
	MAC      net.HardwareAddr // who sent the frame
	Src, Dst netip.Addr
	TTL      uint8
	Version  uint8
	VRID     uint8
	Priority uint8
	Frame    Frame
}

// A Claim is a gratuitous ARP or an unsolicited neighbour advertisement:
// somebody says that an address is his.
type Claim struct {
	At   time.Time
	MAC  net.HardwareAddr
	Addr netip.Addr
}

// relevant reports whether a capture keeps a frame.
func relevant(b []byte) bool {
	switch kind, payload := ethernet(b); kind {
	case etherARP:
		return true
	case etherIPv4:
		return len(payload) >= 20 && payload[9] == protocolVRRP
	case etherIPv6:
		return len(payload) >= 41 && (payload[6] == protocolVRRP ||
			payload[6] == protocolICMPv6 && payload[40] == neighborAdvertisement)
	}
	return false
}

func ethernet(b []byte) (kind uint16, payload []byte) {
	if len(b) < 14 {
		return 0, nil
	}
	return binary.BigEndian.Uint16(b[12:]), b[14:]
}

// Advert reads a frame as an advert.
func (f Frame) Advert() (Advert, bool) {
	a := Advert{At: f.At, Frame: f}
	var body []byte
	switch kind, ip := ethernet(f.Data); {
	case kind == etherIPv4 && len(ip) >= 20 && ip[9] == protocolVRRP:
		head := int(ip[0]&15) * 4
		if len(ip) < head {
			return a, false
		}
		a.TTL, body = ip[8], ip[head:]
		a.Src, a.Dst = netip.AddrFrom4([4]byte(ip[12:16])), netip.AddrFrom4([4]byte(ip[16:20]))
	case kind == etherIPv6 && len(ip) >= 40 && ip[6] == protocolVRRP:
		a.TTL, body = ip[7], ip[40:]
		a.Src, a.Dst = netip.AddrFrom16([16]byte(ip[8:24])), netip.AddrFrom16([16]byte(ip[24:40]))
	}
	if len(body) < 8 || body[0]&15 != 1 {
		return a, false
	}
	a.MAC = net.HardwareAddr(f.Data[6:12])
	a.Version, a.VRID, a.Priority = body[0]>>4, body[1], body[2]
	return a, true
}

// Claim reads a frame as the announcement of an address.
func (f Frame) Claim() (Claim, bool) {
	switch kind, p := ethernet(f.Data); {
	case kind == etherARP && len(p) >= 28 && [4]byte(p[14:18]) == [4]byte(p[24:28]):
		return Claim{f.At, net.HardwareAddr(p[8:14]), netip.AddrFrom4([4]byte(p[14:18]))}, true
	case kind == etherIPv6 && len(p) >= 64 && p[6] == protocolICMPv6 && p[40] == neighborAdvertisement && p[44]&0x40 == 0:
		return Claim{f.At, net.HardwareAddr(f.Data[6:12]), netip.AddrFrom16([16]byte(p[48:64]))}, true
	}
	return Claim{}, false
}

// Adverts returns the adverts that were captured so far, in order.
func (c *Capture) Adverts() []Advert {
	var found []Advert
	for _, f := range c.Frames() {
		if a, ok := f.Advert(); ok {
			found = append(found, a)
		}
	}
	return found
}

// Claims returns the announcements of addresses that were captured so far, in order.
func (c *Capture) Claims() []Claim {
	var found []Claim
	for _, f := range c.Frames() {
		if cl, ok := f.Claim(); ok {
			found = append(found, cl)
		}
	}
	return found
}

// Last returns the latest advert for a virtual router.
func (c *Capture) Last(vrid uint8) (Advert, bool) {
	frames := c.Frames()
	for i := len(frames) - 1; i >= 0; i-- {
		if a, ok := frames[i].Advert(); ok && a.VRID == vrid {
			return a, true
		}
	}
	return Advert{}, false
}

// From returns the MAC address that a frame came from.
func (f Frame) From() net.HardwareAddr {
	if len(f.Data) < 12 {
		return nil
	}
	return net.HardwareAddr(f.Data[6:12])
}
