package vrrp

import (
	"bytes"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
)

// One parser decodes all frames, of both families in turn, to the same as the
// codec alone, and allocates nothing.
func TestLayerInParser(t *testing.T) {
	var (
		eth     layers.Ethernet
		ip4     layers.IPv4
		ip6     layers.IPv6
		advert  = NewLayer(&ip4, &ip6)
		parser  = gopacket.NewDecodingLayerParser(layers.LayerTypeEthernet, &eth, &ip4, &ip6, advert)
		decoded []gopacket.LayerType
	)
	for _, v := range readVectors(t).Vectors {
		b, e, ok := v.open()
		if !ok {
			continue
		}
		err := parser.DecodeLayers(v.Bytes, &decoded)
		var want Advert
		f := want.Decode(b, e)
		if len(decoded) != 3 && f == Accepted || advert.Envelope != e || advert.Fault != f || !equal(advert.Advert, want) {
			t.Errorf("%s: got %+v, %v; want %+v, %v (%v)", v.Name, advert.Advert, advert.Fault, want, f, err)
		}
		if (err != nil) != (f != Accepted) {
			t.Errorf("%s: fault %v, error %v", v.Name, f, err)
		}
		if !bytes.Equal(advert.LayerContents(), b) {
			t.Errorf("%s: contents %x", v.Name, advert.LayerContents())
		}
		if n := testing.AllocsPerRun(10, func() { _ = advert.DecodeFromBytes(ip4.Payload, gopacket.NilDecodeFeedback) }); n != 0 {
			t.Errorf("%s: %v allocations", v.Name, n)
		}
	}
}

// A packet that gopacket decoded gives up its advert, and gopacket's own
// decoder of version 2 is still the one it uses.
func TestFindLayer(t *testing.T) {
	for _, v := range readVectors(t).Vectors {
		b, e, ok := v.open()
		packet := gopacket.NewPacket(v.Bytes, layers.LayerTypeEthernet, gopacket.Default)
		l := FindLayer(packet)
		if !ok {
			if l != nil {
				t.Errorf("%s: found %+v", v.Name, l)
			}
			continue
		}
		var want Advert
		f := want.Decode(b, e)
		if l == nil || l.Fault != f || l.Envelope != e || !equal(l.Advert, want) {
			t.Errorf("%s: got %+v, want %+v, %v", v.Name, l, want, f)
		}
		if f == Accepted && len(want.Addresses) > 0 && packet.Layer(layers.LayerTypeVRRP) == nil {
			t.Errorf("%s: gopacket's decoder is gone", v.Name)
		}
	}
}

// W-12, R-2.
func TestFindLayerInFragment(t *testing.T) {
	s := v3()
	for _, ip := range []*layers.IPv4{{Flags: layers.IPv4MoreFragments}, {FragOffset: 1}} {
		ip.Version, ip.TTL, ip.Protocol = 4, HopLimit, Protocol
		ip.SrcIP, ip.DstIP = peer4.AsSlice(), Group4.AsSlice()
		b := gopacket.NewSerializeBuffer()
		if err := gopacket.SerializeLayers(b, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true},
			ip, gopacket.Payload(s.a.Append(nil, s.e))); err != nil {
			t.Fatal(err)
		}
		l := FindLayer(gopacket.NewPacket(b.Bytes(), layers.LayerTypeIPv4, gopacket.Default))
		if l == nil || l.Fault != BadHeader || l.Envelope.Src != peer4 {
			t.Errorf("got %+v", l)
		}
	}
}

// W-61, with the whole frame: IP ID 0, DF clear, CS6.
func TestLayerSerializes(t *testing.T) {
	all := readVectors(t)
	for _, frame := range []int{1, 2, 3, 4, 5, 7, 8, 9} {
		v := all.Vectors[frame-1]
		_, e, _ := v.open()
		l := FindLayer(gopacket.NewPacket(v.Bytes, layers.LayerTypeEthernet, gopacket.Default))
		group, ethernet := []byte{1, 0, 0x5e, 0, 0, 0x12}, layers.EthernetTypeIPv4
		var ip gopacket.SerializableLayer = &layers.IPv4{Version: 4, TOS: 0xc0, TTL: HopLimit, Protocol: Protocol,
			SrcIP: e.Src.AsSlice(), DstIP: e.Dst.AsSlice()}
		if e.Src.Is6() {
			group, ethernet = []byte{0x33, 0x33, 0, 0, 0, 0x12}, layers.EthernetTypeIPv6
			ip = &layers.IPv6{Version: 6, TrafficClass: 0xc0, HopLimit: HopLimit, NextHeader: Protocol,
				SrcIP: e.Src.AsSlice(), DstIP: e.Dst.AsSlice()}
		}
		b := gopacket.NewSerializeBuffer()
		eth := &layers.Ethernet{SrcMAC: VirtualMAC(e.Src.Is6(), l.VRID), DstMAC: group, EthernetType: ethernet}
		if err := gopacket.SerializeLayers(b, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, eth, ip, l); err != nil {
			t.Fatal(err)
		}
		// gopacket pads a frame to the 60 bytes of Ethernet; the vectors do not.
		if got := b.Bytes()[:min(len(b.Bytes()), len(v.Bytes))]; !bytes.Equal(got, v.Bytes) {
			t.Errorf("%s:\ngot  %x\nwant %x", v.Name, got, v.Bytes)
		}
	}
}
