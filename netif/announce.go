package netif

import (
	"net/netip"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/mdlayher/arp"
	"github.com/mdlayher/ethernet"
	"github.com/mdlayher/ndp"
)

const ethernetHeader = 14 // bytes

var (
	allNodes    = netip.MustParseAddr("ff02::1")
	allNodesMAC = []byte{0x33, 0x33, 0, 0, 0, 1}
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
	f := ethernet.Frame{
		Destination: ethernet.Broadcast,
		Source:      a.MAC,
		EtherType:   ethernet.EtherTypeARP,
		Payload:     b,
	}
	padded, err := f.MarshalBinary()
	if err != nil {
		return nil, err
	}
	return padded[:ethernetHeader+len(b)], nil // the link pads what it must
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
	out := gopacket.NewSerializeBuffer()
	err = gopacket.SerializeLayers(out, gopacket.SerializeOptions{FixLengths: true},
		&layers.Ethernet{DstMAC: allNodesMAC, SrcMAC: a.MAC, EthernetType: layers.EthernetTypeIPv6},
		&layers.IPv6{
			Version:    6,
			NextHeader: layers.IPProtocolICMPv6,
			HopLimit:   255,
			SrcIP:      a.Addr.AsSlice(),
			DstIP:      allNodes.AsSlice(),
		},
		gopacket.Payload(b))
	return out.Bytes(), err
}
