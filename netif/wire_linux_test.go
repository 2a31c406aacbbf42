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

// W-6 to W-9, W-16, W-61: adverts leave by the link they are queued for, in
// the frame of the vectors, arrive with what their header said, and do not
// come back to their sender.
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

// W-4, W-7, W-8, W-11, W-61: what is on the cable. The source is the
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

// fragments, which the kernel has put together again, are dropped and
// counted. Options are no reason to drop.
func TestFragmentsAreDropped(t *testing.T) {
	p := newPair(t)
	p.join(t, vrrp.Group4)
	p.b.add("eth0", "2001:db8::2/64")
	p.a.add("eth0", "2001:db8::1/64")
	dst4 := &unix.SockaddrInet4{Addr: [4]byte{192, 0, 2, 2}}
	dst6 := &unix.SockaddrInet6{Addr: netip.MustParseAddr("2001:db8::2").As16()}

	fd := p.a.raw(unix.AF_INET)
	whole := advert(0, "192.0.2.1", "192.0.2.2", "0123456789abcdef")
	header := appendHeader(nil, whole.Envelope, 8)
	header[5] = 77 // identification
	first, second := bytes.Clone(header), bytes.Clone(header)
	first[6], second[7] = 0x20, 1
	p.a.must(unix.Sendto(fd, append(first, whole.Payload[:8]...), 0, dst4))
	p.a.must(unix.Sendto(fd, append(second, whole.Payload[8:]...), 0, dst4))

	fd = p.a.raw(unix.AF_INET6)
	part := func(offset uint16, b []byte) []byte {
		e := vrrp.Envelope{Src: netip.MustParseAddr("2001:db8::1"), Dst: netip.MustParseAddr("2001:db8::2"), TTL: 255}
		f := appendHeader(nil, e, 8+len(b))
		f[6] = unix.IPPROTO_FRAGMENT
		f = append(f, vrrp.Protocol, 0)
		f = binary.BigEndian.AppendUint16(f, offset)
		return append(append(f, 0, 0, 0, 77), b...)
	}
	p.a.must(unix.Sendto(fd, part(1, whole.Payload[:8]), 0, dst6))
	p.a.must(unix.Sendto(fd, part(8, whole.Payload[8:]), 0, dst6))

	fd = p.a.raw(unix.AF_INET)
	options := appendHeader(nil, whole.Envelope, 4+len(whole.Payload))
	options[0] = 0x46
	options = append(append(options, 1, 1, 1, 0), whole.Payload...)
	p.a.must(unix.Sendto(fd, options, 0, dst4))

	whole.Link = p.b.index("eth0")
	var got []Packet
	p.b.until("an advert and two in fragments", func() bool {
		p.wb.Wait(0)
		got = append(got, drain(t, p.wb)...)
		return len(got) > 0 && p.wb.Counts().Fragments == 2
	})
	expect(t, got, whole)
	if c := p.wb.Counts(); c.Malformed != 0 || c.Received != 1 {
		t.Errorf("counts %+v", c)
	}
}

// A send socket collects nothing, though its protocol is 255 and packets of
// that protocol may come.
func TestSendSocketsAreDeaf(t *testing.T) {
	p := newPair(t)
	var witness int
	p.b.do(func() (err error) {
		witness, err = unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW)
		return err
	})
	defer unix.Close(witness)
	e := vrrp.Envelope{Src: netip.MustParseAddr("192.0.2.1"), Dst: netip.MustParseAddr("192.0.2.2"), TTL: 1}
	datagram := appendHeader(nil, e, 0)
	datagram[9] = unix.IPPROTO_RAW
	p.a.must(unix.Sendto(p.a.raw(unix.AF_INET), datagram, 0, &unix.SockaddrInet4{Addr: [4]byte{192, 0, 2, 2}}))
	room := make([]byte, 100)
	if _, err := unix.Read(witness, room); err != nil {
		t.Fatal(err)
	}
	if n, _, err := unix.Recvfrom(p.wb.out[0].fd, room, unix.MSG_DONTWAIT); err != unix.EAGAIN {
		t.Errorf("heard %d bytes, %v", n, err)
	}
}

// what is longer than any advert is cut by the kernel, and counted.
func TestGiantsAreMalformed(t *testing.T) {
	p := newPair(t)
	p.join(t, vrrp.Group4)
	a0 := p.a.index("eth0")
	p.wa.Queue(advert(a0, "192.0.2.1", "224.0.0.18", strings.Repeat("x", longest4-header4+1)))
	p.wa.Queue(advert(a0, "192.0.2.1", "224.0.0.18", strings.Repeat("y", longest4-header4)))
	p.wa.Flush()
	got := hear(t, p.wb, 1)
	if len(got[0].Payload) != longest4-header4 || got[0].Payload[0] != 'y' {
		t.Errorf("heard %d bytes", len(got[0].Payload))
	}
	if c := p.wb.Counts(); c.Malformed != 1 {
		t.Errorf("counts %+v", c)
	}
}

// a flood that nobody reads costs the buffer and no more: what did fit
// is heard, the rest is counted, and nothing is allocated for it.
func TestFloodIsBoundedAndCounted(t *testing.T) {
	p := newPair(t)
	small := p.b.wire(64 << 10)
	p.b.must(small.Join(p.b.index("eth0"), vrrp.Group4))
	const flood = 10000
	a0 := p.a.index("eth0")
	for i := range flood {
		p.wa.Queue(advert(a0, "192.0.2.1", "224.0.0.18", fmt.Sprintf("garbage %d", i)))
	}
	if sent, dropped := p.wa.Flush(); sent+dropped != flood || sent < flood/2 {
		t.Fatalf("sent %d, dropped %d", sent, dropped)
	}
	heard, lastAllocs := 0, 0.0
	small.Wait(patience)
	lastAllocs = testing.AllocsPerRun(1, func() {
		for {
			ps, err := small.Receive()
			if err != nil {
				t.Fatal(err)
			}
			if ps == nil {
				return
			}
			heard += len(ps)
		}
	})
	if heard == 0 || heard > 1000 {
		t.Errorf("heard %d packets through a buffer of 64 KiB", heard)
	}
	if lastAllocs > 1 {
		t.Errorf("%v allocations", lastAllocs)
	}
	// The kernel tells of losses with the first packet after them.
	small.Wait(0)
	p.wa.Queue(advert(a0, "192.0.2.1", "224.0.0.18", "after"))
	sent := int(p.wa.Counts().Sent)
	p.wa.Flush()
	if got := hear(t, small, 1); string(got[0].Payload) != "after" {
		t.Errorf("heard %v", got)
	}
	if c := small.Counts(); int(c.Overflows) != sent-heard {
		t.Errorf("counts %+v, want %d overflows", c, sent-heard)
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

// T-11: a loop that was held up finds, with the first Receive after its Wait,
// all that came before it. After that the family rests until the next Wait.
func TestReceiveSeesAllThatCameBeforeIt(t *testing.T) {
	p := newPair(t)
	p.join(t, vrrp.Group4)
	witness := p.b.wire(1 << 20) // what it has heard, all have heard
	say := func(text string) {
		p.wa.Queue(advert(p.a.index("eth0"), "192.0.2.1", "224.0.0.18", text))
		p.wa.Flush()
		hear(t, witness, 1)
	}
	p.wb.Wait(0) // sees nothing
	say("meanwhile")
	if got := drain(t, p.wb); len(got) != 1 || string(got[0].Payload) != "meanwhile" {
		t.Errorf("heard %v", got)
	}
	say("later")
	if got := drain(t, p.wb); got != nil {
		t.Errorf("asked again before the next Wait: %v", got)
	}
	p.wb.Wait(patience)
	if got := drain(t, p.wb); len(got) != 1 || string(got[0].Payload) != "later" {
		t.Errorf("heard %v", got)
	}
}

// Memberships go far beyond what one socket may hold, count their users, and
// end with the last.
func TestMembershipsBeyondOneSocket(t *testing.T) {
	s, peer := newSpace(t), newSpace(t)
	w := s.wire(1 << 20)
	const links = 50
	var indexes []int
	for i := range links {
		veth(s, fmt.Sprintf("eth%d", i), peer, fmt.Sprintf("eth%d", i))
		index := s.index(fmt.Sprintf("eth%d", i))
		indexes = append(indexes, index)
		s.must(w.Join(index, vrrp.Group4))
		s.must(w.Join(index, vrrp.Group6))
	}
	if n := len(w.groups.holders[IPv4]); n != 3 {
		t.Errorf("%d sockets hold %d IPv4 memberships, want 3", n, links)
	}
	other := peer.wire(1 << 20)
	for i := range links {
		name := fmt.Sprintf("eth%d", i)
		other.Queue(advert(peer.index(name), "192.0.2.9", "224.0.0.18", name))
	}
	other.Flush()
	seen := map[int]bool{}
	for _, p := range hear(t, w, links) {
		seen[p.Link] = true
	}
	if len(seen) != links {
		t.Errorf("heard on %d links", len(seen))
	}

	first := indexes[0]
	s.must(w.Join(first, vrrp.Group4))
	s.must(w.Leave(first, vrrp.Group4))
	if !s.member(first) {
		t.Error("left a group that has a user")
	}
	s.must(w.Leave(first, vrrp.Group4))
	if s.member(first) {
		t.Error("still a member after the last Leave")
	}
	if err := w.Leave(first, vrrp.Group4); err == nil {
		t.Error("left twice")
	}
	s.must(w.Join(first, vrrp.Group4)) // takes the place that is free
	if n := len(w.groups.holders[IPv4]); n != 3 || !s.member(first) {
		t.Errorf("%d sockets, member %v", n, s.member(first))
	}

	// A link that is gone is left without an error.
	s.must(s.netlink.LinkDel(s.link("eth7")))
	s.must(w.Leave(indexes[7], vrrp.Group4))
	s.must(w.Leave(indexes[7], vrrp.Group6))
	if err := w.Join(indexes[7], vrrp.Group4); err == nil {
		t.Error("joined on a link that is gone")
	}
}

// member tells whether a link listens to the IPv4 group.
func (s *space) member(index int) (yes bool) {
	s.t.Helper()
	s.do(func() error {
		b, err := readProc("net/igmp")
		inside := false
		for line := range strings.Lines(string(b)) {
			f := strings.Fields(line)
			if !strings.HasPrefix(line, "\t") {
				inside = len(f) > 0 && f[0] == fmt.Sprint(index)
			} else if inside && f[0] == "120000E0" {
				yes = true
			}
		}
		return err
	})
	return yes
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

// Missing privilege is one sentence that names the capability.
func TestMissingPrivilege(t *testing.T) {
	s := newSpace(t)
	for _, c := range []struct {
		name, want string
		keep       []uintptr
		open       func() error
	}{
		{"wire", "opening raw sockets needs the capability CAP_NET_RAW: socket: operation not permitted",
			[]uintptr{unix.CAP_NET_ADMIN}, func() error { _, err := OpenWire(1 << 16); return err }},
		{"host without raw", "opening packet sockets needs the capability CAP_NET_RAW: socket: operation not permitted",
			[]uintptr{unix.CAP_NET_ADMIN}, func() error { _, err := Open(nil); return err }},
		{"host without admin", "changing addresses needs the capability CAP_NET_ADMIN: operation not permitted",
			[]uintptr{unix.CAP_NET_RAW}, func() error { _, err := Open(nil); return err }},
	} {
		var refusal error
		s.do(func() error {
			if err := keepCapabilities(c.keep...); err != nil {
				return err
			}
			refusal = c.open()
			return nil
		})
		if refusal == nil || refusal.Error() != c.want {
			t.Errorf("%s: %q, want %q", c.name, refusal, c.want)
		}
	}
	s.do(func() error { // and no more than the two are needed
		if err := keepCapabilities(unix.CAP_NET_RAW, unix.CAP_NET_ADMIN); err != nil {
			return err
		}
		w, err := OpenWire(1 << 16)
		if err != nil {
			return err
		}
		h, err := Open(nil)
		if err != nil {
			return err
		}
		if err := h.Close(); err != nil {
			return err
		}
		return w.Close()
	})
}

// keepCapabilities drops all others from the calling thread.
func keepCapabilities(keep ...uintptr) error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	for _, c := range keep {
		data[c/32].Effective |= 1 << (c % 32)
		data[c/32].Permitted |= 1 << (c % 32)
	}
	return unix.Capset(&header, &data[0])
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

func BenchmarkReceive(b *testing.B) {
	p := newPair(b)
	p.join(b, vrrp.Group4)
	q := advert(p.a.index("eth0"), "192.0.2.1", "224.0.0.18", "twelve bytes")
	b.ReportAllocs()
	for i := 0; i < b.N; {
		b.StopTimer()
		for range 256 {
			p.wa.Queue(q)
		}
		p.wa.Flush()
		b.StartTimer()
		for end := i + 256; i < end; {
			p.wb.Wait(patience)
			for {
				ps, err := p.wb.Receive()
				if err != nil {
					b.Fatal(err)
				}
				if ps == nil {
					break
				}
				i += len(ps)
			}
		}
	}
}
