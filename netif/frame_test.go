package netif

import (
	"bytes"
	"encoding/hex"
	"net"
	"net/netip"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"regent/vrrp"
)

// Frames of adverts, from the Ethernet header.
const (
	frameP3 = "01005e00001200005e000114080045c0002000000000ff701898c0000203e0000012311478010064f1dec0000214"
	frameP6 = "33330000001200005e00021e86dd6c000000002870fffe800000000000000000000000000003ff020000000000000000000000000012311e780200642bf0fe80000000000000000000000000001e20010db8000000010000000000000001"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// W-6, W-7, W-8, W-10, W-11, W-12, W-13, W-61: the IP header of P-3 and P-6 byte
// for byte.
func TestHeaderIsThatOfTheVectors(t *testing.T) {
	for _, c := range []struct {
		name, frame, src string
		group            netip.Addr
		header           int
	}{
		{"P-3", frameP3, "192.0.2.3", vrrp.Group4, header4},
		{"P-6", frameP6, "fe80::3", vrrp.Group6, header6},
	} {
		want := unhex(t, c.frame)[14:]
		pdu := want[c.header:]
		e := vrrp.Envelope{Src: netip.MustParseAddr(c.src), Dst: c.group, TTL: 255}
		if got := append(appendHeader(nil, e, len(pdu)), pdu...); !bytes.Equal(got, want) {
			t.Errorf("%s:\n got %x\nwant %x", c.name, got, want)
		}
		e.TTL = 0 // means 255
		if got := appendHeader([]byte("before"), e, len(pdu)); !bytes.Equal(got[6:], want[:c.header]) {
			t.Errorf("%s behind other bytes: got %x", c.name, got[6:])
		}
	}
}

// Another codec reads the headers as they were meant.
func TestHeaderAsGopacketReadsIt(t *testing.T) {
	pdu := []byte("VRRP part")
	e := vrrp.Envelope{Src: netip.MustParseAddr("198.51.100.7"), Dst: netip.MustParseAddr("203.0.113.9"), TTL: 3}
	p := gopacket.NewPacket(append(appendHeader(nil, e, len(pdu)), pdu...), layers.LayerTypeIPv4, gopacket.Default)
	ip, _ := p.NetworkLayer().(*layers.IPv4)
	if ip == nil || ip.TOS != 0xC0 || ip.TTL != 3 || ip.Protocol != layers.IPProtocolVRRP || ip.Length != 29 ||
		ip.SrcIP.String() != "198.51.100.7" || ip.DstIP.String() != "203.0.113.9" {
		t.Errorf("IPv4 header: %+v", ip)
	}
	e = vrrp.Envelope{Src: netip.MustParseAddr("2001:db8::7"), Dst: netip.MustParseAddr("2001:db8::9"), TTL: 3}
	p = gopacket.NewPacket(append(appendHeader(nil, e, len(pdu)), pdu...), layers.LayerTypeIPv6, gopacket.Default)
	ip6, _ := p.NetworkLayer().(*layers.IPv6)
	if ip6 == nil || ip6.TrafficClass != 0xC0 || ip6.FlowLabel != 0 || ip6.HopLimit != 3 || ip6.Length != 9 ||
		ip6.NextHeader != layers.IPProtocolVRRP || ip6.SrcIP.String() != "2001:db8::7" || ip6.DstIP.String() != "2001:db8::9" {
		t.Errorf("IPv6 header: %+v", ip6)
	}
}

func TestParseDatagram(t *testing.T) {
	whole := unhex(t, frameP3)[14:]
	edit := func(f func(b []byte) []byte) []byte { return f(bytes.Clone(whole)) }
	pdu := whole[header4:]
	for _, c := range []struct {
		name string
		b    []byte
		want []byte // nil: refused
	}{
		{"whole", whole, pdu},
		{"R-3 padding of Ethernet is no data", append(bytes.Clone(whole), 0, 0, 0, 0), pdu},
		{"R-2 options are skipped", edit(func(b []byte) []byte {
			b[0], b[3] = 0x46, b[3]+4
			return append(append(b[:20:20], 0x94, 4, 0, 0), pdu...)
		}), pdu},
		{"R-2 no VRRP part", edit(func(b []byte) []byte { b[3] = 20; return b }), []byte{}},
		{"R-2 IHL below 5", edit(func(b []byte) []byte { b[0] = 0x44; return b }), nil},
		{"R-2 IHL behind the total length", edit(func(b []byte) []byte { b[0] = 0x4F; return b }), nil},
		{"R-2 more fragments", edit(func(b []byte) []byte { b[6] = 0x20; return b }), nil},
		{"R-2 last fragment", edit(func(b []byte) []byte { b[7] = 1; return b }), nil},
		{"W-12 don't fragment is no fragment", edit(func(b []byte) []byte { b[6] = 0x40; return b }), pdu},
		{"R-23 total length behind the end", edit(func(b []byte) []byte { b[3]++; return b }), nil},
		{"R-23 cut", whole[:19], nil},
		{"R-23 empty", nil, nil},
		{"IPv6", edit(func(b []byte) []byte { b[0] = 0x65; return b }), nil},
	} {
		e, got, ok := parseDatagram4(c.b)
		if ok != (c.want != nil) || !bytes.Equal(got, c.want) {
			t.Errorf("%s: got %x, %v, want %x", c.name, got, ok, c.want)
		}
		want := vrrp.Envelope{Src: netip.MustParseAddr("192.0.2.3"), Dst: vrrp.Group4, TTL: 255}
		if ok && e != want {
			t.Errorf("%s: envelope %v", c.name, e)
		}
	}
}

// any bytes give a verdict, and what is handed on lies inside them.
func FuzzParseDatagram(f *testing.F) {
	f.Add(unhex(f, frameP3)[14:])
	f.Add([]byte{0x4F, 0, 0xFF, 0xFF, 0, 0, 0, 0, 255, 112, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8})
	f.Fuzz(func(t *testing.T, b []byte) {
		e, payload, ok := parseDatagram4(b)
		if !ok {
			return
		}
		if len(payload) > len(b)-header4 || cap(payload) != len(payload) {
			t.Fatalf("%d bytes of payload in %d", len(payload), len(b))
		}
		again, part, ok := parseDatagram4(append(appendHeader(nil, e, len(payload)), payload...))
		if e.TTL == 0 {
			e.TTL = vrrp.HopLimit
		}
		if !ok || again != e || !bytes.Equal(part, payload) {
			t.Fatalf("%v %x became %v %x", e, payload, again, part)
		}
	})
}

// B-1, B-4, V-18, W-61, P-13, P-14, P-15: announcements byte for byte.
func TestAnnouncementIsThatOfTheVectors(t *testing.T) {
	for _, c := range announcements {
		got, err := c.a.frame()
		if err != nil || !bytes.Equal(got, unhex(t, c.frame)) {
			t.Errorf("%s: %v\n got %x\nwant %s", c.name, err, got, c.frame)
		}
	}
}

var announcements = []struct {
	name, frame string
	a           Announcement
}{
	{"P-13", "ffffffffffff00005e0001140806000108000604000100005e000114c000021400005e000114c0000214",
		Announcement{MAC: mac("00:00:5e:00:01:14"), Addr: netip.MustParseAddr("192.0.2.20")}},
	{"P-14", "33330000000100005e00021e86dd6000000000203aff20010db8000000010000000000000001ff02000000000000000000000000000188001b0ba000000020010db8000000010000000000000001020100005e00021e",
		Announcement{MAC: mac("00:00:5e:00:02:1e"), Addr: netip.MustParseAddr("2001:db8:0:1::1"), Router: true}},
	{"P-15", "33330000000100005e00021e86dd6000000000203afffe80000000000000000000000000001eff02000000000000000000000000000188007943a0000000fe80000000000000000000000000001e020100005e00021e",
		Announcement{MAC: mac("00:00:5e:00:02:1e"), Addr: netip.MustParseAddr("fe80::1e"), Router: true}},
}

func TestAnnouncementOfAHostHasNoRouterFlag(t *testing.T) {
	a := announcements[1].a
	a.Router = false
	b, err := a.frame()
	if err != nil || b[14+40+4] != 0x20 {
		t.Errorf("flags %#x, %v: want override alone", b[14+40+4], err)
	}
}

func TestAnnouncementWithoutEthernetAddress(t *testing.T) {
	for _, addr := range []string{"192.0.2.1", "2001:db8::1"} {
		if b, err := (Announcement{Addr: netip.MustParseAddr(addr)}).frame(); err == nil {
			t.Errorf("%s: made %x", addr, b)
		}
	}
}

func mac(s string) net.HardwareAddr {
	m, err := net.ParseMAC(s)
	if err != nil {
		panic(err)
	}
	return m
}
