package netif

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"regent/vrrp"
)

// pair is two hosts with two cables between them.
type pair struct {
	a, b   *space
	wa, wb *Wire
}

func newPair(t testing.TB) *pair {
	t.Helper()
	a, b := newSpace(t), newSpace(t)
	for i, name := range []string{"eth0", "eth1"} {
		veth(a, name, b, name)
		a.add(name, fmt.Sprintf("192.0.2.%d/24", 1+100*i))
		b.add(name, fmt.Sprintf("192.0.2.%d/24", 2+100*i))
	}
	return &pair{a, b, a.wire(1 << 20), b.wire(1 << 20)}
}

func (p *pair) join(t testing.TB, groups ...netip.Addr) {
	t.Helper()
	for _, link := range []string{"eth0", "eth1"} {
		for _, g := range groups {
			p.a.must(p.wa.Join(p.a.index(link), g))
			p.b.must(p.wb.Join(p.b.index(link), g))
		}
	}
}

func sortPackets(ps []Packet) []Packet {
	slices.SortFunc(ps, func(a, b Packet) int { return strings.Compare(a.String(), b.String()) })
	return ps
}

func expect(t testing.TB, got []Packet, want ...Packet) {
	t.Helper()
	equal := func(a, b Packet) bool {
		return a.Link == b.Link && a.Envelope == b.Envelope && bytes.Equal(a.Payload, b.Payload)
	}
	if !slices.EqualFunc(sortPackets(got), sortPackets(want), equal) {
		t.Errorf("heard\n%v\nwant\n%v", got, want)
	}
}

// W-6, W-7, W-8, W-16: adverts leave by the link they are queued for, arrive with
// what their header said, and do not come back to their sender.
func TestAdvertsOnTwoLinksInBothFamilies(t *testing.T) {
	p := newPair(t)
	p.join(t, vrrp.Group4, vrrp.Group6)
	p.b.linkLocal("eth0")
	p.b.linkLocal("eth1")
	local0, local1 := p.a.linkLocal("eth0").String(), p.a.linkLocal("eth1").String()
	a0, a1, b0, b1 := p.a.index("eth0"), p.a.index("eth1"), p.b.index("eth0"), p.b.index("eth1")

	p.wa.Queue(advert(a0, "192.0.2.1", "224.0.0.18", "four on 0"))
	p.wa.Queue(advert(a1, "192.0.2.101", "224.0.0.18", "four on 1"))
	p.wa.Queue(advert(a0, local0, "ff02::12", "six on 0"))
	p.wa.Queue(advert(a1, local1, "ff02::12", "six on 1"))
	if sent, dropped := p.wa.Flush(); sent != 4 || dropped != 0 {
		t.Fatalf("sent %d, dropped %d: %v", sent, dropped, p.wa.Drops())
	}
	expect(t, hear(t, p.wb, 4),
		advert(b0, "192.0.2.1", "224.0.0.18", "four on 0"),
		advert(b1, "192.0.2.101", "224.0.0.18", "four on 1"),
		advert(b0, local0, "ff02::12", "six on 0"),
		advert(b1, local1, "ff02::12", "six on 1"))
	if echo := drain(t, p.wa); echo != nil {
		t.Errorf("the sender heard itself: %v", echo)
	}
	if sent, dropped := p.wa.Flush(); sent != 0 || dropped != 0 {
		t.Errorf("an empty queue: sent %d, dropped %d", sent, dropped)
	}
	if c := p.wa.Counts(); c != (WireCounts{Sent: 4}) {
		t.Errorf("sender's counts %+v", c)
	}
	if c := p.wb.Counts(); c != (WireCounts{Received: 4}) {
		t.Errorf("receiver's counts %+v", c)
	}
}

// W-6, W-7, W-8, W-10, W-11, W-13, W-61: what is on the cable. The source is the
// envelope's, though no link has it, and the IPv6 checksum is left alone.
func TestAdvertsOnTheCableAreThoseOfTheVectors(t *testing.T) {
	p := newPair(t)
	p.a.linkLocal("eth0")
	tap := p.b.tap("eth0")
	for _, c := range []struct {
		name, frame, src string
		group            netip.Addr
		header           int
	}{
		{"P-3", frameP3, "192.0.2.3", vrrp.Group4, header4},
		{"P-6", frameP6, "fe80::3", vrrp.Group6, header6},
	} {
		want := unhex(t, c.frame)
		group := want[:6]
		p.wa.Queue(Packet{
			Link:     p.a.index("eth0"),
			Envelope: vrrp.Envelope{Src: netip.MustParseAddr(c.src), Dst: c.group, TTL: 255},
			Payload:  want[14+c.header:],
		})
		p.wa.Flush()
		got := tap.next(func(f []byte) bool { return bytes.HasPrefix(f, group) })
		copy(got[6:12], want[6:12]) // the link's own MAC
		if c.group.Is4() {
			// The kernel numbers datagrams whose identification is zero.
			copy(got[14+4:], []byte{0, 0})
			copy(got[14+10:], []byte{0, 0})
			binary.BigEndian.PutUint16(got[14+10:], headerChecksum(got[14:14+header4]))
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s:\n got %x\nwant %x", c.name, got, want)
		}
	}
}

// U: unicast adverts use the same sockets, with the TTL they are told.
func TestUnicastAdverts(t *testing.T) {
	p := newPair(t)
	p.a.add("eth0", "2001:db8::1/64")
	p.b.add("eth0", "2001:db8::2/64")
	a0, b0 := p.a.index("eth0"), p.b.index("eth0")
	four, six := advert(a0, "192.0.2.1", "192.0.2.2", "four"), advert(a0, "2001:db8::1", "2001:db8::2", "six")
	routed := advert(0, "192.0.2.1", "192.0.2.2", "by the routing table")
	four.Envelope.TTL = 64
	for _, q := range []Packet{four, six, routed} {
		p.wa.Queue(q)
	}
	if sent, _ := p.wa.Flush(); sent != 3 {
		t.Fatalf("sent %d: %v", sent, p.wa.Drops())
	}
	got := hear(t, p.wb, 3)
	four.Link, six.Link, routed.Link = b0, b0, b0
	expect(t, got, four, six, routed)
}

// A macvlan without any address, as virtual MACs have it, sends with the
// source of the link below it and hears its own groups.
func TestAdvertsThroughMacvlan(t *testing.T) {
	p := newPair(t)
	parent := p.a.link("eth0")
	p.a.must(p.a.netlink.LinkAdd(&netlink.Macvlan{
		LinkAttrs: netlink.LinkAttrs{Name: "vrrp.20", ParentIndex: parent.Attrs().Index, HardwareAddr: mac("00:00:5e:00:01:14")},
		Mode:      netlink.MACVLAN_MODE_PRIVATE,
	}))
	p.a.do(func() error { return noIPv6Addresses("vrrp.20") })
	p.a.up(p.a.link("vrrp.20"))
	m, b0 := p.a.index("vrrp.20"), p.b.index("eth0")
	local := p.a.linkLocal("eth0").String()
	p.join(t, vrrp.Group4, vrrp.Group6)
	p.a.must(p.wa.Join(m, vrrp.Group4))
	p.a.must(p.wa.Join(m, vrrp.Group6))
	tap := p.b.tap("eth0")

	p.wa.Queue(advert(m, "192.0.2.1", "224.0.0.18", "four"))
	p.wa.Queue(advert(m, local, "ff02::12", "six"))
	if sent, _ := p.wa.Flush(); sent != 2 {
		t.Fatalf("sent %d: %v", sent, p.wa.Drops())
	}
	expect(t, hear(t, p.wb, 2),
		advert(b0, "192.0.2.1", "224.0.0.18", "four"), advert(b0, local, "ff02::12", "six"))
	// W-4: the frame's source is the virtual MAC.
	tap.next(func(f []byte) bool {
		return bytes.Equal(f[6:12], mac("00:00:5e:00:01:14")) && bytes.HasSuffix(f, []byte("six"))
	})

	p.b.linkLocal("eth0")
	p.wb.Queue(advert(b0, "192.0.2.2", "224.0.0.18", "back"))
	p.wb.Flush()
	expect(t, hear(t, p.wa, 2), // once on each link, the macvlan and the one below
		advert(m, "192.0.2.2", "224.0.0.18", "back"),
		advert(p.a.index("eth0"), "192.0.2.2", "224.0.0.18", "back"))
}

// Each packet that fails is dropped and told; those around it leave, in order.
func TestFlushPassesOverWhatFails(t *testing.T) {
	p := newPair(t)
	p.join(t, vrrp.Group4, vrrp.Group6)
	a0, a1 := p.a.index("eth0"), p.a.index("eth1")
	p.a.must(p.a.netlink.LinkSetDown(p.a.link("eth1")))
	long := strings.Repeat("x", 2000) // above the MTU
	p.wa.Queue(advert(a1, "192.0.2.101", "224.0.0.18", "link down"))
	p.wa.Queue(advert(a0, "192.0.2.1", "224.0.0.18", "first"))
	p.wa.Queue(advert(999, "192.0.2.1", "224.0.0.18", "no link"))
	p.wa.Queue(advert(a0, "192.0.2.1", "224.0.0.18", long))
	p.wa.Queue(advert(a0, "192.0.2.1", "224.0.0.18", "second"))
	p.wa.Queue(advert(a1, "fe80::1", "ff02::12", "link down"))
	if sent, dropped := p.wa.Flush(); sent != 2 || dropped != 4 {
		t.Errorf("sent %d, dropped %d", sent, dropped)
	}
	var dropped []int
	for _, d := range p.wa.Drops() {
		if d.Err == nil {
			t.Errorf("packet %d was dropped without a reason", d.Packet)
		}
		dropped = append(dropped, d.Packet)
	}
	if want := []int{0, 2, 3, 5}; !slices.Equal(dropped, want) {
		t.Errorf("dropped %v, want %v", p.wa.Drops(), want)
	}
	if d := p.wa.Drops()[2]; d.Err != unix.EMSGSIZE || d.Link != a0 {
		t.Errorf("the long one: %+v", d)
	}
	got := hear(t, p.wb, 2)
	if string(got[0].Payload) != "first" || string(got[1].Payload) != "second" {
		t.Errorf("heard %v", got)
	}
	if c := p.wa.Counts(); c.Sent != 2 || c.Dropped != 4 {
		t.Errorf("counts %+v", c)
	}
}

// More than a batch leaves in one Flush and in order.
func TestFlushOfManyKeepsTheirOrder(t *testing.T) {
	p := newPair(t)
	p.join(t, vrrp.Group4)
	const n = 3*sendBatch + 7
	for i := range n {
		p.wa.Queue(advert(p.a.index("eth0"), "192.0.2.1", "224.0.0.18", fmt.Sprint(i)))
	}
	if sent, dropped := p.wa.Flush(); sent != n || dropped != 0 {
		t.Fatalf("sent %d, dropped %d", sent, dropped)
	}
	for i, q := range hear(t, p.wb, n) {
		if string(q.Payload) != fmt.Sprint(i) {
			t.Fatalf("packet %d is %v", i, q)
		}
	}
}

// Neither direction allocates once the buffers have grown.
func TestWireDoesNotAllocate(t *testing.T) {
	p := newPair(t)
	p.join(t, vrrp.Group4, vrrp.Group6)
	p.b.linkLocal("eth0")
	four := advert(p.a.index("eth0"), "192.0.2.1", "224.0.0.18", "four")
	six := advert(p.a.index("eth0"), p.a.linkLocal("eth0").String(), "ff02::12", "six")
	turn := func() {
		for range 20 {
			p.wa.Queue(four)
			p.wa.Queue(six)
		}
		p.wa.Flush()
		for left := 40; left > 0; {
			p.wb.Wait(patience)
			ps, err := p.wb.Receive()
			if err != nil || ps == nil {
				t.Fatal("lost packets", err)
			}
			left -= len(ps)
		}
	}
	turn()
	if n := testing.AllocsPerRun(50, turn); n != 0 {
		t.Errorf("%v allocations a turn", n)
	}
}

// Wake ends a Wait from any goroutine, before or during it, and once.
func TestWake(t *testing.T) {
	w := newSpace(t).wire(1 << 16)
	w.Wake()
	w.Wake()
	w.Wait(-1) // for ever, but for the Wake before
	start := time.Now()
	w.Wait(20 * time.Millisecond)
	if took := time.Since(start); took < 20*time.Millisecond {
		t.Errorf("woken twice: Wait returned after %v", took)
	}
	for range 1000 {
		go w.Wake()
		w.Wait(-1)
	}
}

func TestWakeAfterClose(t *testing.T) {
	s := newSpace(t)
	var w *Wire
	s.do(func() (err error) { w, err = OpenWire(1 << 16); return err })
	s.must(w.Close())
	w.Wake() // writes to no descriptor that is someone else's by now
}

func BenchmarkQueueFlush(b *testing.B) {
	for _, batch := range []int{1, 16, 256} {
		for _, family := range []Family{IPv4, IPv6} {
			b.Run(fmt.Sprintf("IPv%d/%d", family, batch), func(b *testing.B) {
				p := newPair(b)
				q := advert(p.a.index("eth0"), "192.0.2.1", "224.0.0.18", "twelve bytes")
				if family == IPv6 {
					q = advert(p.a.index("eth0"), p.a.linkLocal("eth0").String(), "ff02::12", "twenty-four bytes of it")
				}
				b.ReportAllocs()
				for i := 0; i < b.N; i += batch {
					for range batch {
						p.wa.Queue(q)
					}
					p.wa.Flush()
				}
			})
		}
	}
}
