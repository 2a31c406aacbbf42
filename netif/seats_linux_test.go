package netif

import (
	"bytes"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/mdlayher/ndp"
	"golang.org/x/sys/unix"

	"regent/vrrp"
)

func (s *space) seats(h *Host) *Seats {
	s.t.Helper()
	t, err := h.OpenSeats(FirewallSettings{Counters: true})
	s.must(err)
	s.t.Cleanup(func() {
		if err := t.Close(); err != nil {
			s.t.Errorf("close the seats: %v", err)
		}
	})
	return t
}

// A far is the host at the other end of another link of a router.
type far struct {
	*space
	tap *tap
}

// beyond gives a router another link, eth1, and a host there.
func (s *space) beyond() far {
	s.t.Helper()
	there := newSpace(s.t)
	veth(s, "eth1", there, "eth0")
	s.add("eth1", "198.51.100.1/24")
	s.add("eth1", "2001:db8:f::1/64")
	there.add("eth0", "198.51.100.2/24")
	return far{there, there.tap("eth0")}
}

// whoHas asks for an address, and then for those that surely are answered for,
// one by each device that may answer for the first: each works in order. It
// returns the MACs that the first was said to have.
func (t *tap) whoHas(target string, sure ...string) (at []string) {
	t.s.t.Helper()
	mine := t.s.link("eth0").Attrs().HardwareAddr
	for _, a := range append([]string{target}, sure...) {
		t.send("eth0", arpRequest(t.s.t, mine, "0.0.0.0", a))
	}
	for left := slices.Clone(sure); len(left) > 0; {
		f := t.next(func(f []byte) bool { return isARP(f, 2) && bytes.Equal(f[:6], mine) })
		addr := net.IP(f[28:32]).String()
		if addr == target {
			at = append(at, net.HardwareAddr(f[22:28]).String())
		}
		left = slices.DeleteFunc(left, func(a string) bool { return a == addr })
	}
	slices.Sort(at)
	return at
}

// B-10: an address with a virtual MAC is answered for on its device alone: not
// on other links, which Linux has answer for it, and not by the parent, not even
// when that has the address, too (an owner's).
func TestARPIsAnsweredOnTheSeatAlone(t *testing.T) {
	_, hosts := lan(t, 2)
	a, client := hosts[0], hosts[1].tap("eth0")
	beyond := a.beyond()
	h := a.host()
	m := a.make(h, a.device(IPv4))[0].Link
	const vip = "192.0.2.20"
	a.good(h.RaiseDevices([]int{m.Index}))
	a.good(h.Change([]Change{{Link: m.Index, Address: Address{Prefix: prefix(vip + "/24")}}}))
	a.add("eth0", vip+"/32")
	a.good(h.Change([]Change{{Link: m.Index, Address: Address{Prefix: prefix("192.0.2.21/24")}}}))
	physical, other := a.linkNamed(h, "eth0").MAC.String(), a.linkNamed(h, "eth1").MAC.String()
	both := []string{virtual4.String(), physical}
	slices.Sort(both)
	check := func(when string, near, away []string) {
		t.Helper()
		if got := client.whoHas(vip, "192.0.2.21", "192.0.2.1"); !slices.Equal(got, near) {
			t.Errorf("%s: on its link it is at %v, want %v", when, got, near)
		}
		if got := beyond.tap.whoHas(vip, "198.51.100.1"); !slices.Equal(got, away) {
			t.Errorf("%s: on another link it is at %v, want %v", when, got, away)
		}
		if got := beyond.tap.whoHas("192.0.2.1", "198.51.100.1"); len(got) != 1 {
			t.Errorf("%s: an address without a seat is at %v on another link", when, got)
		}
	}
	check("without a seat", both, []string{other})
	s := a.seats(h)
	check("with an empty table", both, []string{other})
	seat := Seat{Addr: netip.MustParseAddr(vip), Link: m.Index}
	a.must(s.Change([]Seat{seat, seat, {Addr: netip.MustParseAddr("192.0.2.21"), Link: m.Index}}, nil))
	check("with a seat", []string{virtual4.String()}, nil)
	// In another VRF, say, somebody else has the address.
	further := Seat{Addr: seat.Addr, Link: a.index("eth1")}
	a.must(s.Change([]Seat{further}, nil))
	check("with two seats", []string{virtual4.String()}, []string{other})
	a.must(s.Change(nil, []Seat{further}))
	check("with one seat again", []string{virtual4.String()}, nil)
	a.nft("flush", "ruleset") // as a reload of the host's own rules does
	a.until("the table to be made again", func() bool { return strings.Contains(a.nft("list", "ruleset"), vip) })
	check("all rules flushed", []string{virtual4.String()}, nil)
	a.must(s.Change([]Seat{{Addr: netip.MustParseAddr("203.0.113.1"), Link: m.Index}}, nil))
	check("one seat more", []string{virtual4.String()}, nil)
	a.must(s.Change(nil, []Seat{seat}))
	check("unseated", both, []string{other})
}

// B-8: an owner's interface has the address, too, and asks in its name, which
// would teach neighbours its MAC. A mute one does not name it, and is answered.
func TestAMuteLinkAsksInNobodysName(t *testing.T) {
	_, hosts := lan(t, 2)
	a, client := hosts[0], hosts[1]
	const vip = "203.0.113.20"
	a.add("eth0", vip+"/24")
	a.add("eth0", "198.51.100.1/24")
	client.add("eth0", "203.0.113.2/24")
	client.add("eth0", "198.51.100.2/24")
	h := a.host()
	s, physical := a.seats(h), a.linkNamed(h, "eth0").MAC
	socket := func(s *space, addr string) (c net.PacketConn) {
		t.Helper()
		s.do(func() (err error) { c, err = net.ListenPacket("udp4", addr+":7"); return err })
		t.Cleanup(func() { c.Close() })
		return c
	}
	from, to, other, third := socket(a, vip), socket(client, "203.0.113.2"), socket(a, "198.51.100.1"), socket(client, "198.51.100.2")
	tap := client.tap("eth0")
	asked := func(when string, from, to net.PacketConn, want string) {
		t.Helper()
		a.ip("neigh flush dev eth0")
		target := to.LocalAddr().(*net.UDPAddr).IP
		exchange(t, from, to)
		f := tap.next(func(f []byte) bool { return isARP(f, 1) && target.Equal(f[38:42]) })
		if got := net.IP(f[28:32]).String(); got != want || !bytes.Equal(f[22:28], physical) {
			t.Errorf("%s: it asks as %s, want %s", when, got, want)
		}
	}
	asked("without a rule", from, to, vip)
	mute := Seat{Addr: netip.MustParseAddr(vip), Link: a.index("eth0"), Mute: true}
	a.must(s.Change([]Seat{mute}, nil))
	asked("mute", from, to, "0.0.0.0")
	asked("in another name", other, third, "198.51.100.1")
	a.must(s.Change([]Seat{{Addr: mute.Addr, Link: mute.Link + 1, Mute: true}}, []Seat{mute}))
	asked("another link is", from, to, vip)
}

// Announcements of a seated address reach the host's own neighbour table, on
// whatever link they come in.
func TestAnnouncementsPassTheSeats(t *testing.T) {
	_, hosts := lan(t, 2)
	a, peer := hosts[0], hosts[1]
	h := a.host()
	m := a.make(h, a.device(IPv4))[0].Link
	a.must(a.seats(h).Change([]Seat{{Addr: netip.MustParseAddr("192.0.2.20"), Link: m.Index}}, nil))
	a.ip("neigh replace 192.0.2.20 lladdr 02:00:00:00:00:01 nud stale dev eth0")
	mac := net.HardwareAddr{2, 0, 0, 0, 0, 9}
	tap := peer.tap("eth0")
	a.until("the host to learn", func() bool {
		tap.send("eth0", arpRequest(t, mac, "192.0.2.20", "192.0.2.20"))
		return strings.Contains(a.ip("neigh show 192.0.2.20"), mac.String())
	})
}

// The table of a killed predecessor goes; thousands of seats fit; the end
// leaves nothing.
func TestSeatsLeaveNothing(t *testing.T) {
	a := newSpace(t)
	h := a.host()
	before := a.nft("list", "ruleset")
	dead, err := h.OpenSeats(FirewallSettings{})
	a.must(err)
	a.must(dead.Change([]Seat{{Addr: netip.MustParseAddr("192.0.2.1"), Link: 1}}, nil))
	a.must(dead.abandon()) // as a kill does
	if !strings.Contains(a.nft("list", "table", "arp", "regent"), "192.0.2.1") {
		t.Fatal("the predecessor left nothing")
	}
	a.must(h.RemoveFirewall(""))
	if after := a.nft("list", "ruleset"); after != before {
		t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
	s, err := h.OpenSeats(FirewallSettings{})
	a.must(err)
	var many []Seat
	for i := range 5000 {
		many = append(many, Seat{Addr: netip.AddrFrom4([4]byte{198, 18, byte(i >> 8), byte(i)}), Link: 1})
	}
	a.must(s.Change(many, nil))
	if n := strings.Count(a.nft("list", "set", "arp", "regent", "seats"), "198.18."); n != len(many) {
		t.Errorf("%d of %d have a seat", n, len(many))
	}
	a.must(s.Change(nil, many[1:]))
	if n := strings.Count(a.nft("list", "table", "arp", "regent"), "198.18."); n != 4 { // one of them is there twice
		t.Errorf("%d elements are left", n)
	}
	a.must(s.Close())
	if after := a.nft("list", "ruleset"); after != before {
		t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
}

// solicitation asks for an address, from a host on a link; to a MAC and an
// address of its own choice.
func solicitation(t testing.TB, mine, to net.HardwareAddr, from, target, dst string) []byte {
	t.Helper()
	src, about, group := netip.MustParseAddr(from), netip.MustParseAddr(target), netip.MustParseAddr(dst)
	b, err := ndp.MarshalMessageChecksum(&ndp.NeighborSolicitation{
		TargetAddress: about, Options: []ndp.Option{&ndp.LinkLayerAddress{Direction: ndp.Source, Addr: mine}},
	}, src, group)
	if err != nil {
		t.Fatal(err)
	}
	f, err := frame(to, mine, 0x86DD, append(appendHeader6(nil, src, group, 0, unix.IPPROTO_ICMPV6, vrrp.HopLimit, len(b)), b...))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// whoHas6 asks for an address in several ways, and then each MAC for an address
// that it surely answers for. It returns the MACs from which the first was
// answered for, each once: some answers name none.
func (t *tap) whoHas6(from, target string, sure map[string]net.HardwareAddr) (at []string) {
	t.s.t.Helper()
	mine := t.s.link("eth0").Attrs().HardwareAddr
	ask := func(to net.HardwareAddr, about, dst string) {
		t.send("eth0", solicitation(t.s.t, mine, to, from, about, dst))
	}
	b := netip.MustParseAddr(target).As16()
	ask(net.HardwareAddr{0x33, 0x33, 0xFF, b[13], b[14], b[15]}, target, fmt.Sprintf("ff02::1:ff%02x:%02x%02x", b[13], b[14], b[15]))
	ask(net.HardwareAddr{0x33, 0x33, 0, 0, 0, 1}, target, "ff02::1") // a group that every link is in
	for _, mac := range sure {
		ask(mac, target, target)
	}
	for addr, mac := range sure {
		ask(mac, addr, addr)
	}
	for left := maps.Clone(sure); len(left) > 0; {
		f := t.next(func(f []byte) bool {
			return len(f) >= 78 && f[20] == unix.IPPROTO_ICMPV6 && f[54] == 136 && bytes.Equal(f[:6], mine)
		})
		addr, says := netip.AddrFrom16([16]byte(f[62:78])).String(), net.HardwareAddr(f[6:12]).String()
		if addr == target && !slices.Contains(at, says) {
			at = append(at, says)
		}
		delete(left, addr)
	}
	slices.Sort(at)
	return at
}

// B-12: an IPv6 address is never answered for on a link that does not have it,
// whatever way it is asked for. An owner's parent has it, and answers until its
// questions are refused.
func TestNeighborSolicitationsOfAnOwner(t *testing.T) {
	_, hosts := lan(t, 2)
	a, client := hosts[0], hosts[1].tap("eth0")
	beyond := a.beyond()
	beyond.add("eth0", "2001:db8:f::2/64")
	h := a.host()
	m := a.make(h, a.device(IPv6))[0].Link
	const vip = "2001:db8::20"
	a.good(h.RaiseDevices([]int{m.Index}))
	a.good(h.Change([]Change{{Link: m.Index, Address: Address{Prefix: prefix(vip + "/64")}}}))
	a.good(h.Change([]Change{{Link: m.Index, Address: Address{Prefix: prefix("2001:db8::21/64")}}}))
	physical, other := a.linkNamed(h, "eth0").MAC, a.linkNamed(h, "eth1").MAC
	near := func(when string, want ...string) {
		t.Helper()
		got := client.whoHas6("2001:db8::2", vip, map[string]net.HardwareAddr{"2001:db8::21": virtual6, "2001:db8::1": physical})
		if !slices.Equal(got, want) {
			t.Errorf("%s: it is at %v, want %v", when, got, want)
		}
	}
	if got := beyond.tap.whoHas6("2001:db8:f::2", vip, map[string]net.HardwareAddr{"2001:db8:f::1": other}); len(got) > 0 {
		t.Errorf("on another link it is at %v", got)
	}
	a.add("eth0", vip+"/128")
	f := a.firewall(h, FirewallSettings{Counters: true})
	both := []string{virtual6.String(), physical.String()}
	slices.Sort(both)
	near("an owner's", both...)
	questions := Refusal{Addr: netip.MustParseAddr(vip), Link: a.index("eth0"), Questions: true}
	a.must(f.Change([]Refusal{questions}, nil))
	near("questions refused", virtual6.String())
	a.must(f.Change(nil, []Refusal{questions}))
	near("accepted again", both...)
}
