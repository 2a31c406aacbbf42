package netif

import (
	"bytes"
	"encoding/binary"
	"net"
	"net/netip"
	"testing"

	"regent/vrrp"
)

// W-4, W-15, B-2: an advert leaves with the virtual MAC, from the parent's
// address, while the device is down, and is heard by others; with the device
// up as well. The frame is what the wire format says, and nothing comes back.
func TestAdvertsLeaveWithTheVirtualMAC(t *testing.T) {
	bridge, hosts := lan(t, 2)
	a, b := hosts[0], hosts[1]
	h := a.host()
	made := a.make(h, a.device(IPv4), a.device(IPv6))
	out, in := a.wire(1<<20), b.wire(1<<20)
	own := a.linkLocal("eth0")
	for _, g := range []string{"224.0.0.18", "ff02::12"} {
		a.must(out.Join(a.index("eth0"), netip.MustParseAddr(g)))
		b.must(in.Join(b.index("eth0"), netip.MustParseAddr(g)))
	}
	tap := bridge.tap("port1")
	for _, up := range []bool{false, true} {
		if up {
			a.good(h.RaiseDevices([]int{made[0].Link.Index, made[1].Link.Index}))
		}
		for _, c := range []struct {
			src, dst string
			mac      net.HardwareAddr
			header   string // of Ethernet
		}{
			{"192.0.2.1", "224.0.0.18", virtual4, "01005e00001200005e0001330800"},
			{own.String(), "ff02::12", virtual6, "33330000001200005e00023386dd"},
		} {
			p := advert(a.index("eth0"), c.src, c.dst, "virtual")
			p.MAC = c.mac
			out.Queue(p)
			if sent, dropped := out.Flush(); sent != 1 || dropped != 0 {
				t.Fatalf("sent %d, dropped %d: %v", sent, dropped, out.Drops())
			}
			got := hear(t, in, 1)[0]
			if got.Envelope != p.Envelope || string(got.Payload) != "virtual" || got.Link != b.index("eth0") {
				t.Errorf("heard %v, want %v", got, p)
			}
			f := tap.next(func(f []byte) bool { return bytes.HasSuffix(f, []byte("virtual")) })
			want := append(unhex(t, c.header), appendHeader(nil, p.Envelope, len(p.Payload))...)
			if want = append(want, "virtual"...); !bytes.Equal(f, want) {
				t.Errorf("frame\n got %x\nwant %x", f, want)
			}
		}
	}
	// Both families went out and came in, and the own ones did not.
	if ps := drain(t, out); ps != nil {
		t.Errorf("heard itself: %v", ps) // W-16
	}
}

// S-35: two masters with the same virtual MAC hear each other where adverts
// are heard, on the parent, and not on the device.
func TestMastersHearEachOther(t *testing.T) {
	_, hosts := lan(t, 2)
	group := netip.MustParseAddr("224.0.0.18")
	var wires []*Wire
	for _, s := range hosts {
		h := s.host()
		m := s.make(h, s.device(IPv4))[0].Link
		s.good(h.RaiseDevices([]int{m.Index}))
		s.good(h.Change([]Change{{Link: m.Index, Address: Address{Prefix: prefix("192.0.2.20/32")}}}))
		w := s.wire(1 << 20)
		s.must(w.Join(s.index("eth0"), group))
		wires = append(wires, w)
	}
	for i, s := range hosts {
		p := advert(s.index("eth0"), s.ipv4(), "224.0.0.18", "here")
		p.MAC = virtual4
		wires[i].Queue(p)
		wires[i].Flush()
		got := hear(t, wires[1-i], 1)
		if len(got) != 1 || got[0].Link != hosts[1-i].index("eth0") {
			t.Errorf("heard %v", got)
		}
	}
}

// ipv4 returns the first address of eth0.
func (s *space) ipv4() string {
	s.t.Helper()
	as, err := s.netlink.AddrList(s.link("eth0"), 2)
	s.must(err)
	return as[0].IP.String()
}

// Packets that cannot leave are dropped and named by their number, whatever
// way they would have taken.
func TestFramesThatCannotLeave(t *testing.T) {
	_, hosts := lan(t, 1)
	a := hosts[0]
	w := a.wire(1 << 20)
	good := advert(a.index("eth0"), "192.0.2.1", "224.0.0.18", "good")
	bad := good
	bad.Link = 999
	framed, lost := good, bad
	framed.MAC, lost.MAC = virtual4, virtual4
	for _, p := range []Packet{good, lost, framed, bad, framed} {
		w.Queue(p)
	}
	if sent, dropped := w.Flush(); sent != 3 || dropped != 2 {
		t.Errorf("sent %d, dropped %d", sent, dropped)
	}
	if d := w.Drops(); len(d) != 2 || d[0].Packet != 3 || d[1].Packet != 1 || d[1].Link != 999 {
		t.Errorf("drops %+v", d)
	}
}

// A thousand framed adverts all leave, each with its own MAC.
func TestManyFrames(t *testing.T) {
	_, hosts := lan(t, 2)
	a, b := hosts[0], hosts[1]
	out, in := a.wire(1<<20), b.wire(8<<20)
	b.must(in.Join(b.index("eth0"), netip.MustParseAddr("224.0.0.18")))
	tap := b.tap("eth0")
	const n, part = 1000, 100 // no more at once than the tap's queue holds
	for i := range n {
		p := advert(a.index("eth0"), "192.0.2.1", "224.0.0.18", "....")
		binary.BigEndian.PutUint32(p.Payload, uint32(i))
		p.MAC = vrrp.VirtualMAC(false, uint8(i))
		out.Queue(p)
		if i%part < part-1 {
			continue
		}
		if _, dropped := out.Flush(); dropped > 0 {
			t.Fatal(out.Drops())
		}
		hear(t, in, part)
		for j := i + 1 - part; j <= i; j++ {
			f := tap.next(func(f []byte) bool { return f[23] == vrrp.Protocol })
			if k := binary.BigEndian.Uint32(f[34:]); int(k) != j || !bytes.Equal(f[6:12], vrrp.VirtualMAC(false, uint8(j))) {
				t.Fatalf("frame %d is %d from %x", j, k, f[6:12])
			}
		}
	}
}
