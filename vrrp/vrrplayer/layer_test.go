package vrrplayer

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"regent/vrrp"
)

// A frame is one of the test vectors, which stand beside the repository.
type frame struct {
	Name  string
	Hex   string `json:"frame_hex"`
	bytes []byte
}

// readFrames skips the test where there are no vectors, but never in CI.
func readFrames(t *testing.T) []frame {
	t.Helper()
	dir := os.Getenv("REGENT_SHARED")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared")
	}
	text, err := os.ReadFile(filepath.Join(dir, "packets", "vrrp-vectors.json"))
	switch {
	case os.IsNotExist(err) && os.Getenv("CI") != "true":
		t.Skipf("no vectors (set REGENT_SHARED): %v", err)
	case err != nil:
		t.Fatal(err)
	}
	var all struct{ Vectors []frame }
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	for i := range all.Vectors {
		if all.Vectors[i].bytes, err = hex.DecodeString(all.Vectors[i].Hex); err != nil {
			t.Fatal(err)
		}
	}
	return all.Vectors
}

// open decodes a frame without any of our layers.
func (v frame) open() (payload []byte, e vrrp.Envelope, want vrrp.Advert, f vrrp.Fault, ok bool) {
	packet := gopacket.NewPacket(v.bytes, layers.LayerTypeEthernet, gopacket.Default)
	switch ip := packet.NetworkLayer().(type) {
	case *layers.IPv4:
		e.Src, _ = netip.AddrFromSlice(ip.SrcIP)
		e.Dst, _ = netip.AddrFromSlice(ip.DstIP)
		e.TTL, payload, ok = ip.TTL, ip.Payload, ip.Protocol == vrrp.Protocol
	case *layers.IPv6:
		e.Src, _ = netip.AddrFromSlice(ip.SrcIP)
		e.Dst, _ = netip.AddrFromSlice(ip.DstIP)
		e.TTL, payload, ok = ip.HopLimit, ip.Payload, ip.NextHeader == vrrp.Protocol
	}
	if ok {
		f = want.Decode(payload, e)
	}
	return payload, e, want, f, ok
}

// equal compares adverts, of which one may have had other addresses before.
func equal(a, b vrrp.Advert) bool {
	if len(a.Addresses) == 0 && len(b.Addresses) == 0 {
		a.Addresses, b.Addresses = nil, nil
	}
	return reflect.DeepEqual(a, b)
}

// One parser decodes all frames, of both families in turn, to the same as the
// codec alone, and allocates nothing.
func TestLayerInParser(t *testing.T) {
	var (
		eth     layers.Ethernet
		ip4     layers.IPv4
		ip6     layers.IPv6
		advert  = New(&ip4, &ip6)
		parser  = gopacket.NewDecodingLayerParser(layers.LayerTypeEthernet, &eth, &ip4, &ip6, advert)
		decoded []gopacket.LayerType
	)
	for _, v := range readFrames(t) {
		b, e, want, f, ok := v.open()
		if !ok {
			continue
		}
		err := parser.DecodeLayers(v.bytes, &decoded)
		if len(decoded) != 3 && f == vrrp.Accepted || advert.Envelope != e || advert.Fault != f || !equal(advert.Advert, want) {
			t.Errorf("%s: got %+v, %v; want %+v, %v (%v)", v.Name, advert.Advert, advert.Fault, want, f, err)
		}
		if (err != nil) != (f != vrrp.Accepted) {
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
func TestFind(t *testing.T) {
	for _, v := range readFrames(t) {
		_, e, want, f, ok := v.open()
		packet := gopacket.NewPacket(v.bytes, layers.LayerTypeEthernet, gopacket.Default)
		l := Find(packet)
		if !ok {
			if l != nil {
				t.Errorf("%s: found %+v", v.Name, l)
			}
			continue
		}
		if l == nil || l.Fault != f || l.Envelope != e || !equal(l.Advert, want) {
			t.Errorf("%s: got %+v, want %+v, %v", v.Name, l, want, f)
		}
		if f == vrrp.Accepted && len(want.Addresses) > 0 && packet.Layer(layers.LayerTypeVRRP) == nil {
			t.Errorf("%s: gopacket's decoder is gone", v.Name)
		}
	}
}

// A fragment holds no whole advert, and nobody is to think so.
func TestFindLayerInFragment(t *testing.T) {
	e := vrrp.Envelope{Src: netip.MustParseAddr("192.0.2.3"), Dst: vrrp.Group4, TTL: vrrp.HopLimit}
	a := vrrp.Advert{Version: vrrp.V3, VRID: 20, Interval: time.Second, Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.20")}}
	for _, ip := range []*layers.IPv4{{Flags: layers.IPv4MoreFragments}, {FragOffset: 1}} {
		ip.Version, ip.TTL, ip.Protocol = 4, vrrp.HopLimit, vrrp.Protocol
		ip.SrcIP, ip.DstIP = e.Src.AsSlice(), e.Dst.AsSlice()
		b := gopacket.NewSerializeBuffer()
		if err := gopacket.SerializeLayers(b, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true},
			ip, gopacket.Payload(a.Append(nil, e))); err != nil {
			t.Fatal(err)
		}
		l := Find(gopacket.NewPacket(b.Bytes(), layers.LayerTypeIPv4, gopacket.Default))
		if l == nil || l.Fault != vrrp.BadHeader || l.Envelope != e {
			t.Errorf("got %+v", l)
		}
	}
}

// W-61, with the whole frame: IP ID 0, DF clear, CS6.
func TestLayerSerializes(t *testing.T) {
	all := readFrames(t)
	for _, frame := range []int{1, 2, 3, 4, 5, 7, 8, 9} {
		v := all[frame-1]
		_, e, _, _, _ := v.open()
		l := Find(gopacket.NewPacket(v.bytes, layers.LayerTypeEthernet, gopacket.Default))
		group, ethernet := []byte{1, 0, 0x5e, 0, 0, 0x12}, layers.EthernetTypeIPv4
		var ip gopacket.SerializableLayer = &layers.IPv4{Version: 4, TOS: 0xc0, TTL: vrrp.HopLimit, Protocol: vrrp.Protocol,
			SrcIP: e.Src.AsSlice(), DstIP: e.Dst.AsSlice()}
		if e.Src.Is6() {
			group, ethernet = []byte{0x33, 0x33, 0, 0, 0, 0x12}, layers.EthernetTypeIPv6
			ip = &layers.IPv6{Version: 6, TrafficClass: 0xc0, HopLimit: vrrp.HopLimit, NextHeader: vrrp.Protocol,
				SrcIP: e.Src.AsSlice(), DstIP: e.Dst.AsSlice()}
		}
		b := gopacket.NewSerializeBuffer()
		eth := &layers.Ethernet{SrcMAC: vrrp.VirtualMAC(e.Src.Is6(), l.VRID), DstMAC: group, EthernetType: ethernet}
		if err := gopacket.SerializeLayers(b, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, eth, ip, l); err != nil {
			t.Fatal(err)
		}
		// gopacket pads a frame to the 60 bytes of Ethernet; the vectors do not.
		if got := b.Bytes()[:min(len(b.Bytes()), len(v.bytes))]; !bytes.Equal(got, v.bytes) {
			t.Errorf("%s:\ngot  %x\nwant %x", v.Name, got, v.bytes)
		}
	}
}
