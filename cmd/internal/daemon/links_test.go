package daemon

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"regent/fsm"
	"regent/netif"
	"regent/netif/netiftest"
)

// drop takes an address off a link behind the daemon's back.
func (n *node) drop(link string, addr netip.Addr) {
	n.Adjust(link, func(l *netif.Link) {
		l.Addresses = slices.DeleteFunc(slices.Clone(l.Addresses), func(a netif.LinkAddress) bool { return a.Prefix.Addr() == addr })
	})
	synctest.Wait()
}

// add puts one on it.
func (n *node) add(link string, a netif.LinkAddress) {
	n.Adjust(link, func(l *netif.Link) { l.Addresses = append(slices.Clone(l.Addresses), a) })
	synctest.Wait()
}

// index returns that of a link by its name, 0 if there is none.
func (n *node) index(link string) int {
	links, _ := n.Links()
	for _, l := range links {
		if l.Name == link {
			return l.Index
		}
	}
	return 0
}

// S-42, M-6, M-10: the resignation of a link that is down cannot be sent, and
// is not counted as if it were.
func TestAResignationThatCannotLeave(t *testing.T) {
	inWorld(t, func(w *world) {
		n1, _ := pair(w)
		sent := len(n1.heard())
		n1.SetUp("eth0", false)
		w.pass(time.Second)
		if _, c := n1.status("V"); c.PriorityZeroSent != 0 || c.Sent != uint64(sent) || c.Unsent != 1 {
			t.Errorf("of %d adverts and a resignation that could not leave: %+v", sent, c)
		}
		if lines := n1.lines("cannot send"); lines != nil {
			t.Errorf("it complains of it: %v", lines)
		}
	})
}

// S-42: an interface that is removed and made again at once was gone, although
// one report tells of both: the router begins anew on the new one.
func TestAnInterfaceThatIsReplaced(t *testing.T) {
	inWorld(t, func(w *world) {
		n1, n2 := pair(w)
		n1.forget()
		n1.Remove("eth0")
		n1.Attach(w.segment, "eth0", []byte{2, 0, 0, 0, 0, 1}, netip.MustParsePrefix("192.0.2.1/24"))
		synctest.Wait()
		n1.told(
			`5s (V) Entering FAULT STATE was=MASTER reason="interface eth0 does not exist; no IPv4 address on eth0"`,
			`5s (V) Entering BACKUP STATE was=FAULT reason="fit to take part again"`)
		w.pass(10 * time.Second)
		n1.is(Master)
		n2.is(Backup)
	})
}

// An interface that gets another name is gone for who knows it by the old one,
// and one that gets the name is found.
func TestInterfacesThatAreRenamed(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node(1)
		n.start(conf(150))
		w.pass(5 * time.Second)
		n.forget()
		n.Adjust("eth0", func(l *netif.Link) { l.Name = "lan0" })
		w.pass(time.Second)
		n.told(`5s (V) Entering FAULT STATE was=MASTER reason="interface eth0 does not exist; no IPv4 address on eth0"`)
		second := n.Attach(w.segment, "eth1", []byte{2, 0, 0, 0, 0, 2}, netip.MustParsePrefix("192.0.2.2/24"))
		n.Adjust("eth1", func(l *netif.Link) { l.Name = "eth0" })
		w.pass(5 * time.Second)
		n.is(Master)
		if sent := w.segment.Adverts(); sent[len(sent)-1].Link != second {
			t.Errorf("adverts leave by link %d, want %d", sent[len(sent)-1].Link, second)
		}
	})
}

// An address of a router that does not care for its link (no_track) stays with
// the name of the link, not with the link: neither a master nor one that becomes
// master later puts it on a link that has another name by then.
func TestAnAddressOfALinkThatIsRenamed(t *testing.T) {
	for _, late := range []bool{false, true} {
		inWorld(t, func(w *world) {
			n := w.node(1).second()
			n.start(conf(150, "virtual_ipaddress_excluded {\n198.51.100.100/24 dev eth1 no_track\n}"))
			if !late {
				w.pass(5 * time.Second)
				n.is(Master)
			}
			n.Adjust("eth1", func(l *netif.Link) { l.Name = "wan0" })
			w.pass(5 * time.Second)
			n.is(Master)
			if n.Has(netip.MustParseAddr("198.51.100.100")) {
				t.Errorf("it is on the link that was eth1; renamed before the reign: %v", late)
			}
			n.Adjust("wan0", func(l *netif.Link) { l.Name = "eth1" })
			synctest.Wait()
			if !n.Has(netip.MustParseAddr("198.51.100.100")) {
				t.Error("it is not there when the name is back")
			}
		})
	}
}

// What an instance depends on twice is a fault once.
func TestAFaultIsToldOnce(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node(1).second()
		n.start(conf(150, "track_interface {\neth1\n}", "virtual_ipaddress_excluded {\n198.51.100.100/24 dev eth1\n}"))
		w.pass(5 * time.Second)
		n.is(Master)
		n.SetUp("eth1", false)
		synctest.Wait()
		n.said(Fault, `reason="interface eth1 is down"`)
	})
}

// S-45: a priority that changes because of a link names that link with its weight,
// whatever else has come or gone with it.
func TestAPriorityThatMovesWithALink(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node(1).second()
		n.Remove("eth1")
		n.start(conf(150, "track_interface {\neth1 weight 20\n}", "virtual_ipaddress_excluded {\n198.51.100.100/24 dev eth1\n}"))
		n.second()
		synctest.Wait()
		told := n.lines("Changing effective priority")
		if len(told) != 1 || !strings.Contains(told[0], `from=150 to=170 reason="interface eth1 is up, weight 20"`) {
			t.Errorf("told %q", told)
		}
	})
}

// A link that was down for an instant has lost routes, of which the kernel does
// not tell: virtual ones come back, and static ones, and addresses are announced.
func TestALinkThatFell(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node(1).second()
		n.start("static_routes {\n198.18.0.0/24 dev eth1\n}\n" + conf(150, "virtual_routes {\n198.18.1.0/24 dev eth1\n198.18.2.0/24 dev eth0\n}"))
		w.pass(5 * time.Second)
		n.is(Master)
		routes := func() int { held, _ := n.Holds(); return len(held) }
		if routes() != 3 {
			t.Fatalf("%d routes at first, want 3", routes())
		}
		for _, link := range []string{"eth0", "eth1"} {
			announced := len(n.Announcements())
			n.SetUp(link, false)
			n.SetUp(link, true)
			if routes() == 3 {
				t.Errorf("the routes of %s did not go", link)
			}
			w.pass(time.Second)
			n.is(Master)
			if routes() != 3 {
				t.Errorf("%d routes after %s fell", routes(), link)
			}
			if len(n.Announcements()) == announced {
				t.Errorf("nothing was announced after %s fell", link)
			}
		}
	})
}

// Two links may swap their names in one report. A router stays with the name,
// and begins anew on the other link.
func TestLinksThatSwapNames(t *testing.T) {
	d, _ := many(t, 400) // on eth0 and eth1
	r := d.routers[7]
	d.now = d.now.Add(time.Hour)
	d.expire()
	first, second := d.links["eth0"].Link, d.links["eth1"].Link
	first.Name, second.Name = second.Name, first.Name
	d.linked([]netif.Link{first, second})
	if r.link != second.Index || r.state != fsm.Initialize || d.links["eth0"].Index != second.Index || d.links["eth1"].Index != first.Index {
		t.Errorf("the router is %v on link %d, want INIT on %d", r.state, r.link, second.Index)
	}
	d.joined(&order{router: r, stay: r.stay}, netif.Made{}, nil)
	if found, _ := d.table.find(heardBy(r)); r.state != fsm.Backup || found != r {
		t.Errorf("it is %v after the join", r.state)
	}
}

// Who does not care whether its link is up still needs one (dont_track_primary).
func TestALinkThatIsNotTracked(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node(1)
		n.Remove("eth0")
		n.start(conf(150, "dont_track_primary", "mcast_src_ip 192.0.2.1"))
		w.pass(time.Minute)
		n.told(`0s (V) Entering FAULT STATE was=INIT reason="no interface eth0"`)
		n.Attach(w.segment, "eth0", []byte{2, 0, 0, 0, 0, 1}, netip.MustParsePrefix("192.0.2.1/24"))
		w.pass(5 * time.Second)
		n.is(Master)
		n.SetUp("eth0", false)
		w.pass(5 * time.Second)
		n.is(Master)
		announced := len(n.Announcements())
		n.SetUp("eth0", true)
		synctest.Wait()
		if len(n.Announcements()) == announced {
			t.Error("the address is not announced when the link is back")
		}
	})
}

// S-43, W-9: another source is used from the next advert on; none is a FAULT.
func TestASourceThatMoves(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node(1).start(conf(150))
		w.pass(5 * time.Second)
		n.forget()
		n.drop("eth0", netip.MustParseAddr("192.0.2.1"))
		n.told(`5s (V) Entering FAULT STATE was=MASTER reason="no IPv4 address on eth0"`)
		if n.Has(vip) {
			t.Error("the address stays in FAULT")
		}
		n.add("eth0", netif.LinkAddress{Prefix: netip.MustParsePrefix("192.0.2.77/24")})
		n.add("eth0", netif.LinkAddress{Prefix: netip.MustParsePrefix("192.0.2.78/24")})
		w.pass(5 * time.Second)
		n.is(Master)
		n.drop("eth0", netip.MustParseAddr("192.0.2.77"))
		n.is(Master)
		sent := w.segment.Adverts()
		if a, b := sent[len(sent)-2].Envelope.Src, sent[len(sent)-1].Envelope.Src; a.String() != "192.0.2.77" || b.String() != "192.0.2.78" {
			t.Errorf("adverts come from %v, then %v", a, b)
		}
	})
}

// An owner sends from its address, which is the host's own: it stays when the
// router fails or ends (S-2, S-10).
func TestAnOwnersAddressStays(t *testing.T) {
	inWorld(t, func(w *world) {
		own := netip.MustParseAddr("192.0.2.100")
		n := w.node(100).start(conf(255))
		n.told(`0s (V) Entering MASTER STATE was=INIT reason="started as the owner of the addresses"`)
		if got := w.segment.Adverts()[0].Envelope.Src; got != own {
			t.Errorf("the source is %v", got)
		}
		n.SetUp("eth0", false)
		w.pass(time.Second)
		n.is(Fault)
		n.SetUp("eth0", true)
		w.pass(time.Second)
		n.is(Master)
		n.stop()
		if !n.Has(own) {
			t.Error("the host has lost its own address")
		}
	})
}

// B-29: nobody begins before the leftovers are gone, however slow the kernel:
// not by multicast, nor by unicast, which has no group to join.
func TestLeftoversGoFirst(t *testing.T) {
	for _, more := range []string{"", "unicast_peer {\n192.0.2.2\n}"} {
		inWorld(t, func(w *world) {
			n := w.node(1)
			n.add("eth0", netif.LinkAddress{Prefix: netip.MustParsePrefix("192.0.2.100/24")})
			n.Slow(time.Second)
			n.start(conf(150, more))
			w.pass(2 * time.Second)
			n.told(
				`0s removing an address that a predecessor left behind address=192.0.2.100/24 interface=eth0`,
				`1s (V) Entering BACKUP STATE was=INIT reason=started`)
		})
	}
}

// One address may be virtual on several links, as link-local ones often are.
func TestOneAddressOnTwoLinks(t *testing.T) {
	inWorld(t, func(w *world) {
		shared := netip.MustParseAddr("fe80::100")
		n := w.node(1)
		n.add("eth0", netif.LinkAddress{Prefix: netip.MustParsePrefix("fe80::1/64")})
		n.Attach(netiftest.NewSegment(), "eth1", []byte{2, 0, 0, 0, 1, 1}, netip.MustParsePrefix("fe80::2/64"))
		n.start(globals + instance("V", "eth0", 51, "fe80::100/64") + instance("W", "eth1", 52, "fe80::100/64"))
		w.pass(5 * time.Second)
		n.forget()
		for _, link := range []string{"eth0", "eth1"} {
			n.drop(link, shared)
			w.pass(time.Second)
		}
		n.told(
			`5s (V) somebody removed addresses of ours; restoring them addresses=fe80::100 suppressed=0`,
			`6s (W) somebody removed addresses of ours; restoring them addresses=fe80::100 suppressed=0`)
		links, _ := n.Links()
		for _, l := range links {
			if !slices.ContainsFunc(l.Addresses, func(a netif.LinkAddress) bool { return a.Prefix.Addr() == shared }) {
				t.Errorf("%s has %v", l.Name, l.Addresses)
			}
		}
	})
}

var errNoRoom = errors.New("no room")

// A gate is a wire whose joins wait for the test, which says how they end.
type gate struct {
	*netiftest.Wire
	open chan error

	mu    sync.Mutex
	calls []string
}

func (g *gate) Join(int, netip.Addr) error {
	g.note("join")
	return <-g.open
}

func (g *gate) Leave(int, netip.Addr) error {
	g.note("leave")
	return nil
}

func (g *gate) note(call string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.calls = append(g.calls, call)
}

// A router begins when its last join has ended well. One that was overtaken by
// another is undone, and one that fails is a fault as long as it does.
func TestJoins(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node(1)
		g := &gate{Wire: n.Wire(), open: make(chan error)}
		n.startOn(g, conf(150))
		n.tell(func(d *Daemon) { // the link goes and comes back while the steward joins
			d.move(d.routers[0], 0)
			d.move(d.routers[0], 1)
		})
		synctest.Wait()
		g.open <- nil // the first join
		synctest.Wait()
		n.told()
		g.open <- errNoRoom // the second
		synctest.Wait()
		if !slices.Equal(g.calls, []string{"join", "join", "leave"}) {
			t.Errorf("the steward did %v", g.calls)
		}
		n.Adjust("eth0", func(l *netif.Link) { l.MTU = 1400 }) // any news of the link
		synctest.Wait()
		g.open <- nil
		synctest.Wait()
		n.told(
			`0s (V) Entering FAULT STATE was=INIT reason="it cannot hear adverts: no room"`,
			`0s (V) Entering BACKUP STATE was=FAULT reason="fit to take part again"`)
	})
}

// A router that is told to speak to another group is another router: it leaves
// the one and joins the other.
func TestAReloadWithAnotherGroup(t *testing.T) {
	inWorld(t, func(w *world) {
		n1, n2 := pair(w)
		const elsewhere = "mcast_dst_ip 224.0.0.99"
		n1.Reload(parse(t, conf(150, elsewhere)))
		n2.Reload(parse(t, conf(100, elsewhere)))
		w.pass(10 * time.Second)
		n1.is(Master)
		n2.is(Backup)
		if sent := w.segment.Adverts(); sent[len(sent)-1].Envelope.Dst != netip.MustParseAddr("224.0.0.99") {
			t.Errorf("adverts go to %v", sent[len(sent)-1].Envelope.Dst)
		}
	})
}

// What the daemon was told to do before it was told to stop comes to nothing.
func TestNothingBeginsAfterTheEnd(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node(1)
		g := &gate{Wire: n.Wire(), open: make(chan error)}
		n.startOn(g, conf(255))
		ready, busy := make(chan struct{}), make(chan struct{})
		n.tell(func(*Daemon) { close(ready); <-busy })
		<-ready
		n.cancel()
		synctest.Wait()
		g.open <- nil // in the turn that ends
		synctest.Wait()
		close(busy)
		n.stop()
		if sent := n.heard(); sent != nil || n.Has(vip) {
			t.Errorf("it has sent %v, and the address is there: %v", sent, n.Has(vip))
		}
	})
}

// W-27: adverts that the link cannot carry whole are a fault, which says so by
// name, from the start as well as later, and ends when they can be.
func TestAdvertsThatDoNotFit(t *testing.T) {
	var lines []string
	for i := range 100 {
		lines = append(lines, fmt.Sprintf("198.18.0.%d/32", i))
	}
	text := globals + instance("V", "eth0", 51, strings.Join(lines, "\n"), "priority 150")
	mtu := func(n *node, size int) { n.Adjust("eth0", func(l *netif.Link) { l.MTU = size }) }
	const fits = 20 + 8 + 4*100 // header, advert, addresses
	inWorld(t, func(w *world) {
		n := w.node(1)
		mtu(n, fits-1)
		n.start(text)
		w.pass(10 * time.Second)
		n.is(Fault)
		n.said(Fault, "an advert of its 100 addresses does not fit the MTU 427 of eth0, which has room for 99")
		mtu(n, fits)
		w.pass(5 * time.Second)
		n.is(Master)
		mtu(n, 68)
		w.pass(time.Second)
		n.is(Fault)
		n.said(Fault, "the MTU 68 of eth0")
		if n.Has(netip.MustParseAddr("198.18.0.7")) {
			t.Error("it has kept its addresses")
		}
		mtu(n, 1500)
		w.pass(5 * time.Second)
		n.is(Master)
		n.Reload(parse(w, strings.Replace(text, "priority 150", "priority 150\nauth_hmac {\nkey 1 01234567890123456789012345678901\nactive_key 1\n}", 1)))
		mtu(n, fits+27) // the trailer has 28 bytes
		w.pass(time.Second)
		n.is(Fault)
		mtu(n, fits+28)
		w.pass(5 * time.Second)
		n.is(Master)
	})
}
