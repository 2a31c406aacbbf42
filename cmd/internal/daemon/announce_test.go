package daemon

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"regent/netif"
	"regent/netif/netiftest"
)

// twoLinks makes a host with eth0 and eth1.
func (w *world) twoLinks() *node {
	n := w.node(1)
	n.Attach(w.segment, "eth1", net.HardwareAddr{2, 0, 0, 0, 1, 1}, netip.MustParsePrefix("198.51.100.1/24"))
	return n
}

// announced returns the announcements since a moment of the world, each as the
// milliseconds since then, the link and the end of the address: "0:1/100".
func (n *node) announced(since time.Duration) string {
	var all []string
	for _, a := range n.Announcements() {
		if at := a.At.Sub(n.w.begin) - since; at >= 0 {
			b := a.Addr.AsSlice()
			all = append(all, fmt.Sprintf("%d:%d/%d", at.Milliseconds(), a.Link, b[len(b)-1]))
		}
	}
	return strings.Join(all, " ")
}

// paced is two routers on eth0 and one on eth1 and eth0 that announce three
// times, with more globals and more text.
func paced(global, more string) string {
	const repeat = "garp_master_repeat 3\ngarp_master_delay 0\npriority 150"
	return "global_defs {\nvrrp_version 3\n" + global + "\n}\n" + more +
		instance("V", "eth0", 51, "192.0.2.100/24\n192.0.2.101/24", repeat) +
		instance("W", "eth0", 52, "192.0.2.102/24\n192.0.2.103/24 dev eth1", repeat, "virtual_ipaddress_excluded {\n2001:db8::4/64\n2001:db8::5/64\n}")
}

// B-3, vrrp_garp_interval, vrrp_gna_interval and garp_group: the first
// announcement of every address comes before the second of any, no two of a
// link or group and family closer than the spacing; without one, all at once.
func TestAnnouncementsArePaced(t *testing.T) {
	for name, test := range map[string]struct{ global, more, want string }{
		"not at all": {"", "",
			"0:1/100 0:1/101 0:1/102 0:2/103 0:1/4 0:1/5 " +
				"0:1/100 0:1/101 0:1/102 0:2/103 0:1/4 0:1/5 " +
				"0:1/100 0:1/101 0:1/102 0:2/103 0:1/4 0:1/5"},
		"by link": {"vrrp_garp_interval 0.1\nvrrp_gna_interval 0.25", "",
			"0:1/100 0:2/103 0:1/4 100:1/101 100:2/103 200:1/102 200:2/103 250:1/5 " +
				"300:1/100 400:1/101 500:1/102 500:1/4 600:1/100 700:1/101 750:1/5 800:1/102 1000:1/4 1250:1/5"},
		"by group": {"vrrp_garp_interval 10\nvrrp_gna_interval 10", "garp_group {\ngarp_interval 0.1\ninterfaces {\neth0\neth1\n}\n}\n",
			"0:1/100 0:1/4 0:1/5 0:1/4 0:1/5 0:1/4 0:1/5 100:1/101 200:1/102 300:2/103 " +
				"400:1/100 500:1/101 600:1/102 700:2/103 800:1/100 900:1/101 1000:1/102 1100:2/103"},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				n := w.twoLinks().start(paced(test.global, test.more))
				w.pass(down(150) + 5*time.Second)
				if got := n.announced(down(150)); got != test.want {
					t.Errorf("announced\n%s\nwant\n%s", got, test.want)
				}
			})
		})
	}
}

// B-3: who gives its addresses up announces nothing more, however much waits,
// and its next reign begins anew; others go on.
func TestAPacedBurstEndsWithTheReign(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.twoLinks().start("global_defs {\nvrrp_version 3\nvrrp_garp_interval 1\n}\n" +
			instance("V", "eth0", 51, "192.0.2.100/24\n192.0.2.101/24\n192.0.2.102/24 dev eth1", "priority 150", "track_interface {\neth1\n}") +
			instance("W", "eth0", 52, "192.0.2.103/24", "priority 150", "garp_master_repeat 1", "garp_master_delay 0"))
		w.pass(down(150) + 500*time.Millisecond)
		n.SetUp("eth1", false)
		w.pass(20 * time.Second)
		if got, want := n.announced(0), "3414:1/100 3414:2/102 4414:1/103"; got != want {
			t.Errorf("announced %s, want %s", got, want)
		}
		n.SetUp("eth1", true)
		w.pass(down(150) + 1500*time.Millisecond)
		if got, want := n.announced(20*time.Second), "7328:1/100 7328:2/102 8328:1/101 8328:2/102"; got != want {
			t.Errorf("then %s, want %s", got, want)
		}
	})
}

// B-2, B-7: what the pace holds back holds back nothing else: addresses come
// and go at once, and are announced when it is their turn, if they are there.
func TestPaceDelaysNothingElse(t *testing.T) {
	inWorld(t, func(w *world) {
		conf := func(addrs ...string) string {
			return "global_defs {\nvrrp_version 3\nvrrp_garp_interval 10\n}\n" + instance("V", "eth0", 51, strings.Join(addrs, "\n"), "priority 150",
				"garp_master_repeat 1", "garp_master_delay 0")
		}
		n := w.node(1).start(conf("192.0.2.100/24", "192.0.2.101/24", "192.0.2.102/24"))
		w.pass(down(150) + 5*time.Second)
		n.drop("eth0", vip)
		w.pass(time.Millisecond)
		if !n.Has(vip) {
			t.Error("an address is not restored while announcements wait")
		}
		n.Reload(parse(t, conf("192.0.2.100/24", "192.0.2.102/24", "192.0.2.103/24")))
		w.pass(time.Millisecond)
		if n.Has(netip.MustParseAddr("192.0.2.101")) || !n.Has(netip.MustParseAddr("192.0.2.103")) {
			t.Error("a reload is not carried out while announcements wait")
		}
		w.pass(time.Minute)
		if got, want := n.announced(0), "3414:1/100 13414:1/102 23414:1/100 33414:1/103"; got != want {
			t.Errorf("announced %s, want %s", got, want)
		}
	})
}

// B-3: an announcement that waits does not leave when its router is to give its
// addresses up, although the steward has other work before that.
func TestNoAnnouncementBeforeARelease(t *testing.T) {
	h := netiftest.NewSegment().NewHost("h", net.HardwareAddr{2, 0, 0, 0, 0, 1})
	s := newSteward(h, h.Wire(), func(func(*Daemon)) {})
	r, other := &router{serial: 1}, &router{serial: 2}
	say := func(r *router, addr string) order {
		return order{router: r, do: announce, times: 2, announce: []netif.Announcement{{Link: 1, Addr: netip.MustParseAddr(addr)}}}
	}
	s.give(say(r, "192.0.2.100"))
	s.give(say(other, "192.0.2.101"))
	s.send()
	s.work(s.take())
	s.give(order{router: r, do: release})
	s.send()
	s.announceDue()
	var got []string
	for _, a := range h.Announcements() {
		got = append(got, a.Addr.String())
	}
	if want := []string{"192.0.2.100", "192.0.2.101", "192.0.2.101"}; !slices.Equal(got, want) {
		t.Errorf("announced %v, want %v", got, want)
	}
}

// B-7: nor is an address announced that the kernel has refused to the device of
// a virtual MAC, which another link announces.
func TestNoAnnouncementOfWhatAVirtualMACWasRefused(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node(1)
		n.Refuse(func(c netif.Change) error {
			if c.Address.Prefix.Addr() == vip && !c.Remove {
				return errors.New("no")
			}
			return nil
		})
		n.start(globals + instance("V", "eth0", 51, "192.0.2.100/24\n192.0.2.101/24", "priority 150", "use_vmac",
			"garp_master_repeat 1", "garp_master_delay 0"))
		w.pass(down(150) + 5*time.Second)
		if got, want := n.announced(down(150)), "0:1/101"; got != want {
			t.Errorf("announced %s, want %s", got, want)
		}
	})
}

// A device with the virtual MAC comes up when its router takes over. That alone is
// nothing to announce for a second time, after a reload neither.
func TestADeviceThatComesUpIsNotAnnouncedAgain(t *testing.T) {
	inWorld(t, func(w *world) {
		once := []string{"use_vmac", "garp_master_repeat 1", "garp_master_delay 0"}
		n, other := w.node(1).start(conf(100, once...)), w.node(2).start(conf(150, once...))
		w.pass(5 * time.Second)
		n.Reload(parse(t, conf(90, once...)))
		w.pass(time.Second)
		at := w.now() + skew(90)
		other.stop()
		w.pass(5 * time.Second)
		n.is(Master)
		if got, want := n.announced(at), "0:1/100"; got != want {
			t.Errorf("announced %s, want %s", got, want)
		}
	})
}

// A reload sets another pace for what waits; a link that a garp_group names may
// come later.
func TestAReloadSetsAnotherPace(t *testing.T) {
	inWorld(t, func(w *world) {
		conf := func(more string) string {
			return globals + more + instance("V", "eth0", 51, "192.0.2.100/24\n192.0.2.101/24\n192.0.2.102/24", "priority 150",
				"garp_master_repeat 1", "garp_master_delay 0")
		}
		n := w.twoLinks().start(conf("garp_group {\ngarp_interval 100\ninterface eth0\n}\n"))
		w.pass(down(150) + time.Second)
		n.Reload(parse(t, conf("garp_group {\ngarp_interval 2\ninterfaces {\neth0\neth2\n}\n}\n")))
		w.pass(5 * time.Second)
		if got, want := n.announced(down(150)), "0:1/100 2000:1/101 4000:1/102"; got != want {
			t.Errorf("announced %s, want %s", got, want)
		}
		n.Attach(w.segment, "eth2", net.HardwareAddr{2, 0, 0, 0, 2, 1}, netip.MustParsePrefix("203.0.113.1/24"))
		n.Reload(parse(t, conf("garp_group {\ngarp_interval 2\ninterfaces {\neth0\neth2\n}\n}\n")+
			instance("X", "eth2", 53, "203.0.113.110/24\n203.0.113.111/24", "priority 150", "garp_master_repeat 1", "garp_master_delay 0")))
		w.pass(down(150) + 5*time.Second)
		if got, want := n.announced(down(150)+6*time.Second), "3414:3/110 5414:3/111"; got != want {
			t.Errorf("announced %s, want %s", got, want)
		}
	})
}

// M-39, M-60: one announcement that leaves moves one counter of one router by
// one: a gratuitous ARP or an advertisement. One that cannot leave moves none.
func TestAnnouncementsAreCounted(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.twoLinks()
		const once = "garp_master_repeat 1\ngarp_master_delay 0\npriority 150"
		n.Refuse(func(c netif.Change) error {
			if c.Address.Prefix.Addr() == netip.MustParseAddr("192.0.2.109") {
				return errors.New("no")
			}
			return nil
		})
		n.SetUp("eth1", false)
		n.start(globals +
			instance("V", "eth0", 51, "192.0.2.100/24\n192.0.2.109/24\n192.0.2.110/24 dev eth1 no_track", once) +
			instance("W", "eth0", 52, "192.0.2.101/32", once, "no_virtual_ipaddress") +
			instance("X", "eth0", 53, "192.0.2.102/32", strings.Replace(once, "repeat 1", "repeat 3", 1), "virtual_ipaddress_excluded {\n2001:db8::1/64\n}"))
		w.pass(down(150) + time.Second)
		for name, want := range map[string][2]uint64{"V": {1, 0}, "W": {1, 0}, "X": {3, 3}} {
			if _, c := n.status(name); c.GratuitousARPs != want[0] || c.NeighborAdvertisements != want[1] {
				t.Errorf("%s: %d gratuitous ARPs, %d advertisements, want %v", name, c.GratuitousARPs, c.NeighborAdvertisements, want)
			}
		}
		n.drop("eth0", netip.MustParseAddr("2001:db8::1"))
		w.pass(time.Second)
		if _, c := n.status("X"); c.GratuitousARPs != 3 || c.NeighborAdvertisements != 4 {
			t.Errorf("after one more: %d gratuitous ARPs, %d advertisements", c.GratuitousARPs, c.NeighborAdvertisements)
		}
	})
}

// A burst that takes long is counted meanwhile, but does not wake the loop for
// each message.
func TestALongBurstIsCountedMeanwhile(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node(1)
		wire := &countingWire{Wire: n.Wire()}
		n.startOn(wire, "global_defs {\nvrrp_version 3\nvrrp_garp_interval 0.01\n}\n"+
			instance("V", "eth0", 51, "192.0.2.100/24", "priority 150", "garp_master_repeat 1000", "garp_master_delay 0"))
		w.pass(down(150) + 100*time.Millisecond)
		before := wire.wakes.Load()
		w.pass(5 * time.Second)
		if n := wire.wakes.Load() - before; n > 6 {
			t.Errorf("the loop was woken %d times in 5 s", n)
		}
		if _, c := n.status("V"); c.GratuitousARPs < 400 || c.GratuitousARPs > 511 {
			t.Errorf("%d counted after 5.1 s", c.GratuitousARPs)
		}
		w.pass(10 * time.Second)
		if _, c := n.status("V"); c.GratuitousARPs != 1000 {
			t.Errorf("%d counted in the end", c.GratuitousARPs)
		}
	})
}

// A countingWire counts how often somebody has news for the loop.
type countingWire struct {
	*netiftest.Wire
	wakes atomic.Int64
}

func (c *countingWire) Wake() {
	c.wakes.Add(1)
	c.Wire.Wake()
}

// S-34, S-40, B-3: after two masters have met, the last announcement that the
// neighbours hear is the winner's, without any keyword that asks for it.
func TestTheWinnerOfAContestHasTheLastWord(t *testing.T) {
	inWorld(t, func(w *world) {
		n1, n2 := pair(w)
		w.segment.Partition([]*netiftest.Host{n1.Host}, []*netiftest.Host{n2.Host})
		w.pass(20 * time.Second)
		w.segment.Heal()
		healed := w.now()
		w.pass(20 * time.Second)
		n2.is(Backup)
		last := func(n *node) time.Duration {
			as := n.Announcements()
			return as[len(as)-1].At.Sub(w.begin)
		}
		lost, _ := n2.entered(Backup)
		if last(n2) > lost {
			t.Errorf("the loser announces at %v, after its end at %v", last(n2), lost)
		}
		again := slices.ContainsFunc(n1.Announcements(), func(a netiftest.Announcement) bool {
			at := a.At.Sub(w.begin)
			return at >= healed && at <= lost+time.Second
		})
		if last(n1) <= lost || !again {
			t.Errorf("the winner announces last at %v (soon after the contest: %v), the loser ended at %v", last(n1), again, lost)
		}
	})
}

// vrrp_garp_extra_if and garp_extra_if: what lives on another link than the
// adverts is announced once each period; without "all" only on virtual MACs.
func TestAddressesOnOtherLinksAreAnnouncedAgain(t *testing.T) {
	for name, test := range map[string]struct{ global, more, want string }{
		"never":                     {"", "", ""},
		"no virtual MAC":            {"vrrp_garp_extra_if 2", "", ""},
		"all":                       {"vrrp_garp_extra_if all 2", "", "2000:2/101 4000:2/101"},
		"not for this one":          {"vrrp_garp_extra_if all 2", "garp_extra_if 0", ""},
		"for this one":              {"", "garp_extra_if all 2", "2000:2/101 4000:2/101"},
		"adverts by the VMAC":       {"vrrp_garp_extra_if 2", "use_vmac", ""},
		"adverts by the VMAC, all":  {"vrrp_garp_extra_if all 2", "use_vmac", "2000:2/101 4000:2/101"},
		"adverts by the link":       {"vrrp_garp_extra_if 2", "use_vmac\nvmac_xmit_base", "2000:1/100 4000:1/100"},
		"adverts by the link, all":  {"vrrp_garp_extra_if all 2", "use_vmac\nvmac_xmit_base", "2000:1/100 2000:2/101 4000:1/100 4000:2/101"},
		"one with a VMAC":           {"vrrp_garp_extra_if 2", "virtual_ipaddress_excluded {\n192.0.2.102/24 dev eth1 use_vmac\n}", "2000:2/102 4000:2/102"},
		"together with the refresh": {"vrrp_garp_extra_if all 2", "garp_master_refresh 4", "2000:2/101 4000:1/100 4000:2/101"},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				n := w.twoLinks().start("global_defs {\nvrrp_version 3\nvrrp_min_garp\n" + test.global + "\n}\n" +
					instance("V", "eth0", 51, "192.0.2.100/24\n192.0.2.101/24 dev eth1", "priority 150", test.more))
				w.pass(down(150) + 5*time.Second)
				_, got, _ := strings.Cut(n.announced(down(150)), "0:1/100 0:2/101")
				got = strings.TrimPrefix(got, " 0:2/102")
				if got = strings.TrimSpace(got); got != test.want {
					t.Errorf("announced %q, want %q", got, test.want)
				}
			})
		})
	}
}

// S-34, S-40, B-3, garp_lower_prio_repeat and garp_lower_prio_delay: one advert
// of a lesser master makes the better one announce its addresses, by default as
// often as a new master does.
func TestAnnouncementsAfterAContest(t *testing.T) {
	burst := func(at string, n int) string { return strings.TrimSpace(strings.Repeat(at+":1/100 ", n)) }
	for name, test := range map[string]struct{ global, more, want string }{
		"by default":    {"", "", burst("0", 5) + " " + burst("5000", 5)},
		"as the master": {"", "garp_master_repeat 2\ngarp_master_delay 0", burst("0", 5) + " " + burst("5000", 5)}, // the global ones count
		"globals":       {"vrrp_garp_master_repeat 2\nvrrp_garp_master_delay 3", "", burst("0", 2) + " " + burst("3000", 2)},
		"more":          {"vrrp_garp_lower_prio_repeat 6\nvrrp_garp_lower_prio_delay 0", "", burst("0", 6)},
		"its own":       {"vrrp_garp_lower_prio_repeat 6", "garp_lower_prio_repeat 1\ngarp_lower_prio_delay 2", "0:1/100 2000:1/100"},
		"vrrp_min_garp": {"vrrp_min_garp", "", "0:1/100"},
		"never":         {"", "garp_lower_prio_repeat 0", ""},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				conf := func(priority string) string {
					return "global_defs {\nvrrp_version 3\n" + test.global + "\n}\n" +
						instance("V", "eth0", 51, "192.0.2.100/24", "priority "+priority, test.more)
				}
				n1, n2 := w.node(1).start(conf("150")), w.node(2).start(conf("100"))
				w.pass(15 * time.Second)
				var contest time.Duration // until it, n2 does not hear n1
				w.segment.Lose(func(from, _ *netiftest.Host, _ netif.Packet) bool {
					if from == n2.Host && contest == 0 {
						contest = w.now()
					}
					return from == n1.Host && contest == 0
				})
				w.pass(20 * time.Second)
				n2.is(Backup)
				if _, c := n1.status("V"); c.Contests != 1 {
					t.Fatalf("%d contests", c.Contests)
				}
				if got := n1.announced(contest); got != test.want {
					t.Errorf("announced %s, want %s", got, test.want)
				}
			})
		})
	}
}
