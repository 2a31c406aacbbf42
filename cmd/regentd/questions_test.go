package main_test

import (
	"net"
	"net/netip"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"regent/cmd/internal/lab"
)

// questions are ARP requests and neighbour solicitations for all virtual
// addresses, from the client.
func (w *twins) questions() (frames [][]byte) {
	for _, v := range vips {
		frames = append(frames, w.question(v, false))
	}
	return frames
}

// question asks the lan who has an address: as the client, or as one that has
// no address yet (a probe).
func (w *twins) question(target netip.Addr, probe bool) []byte {
	w.Helper()
	mac := w.client.MAC("eth0")
	sender := netip.MustParseAddr("192.0.2.200")
	switch {
	case target.Is4() && probe:
		sender = netip.IPv4Unspecified()
	case target.Is6() && probe:
		sender = netip.IPv6Unspecified()
	case target.Is6():
		sender = lab.LinkLocal(mac)
	}
	return w.questionOf(mac, sender, target)
}

// questionOf asks who has an address, as a host with these addresses.
func (s *stage) questionOf(mac net.HardwareAddr, sender, target netip.Addr) []byte {
	s.Helper()
	if target.Is4() {
		return s.serialize(
			&layers.Ethernet{SrcMAC: mac, DstMAC: layers.EthernetBroadcast, EthernetType: layers.EthernetTypeARP},
			&layers.ARP{AddrType: layers.LinkTypeEthernet, Protocol: layers.EthernetTypeIPv4, HwAddressSize: 6, ProtAddressSize: 4,
				Operation: layers.ARPRequest, SourceHwAddress: mac, SourceProtAddress: sender.AsSlice(),
				DstHwAddress: make([]byte, 6), DstProtAddress: target.AsSlice()})
	}
	options := layers.ICMPv6Options{{Type: layers.ICMPv6OptSourceAddress, Data: mac}}
	if sender.IsUnspecified() {
		options = nil
	}
	a := target.As16()
	group := net.IP{0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, a[13], a[14], a[15]}
	ip := &layers.IPv6{Version: 6, NextHeader: layers.IPProtocolICMPv6, HopLimit: 255, SrcIP: sender.AsSlice(), DstIP: group}
	icmp := &layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(layers.ICMPv6TypeNeighborSolicitation, 0)}
	s.must(icmp.SetNetworkLayerForChecksum(ip))
	return s.serialize(
		&layers.Ethernet{SrcMAC: mac, DstMAC: net.HardwareAddr{0x33, 0x33, 0xff, a[13], a[14], a[15]}, EthernetType: layers.EthernetTypeIPv6},
		ip, icmp, &layers.ICMPv6NeighborSolicitation{TargetAddress: target.AsSlice(), Options: options})
}

// serialize builds a frame, with all lengths and checksums.
func (s *stage) serialize(ls ...gopacket.SerializableLayer) []byte {
	s.Helper()
	b := gopacket.NewSerializeBuffer()
	s.must(gopacket.SerializeLayers(b, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, ls...))
	return b.Bytes()
}
