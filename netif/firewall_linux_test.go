package netif

import (
	"bytes"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/mdlayher/ndp"
	"golang.org/x/sys/unix"

	"regent/vrrp"
)

func (s *space) firewall(h *Host, settings FirewallSettings) *Firewall {
	s.t.Helper()
	f, err := h.OpenFirewall(settings)
	s.must(err)
	s.t.Cleanup(func() {
		if err := f.Close(); err != nil {
			s.t.Errorf("close the firewall: %v", err)
		}
	})
	return f
}

// nft runs the command of that name in the namespace.
func (s *space) nft(words ...string) string {
	s.t.Helper()
	if _, err := exec.LookPath("nft"); err != nil {
		s.t.Skip("nft is not installed")
	}
	var out []byte
	s.do(func() (err error) { out, err = exec.Command("nft", words...).CombinedOutput(); return err })
	return string(out)
}

// An ear hears what is sent to any address of a host by UDP.
type ear struct {
	t    testing.TB
	conn net.PacketConn
	from net.PacketConn
}

func (s *space) ear(client *space) *ear {
	s.t.Helper()
	e := &ear{t: s.t}
	s.do(func() (err error) { e.conn, err = net.ListenPacket("udp", "[::]:7"); return err })
	client.do(func() (err error) { e.from, err = net.ListenPacket("udp", "[::]:0"); return err })
	s.t.Cleanup(func() { e.conn.Close(); e.from.Close() })
	return e
}

// hears sends a datagram to each address, and then to one that surely hears.
// It returns those that arrived.
func (e *ear) hears(sure string, to ...string) (heard []string) {
	e.t.Helper()
	for _, a := range append(to, sure) {
		ap := netip.AddrPortFrom(netip.MustParseAddr(a), 7)
		if _, err := e.from.WriteTo([]byte(a), net.UDPAddrFromAddrPort(ap)); err != nil {
			e.t.Fatal(err)
		}
	}
	if err := e.conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		e.t.Fatal(err)
	}
	room := make([]byte, 64)
	for {
		n, _, err := e.conn.ReadFrom(room)
		if err != nil {
			e.t.Fatal(err)
		}
		if string(room[:n]) == sure {
			return heard
		}
		heard = append(heard, string(room[:n]))
	}
}

// B-23: what is addressed to a refused address is dropped, until it is
// accepted again; other addresses, and those of other links, are not touched.
func TestRefusedAddresses(t *testing.T) {
	_, hosts := lan(t, 2)
	a, client := hosts[0], hosts[1]
	h, eth := a.host(), a.index("eth0")
	for _, p := range []string{"192.0.2.20/24", "192.0.2.21/24", "2001:db8::20/64", "2001:db8::21/64", "fe80::20/64"} {
		a.add("eth0", p)
	}
	zoned := fmt.Sprintf("fe80::20%%%d", client.index("eth0"))
	ear := a.ear(client)
	all := []string{"192.0.2.20", "192.0.2.21", "2001:db8::20", "2001:db8::21", zoned}
	// Neighbours are found first: a question for a MAC would let a later
	// datagram pass an earlier one.
	for _, to := range all {
		ear.hears(to)
	}
	ear.hears("192.0.2.1")
	expect := func(when string, want ...string) {
		t.Helper()
		if got := ear.hears("192.0.2.1", all...); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: %v is heard, want %v", when, got, want)
		}
	}
	refuse := func(addr string, link int) Refusal { return Refusal{Addr: netip.MustParseAddr(addr), Link: link} }
	four, six, local := refuse("192.0.2.20", 0), refuse("2001:db8::20", 0), refuse("fe80::20", eth)

	f := a.firewall(h, FirewallSettings{Counters: true, Priority: -1})
	expect("an empty table", all...)
	a.must(f.Change([]Refusal{four, six, local}, nil))
	expect("three refused", "192.0.2.21", "2001:db8::21")
	a.must(f.Change([]Refusal{four, four}, []Refusal{six, six, refuse("203.0.113.9", 0)}))
	expect("one accepted", "192.0.2.21", "2001:db8::20", "2001:db8::21")
	a.must(f.Change([]Refusal{refuse("fe80::20", eth+1)}, []Refusal{local}))
	expect("refused on another link", "192.0.2.21", "2001:db8::20", "2001:db8::21", zoned)

	// Somebody flushes all rules, as a reload of the host's own does: they are
	// back at once, every time, and the next change finds them.
	for range 3 {
		a.nft("flush", "ruleset")
		a.until("the table to be made again", func() bool { return strings.Contains(a.nft("list", "ruleset"), "192.0.2.20") })
		expect("all rules flushed", "192.0.2.21", "2001:db8::20", "2001:db8::21", zoned)
	}
	a.must(f.Change([]Refusal{six}, nil))
	expect("one more refused", "192.0.2.21", "2001:db8::21", zoned)
	a.must(f.Change(nil, []Refusal{four, six}))
	expect("all accepted", all...)
}

// B-24: neighbour solicitations pass whatever their destination, here the
// refused address itself.
func TestRefusedAddressesAreStillNeighbours(t *testing.T) {
	_, hosts := lan(t, 2)
	a, client := hosts[0], hosts[1]
	a.add("eth0", "2001:db8::20/64")
	vip, from := netip.MustParseAddr("2001:db8::20"), netip.MustParseAddr("2001:db8::2")
	h := a.host()
	a.must(a.firewall(h, FirewallSettings{}).Change([]Refusal{{Addr: vip}}, nil))
	mine := client.link("eth0").Attrs().HardwareAddr
	b, err := ndp.MarshalMessageChecksum(&ndp.NeighborSolicitation{
		TargetAddress: vip, Options: []ndp.Option{&ndp.LinkLayerAddress{Direction: ndp.Source, Addr: mine}},
	}, from, vip)
	a.must(err)
	packet := append(appendHeader6(nil, from, vip, 0, unix.IPPROTO_ICMPV6, vrrp.HopLimit, len(b)), b...)
	f, err := frame(a.linkNamed(h, "eth0").MAC, mine, 0x86DD, packet)
	a.must(err)
	tap := client.tap("eth0")
	tap.send("eth0", f)
	tap.next(func(f []byte) bool {
		return len(f) >= 78 && f[20] == unix.IPPROTO_ICMPV6 && f[54] == 136 && netip.AddrFrom16([16]byte(f[62:78])) == vip
	})
}

// A table that a killed predecessor left is replaced, all others stay as they
// are, and after the end nothing is left.
func TestFirewallLeavesNothing(t *testing.T) {
	a := newSpace(t)
	a.nft("add table inet other; add chain inet other input { type filter hook input priority 0; }; add rule inet other input tcp dport 22 accept; add table ip regent")
	before := a.nft("list", "ruleset")
	var dead *Host
	a.do(func() (err error) { dead, err = Open(nil); return err })
	f, err := dead.OpenFirewall(FirewallSettings{})
	a.must(err)
	a.must(f.Change([]Refusal{{Addr: netip.MustParseAddr("192.0.2.1")}}, nil))
	a.must(f.abandon()) // as a kill does
	a.must(dead.Close())
	if !strings.Contains(a.nft("list", "ruleset"), "192.0.2.1") {
		t.Fatal("the predecessor left nothing")
	}

	h := a.host()
	var log bytes.Buffer
	h.log = slog.New(slog.NewTextHandler(&log, nil))
	f, err = h.OpenFirewall(FirewallSettings{})
	a.must(err)
	var many []Refusal
	for i := range 3000 { // more than a message holds
		many = append(many, Refusal{Addr: netip.AddrFrom4([4]byte{198, 18, byte(i >> 8), byte(i)})})
	}
	a.must(f.Change(many, nil))
	rules := a.nft("list", "table", "inet", "regent")
	if strings.Contains(rules, "192.0.2.1") || strings.Count(rules, "198.18.") != len(many) {
		t.Errorf("%d of %d are refused, the leftover: %v", strings.Count(rules, "198.18."), len(many), strings.Contains(rules, "192.0.2.1"))
	}
	a.must(f.Change(nil, many))
	if n := strings.Count(a.nft("list", "table", "inet", "regent"), "198.18."); n != 0 {
		t.Errorf("%d are left", n)
	}
	a.must(f.Close())
	if after := a.nft("list", "ruleset"); after != before {
		t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
	if log.Len() > 0 {
		t.Errorf("it says %s", &log)
	}

	// One that is not needed any more is removed; none is none.
	if f, err = h.OpenFirewall(FirewallSettings{Table: "mine"}); err != nil {
		t.Fatal(err)
	}
	a.must(f.abandon())
	a.must(h.RemoveFirewall("mine"))
	a.must(h.RemoveFirewall("mine"))
	if after := a.nft("list", "ruleset"); after != before {
		t.Errorf("after removal:\n%s", after)
	}
}

func TestFirewallWithoutPrivilege(t *testing.T) {
	a := newSpace(t)
	h := a.host()
	a.do(func() error {
		if err := keepCapabilities(unix.CAP_NET_RAW); err != nil {
			return err
		}
		_, err := h.OpenFirewall(FirewallSettings{})
		if err == nil || !strings.HasPrefix(err.Error(), "changing the firewall needs the capability CAP_NET_ADMIN: ") {
			t.Errorf("error %v", err)
		}
		return nil
	})
}
