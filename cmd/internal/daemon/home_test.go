package daemon

import (
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"regent/netif"
)

// S-43, track_src_ip: a router whose source address has gone is in FAULT until
// it is back, wherever on the host; one that is not told to mind sends from it
// all the same.
func TestASourceThatDisappears(t *testing.T) {
	const source = "192.0.2.51"
	for _, test := range []struct {
		name  string
		lines []string
		minds bool
	}{
		{"to the group", []string{"mcast_src_ip " + source}, false},
		{"to the group, tracked", []string{"mcast_src_ip " + source, "track_src_ip"}, true},
		{"unicast", []string{"unicast_src_ip " + source, peers("192.0.2.9")}, true},
		{"unicast, tracked", []string{"unicast_src_ip " + source, peers("192.0.2.9"), "track_src_ip"}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				n := w.node(1)
				lo := n.Attach(w.segment, "lo", nil)
				n.start(conf(150, test.lines...))
				absent := func() {
					t.Helper()
					sent := len(n.heard())
					w.pass(5 * time.Second)
					if !test.minds {
						n.is(Master)
						return
					}
					n.is(Fault)
					n.said(Fault, "no source address "+source)
					if n.Has(vip) || len(n.heard()) > sent {
						t.Error("a router without a source has the address, or advertises it")
					}
				}
				present := func() {
					t.Helper()
					w.pass(5 * time.Second)
					n.is(Master)
					if all := w.segment.Adverts(); all[len(all)-1].Envelope.Src != netip.MustParseAddr(source) {
						t.Errorf("adverts come from %v", all[len(all)-1].Envelope.Src)
					}
				}
				there := netif.LinkAddress{Prefix: netip.MustParsePrefix(source + "/24")}
				absent()
				n.add("eth0", there)
				present()
				n.drop("eth0", there.Prefix.Addr())
				absent()
				n.add("lo", there)
				present()
				if all := w.segment.Adverts(); all[len(all)-1].Link == lo {
					t.Error("they leave by the link that has the address, not by the interface")
				}
				n.Remove("lo")
				synctest.Wait()
				absent()
			})
		})
	}
}

// S-43: the source of an IPv6 router is there when duplicate detection is over,
// and a link-local one only counts on the router's own interface.
func TestAnIPv6SourceThatDisappears(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.onIPv6(1)
		n.Attach(w.segment, "eth1", []byte{2, 0, 0, 0, 7, 1}, netip.MustParsePrefix("fe80::51/64"))
		n.start(globals + instance("V", "eth0", 51, "fe80::100/64", "priority 150", "mcast_src_ip fe80::51", "track_src_ip"))
		w.pass(5 * time.Second)
		n.is(Fault)
		n.said(Fault, "no source address fe80::51 on eth0")
		source := netif.LinkAddress{Prefix: netip.MustParsePrefix("fe80::51/64"), Tentative: true}
		n.add("eth0", source)
		w.pass(5 * time.Second)
		n.is(Fault)
		n.drop("eth0", source.Prefix.Addr())
		source.Tentative = false
		n.add("eth0", source)
		w.pass(5 * time.Second)
		n.is(Master)
	})
}

// roaming is a unicast instance that names no interface.
func roaming(addr string, more ...string) string {
	text := instance("V", "X", 51, addr, append(more, "unicast_src_ip 192.0.2.51", peers("192.0.2.2"))...)
	return globals + text[:len("vrrp_instance V {")] + text[len("vrrp_instance V {\n\tinterface X"):]
}

// A unicast router that names no interface is where its source is: its
// addresses live there and move with it, its adverts go where the routing table
// says, and those of its peers may come by any link.
func TestARouterWithoutAnInterface(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node(1)
		second := n.Attach(w.segment, "eth1", []byte{2, 0, 0, 0, 1, 1}, netip.MustParsePrefix("198.51.100.1/24"))
		source := netif.LinkAddress{Prefix: netip.MustParsePrefix("192.0.2.51/32")}
		n.start(roaming("192.0.2.100/24", "priority 150", "check_unicast_src"))
		w.pass(5 * time.Second)
		n.is(Fault)
		n.said(Fault, "no source address 192.0.2.51")

		n.add("eth1", source)
		w.pass(5 * time.Second)
		n.is(Master)
		if last := n.Changes()[len(n.Changes())-1]; last.Link != second || last.Remove || !n.Has(vip) {
			t.Errorf("its address went with %+v, want it on link %d", last, second)
		}
		if n.to("192.0.2.2") == 0 {
			t.Error("no advert was sent")
		}
		if all := w.segment.Adverts(); all[len(all)-1].Packet.Link != 0 {
			t.Errorf("adverts are bound to link %d", all[len(all)-1].Packet.Link)
		}

		// The other node has the source's network on its link, and its priority.
		peer := w.node(2).start(globals + instance("V", "eth0", 51, "192.0.2.100/24", "priority 200", "unicast_src_ip 192.0.2.2", peers("192.0.2.51")))
		w.pass(5 * time.Second)
		peer.is(Master)
		n.is(Backup)
		peer.stop()
		w.pass(time.Second)
		n.is(Master)

		// Somebody takes its address away, and its source to another link.
		n.drop("eth1", vip)
		if !n.Has(vip) {
			t.Error("the address was not restored")
		}
		n.drop("eth1", source.Prefix.Addr())
		n.is(Fault)
		if n.Has(vip) {
			t.Error("without a source it has its address still")
		}
		n.add("eth0", source)
		w.pass(5 * time.Second)
		n.is(Master)
		if last := n.Changes()[len(n.Changes())-1]; last.Link != 1 || last.Remove {
			t.Errorf("its address went with %+v, want it on link 1", last)
		}

		// S-42: the link goes, and takes the source along.
		n.Remove("eth0")
		synctest.Wait()
		n.is(Fault)
	})
}

// B-29: what a predecessor left on the link that such a router has is removed.
func TestLeftoversOfARouterWithoutAnInterface(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node(1)
		n.add("eth0", netif.LinkAddress{Prefix: netip.MustParsePrefix("192.0.2.51/24")})
		n.add("eth0", netif.LinkAddress{Prefix: netip.MustParsePrefix("192.0.2.100/24")})
		n.start(roaming("192.0.2.100/24"))
		n.is(Backup)
		if n.Has(vip) {
			t.Error("it is still there")
		}
	})
}

// A packet for such a router, dropped or unsent on whatever link, has a place
// to be counted.
func TestDropsOfARouterWithoutAnInterface(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node(1)
		n.add("eth0", netif.LinkAddress{Prefix: netip.MustParsePrefix("192.0.2.51/32")})
		n.Attach(w.segment, "eth1", []byte{2, 0, 0, 0, 1, 1}, netip.MustParsePrefix("192.0.2.51/32"))
		n.start(roaming("192.0.2.100/32", "check_unicast_src"))
		w.pass(5 * time.Second)
		n.is(Master)
		from := w.node(3).start(globals + instance("V", "eth0", 51, "192.0.2.100/24", "priority 200", peers("192.0.2.51")))
		w.pass(5 * time.Second)
		from.is(Master)
		n.is(Master) // a stranger
		n.Adjust("eth0", func(l *netif.Link) {
			l.Addresses = []netif.LinkAddress{{Prefix: netip.MustParsePrefix("192.0.2.51/32")}} // no network with the peer
		})
		w.pass(5 * time.Second)
		n.is(Master)
		lines := n.lines("cannot send adverts")
		if _, c := n.status("V"); c.Unsent == 0 || len(lines) != 1 || !strings.Contains(lines[0], "to=192.0.2.2 ") {
			t.Errorf("%d copies are unsent, and it says %v", c.Unsent, lines)
		}
	})
}

// A unicast router that begins, or is fit again after a fault, tells the
// neighbours of its source where that is, as keepalived does; one that sends to
// the group has no need to.
func TestAUnicastRouterAnnouncesItsSource(t *testing.T) {
	for _, test := range []struct {
		lines []string
		want  int
	}{{[]string{peers("192.0.2.9")}, 2}, {[]string{"unicast_src_ip 192.0.2.1", peers("192.0.2.9")}, 2}, {nil, 0}} {
		inWorld(t, func(w *world) {
			n := w.node(1)
			n.start(conf(100, test.lines...))
			w.pass(time.Second)
			n.is(Backup)
			n.SetUp("eth0", false)
			w.pass(time.Second)
			n.SetUp("eth0", true)
			w.pass(time.Second)
			n.is(Backup)
			all := n.Announcements()
			if len(all) != test.want {
				t.Fatalf("%v: announced %d times, want %d", test.lines, len(all), test.want)
			}
			for _, a := range all {
				if a.Addr != netip.MustParseAddr("192.0.2.1") || a.Link != 1 || a.MAC[5] != 1 {
					t.Errorf("announced %+v", a)
				}
			}
		})
	}
}
