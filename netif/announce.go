package netif

import (
	"net"
	"net/netip"

	"github.com/mdlayher/arp"
	"github.com/mdlayher/ethernet"
	"github.com/mdlayher/ndp"
	"golang.org/x/sys/unix"

	"regent/vrrp"
)

const ethernetHeader = 14 // bytes

var (
	allNodes    = netip.MustParseAddr("ff02::1")
	allNodesMAC = net.HardwareAddr{0x33, 0x33, 0, 0, 0, 1}
)

// frame returns the Ethernet frame of an announcement.
func (a Announcement) frame() ([]byte, error) {
	if a.Addr.Is4() {
		return a.gratuitousARP()
	}
	return a.neighborAdvertisement()
}

// gratuitousARP is a request for the own address, from it (B-1). The target's
// hardware address, which receivers ignore, is the own one as well.
func (a Announcement) gratuitousARP() ([]byte, error) {
	p, err := arp.NewPacket(arp.OperationRequest, a.MAC, a.Addr, a.MAC, a.Addr)
	if err != nil {
		return nil, err
	}
	b, err := p.MarshalBinary()
	if err != nil {
		return nil, err
	}
	return frame(ethernet.Broadcast, a.MAC, ethernet.EtherTypeARP, b)
}

// neighborAdvertisement is one that nobody asked for, to all nodes, and
// overrides what they know (B-4).
func (a Announcement) neighborAdvertisement() ([]byte, error) {
	m := &ndp.NeighborAdvertisement{
		Router:        a.Router,
		Override:      true,
		TargetAddress: a.Addr,
		Options:       []ndp.Option{&ndp.LinkLayerAddress{Direction: ndp.Target, Addr: a.MAC}},
	}
	b, err := ndp.MarshalMessageChecksum(m, a.Addr, allNodes)
	if err != nil {
		return nil, err
	}
	packet := appendHeader6(make([]byte, 0, header6+len(b)), a.Addr, allNodes, 0, unix.IPPROTO_ICMPV6, vrrp.HopLimit, len(b))
	return frame(allNodesMAC, a.MAC, ethernet.EtherTypeIPv6, append(packet, b...))
}

// frame puts a payload into an Ethernet frame, without the padding of a short
// one: the link does that.
func frame(dst, src net.HardwareAddr, kind ethernet.EtherType, payload []byte) ([]byte, error) {
	f := ethernet.Frame{Destination: dst, Source: src, EtherType: kind, Payload: payload}
	b, err := f.MarshalBinary()
	if err != nil {
		return nil, err
	}
	return b[:ethernetHeader+len(payload)], nil
}
