package daemon

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"regent/netif"
	"regent/netif/netiftest"
)

// down is the Active_Down_Interval of a priority at adverts of one second (T-2).
func down(priority int) time.Duration { return 3*time.Second + skew(priority) }

// skew is its Skew_Time (T-1).
func skew(priority int) time.Duration { return time.Duration(256-priority) * time.Second / 256 }

// pair starts two routers and lets them settle: n1 with priority 150 is master.
func pair(w *world, more ...string) (n1, n2 *node) {
	n1 = w.node(1).start(conf(150, more...))
	n2 = w.node(2).start(conf(100, more...))
	w.pass(5 * time.Second)
	n1.is(Master)
	n2.is(Backup)
	return n1, n2
}

// S-11, S-21, T-8: the better of two becomes master when its down interval is
// over, and not a nanosecond before or after.
func TestThePairElectsTheBetter(t *testing.T) {
	inWorld(t, func(w *world) {
		n1, n2 := pair(w)
		if at, _ := n1.entered(Master); at != down(150) {
			t.Errorf("master after %v, want %v", at, down(150))
		}
		n1.said(Master, "no advert from anybody")
		if !n1.Has(vip) || n2.Has(vip) {
			t.Error("the master alone has the address")
		}
	})
}

// B-2: advert, address, announcement, in this order.
func TestAMasterSpeaksBeforeItTakesAndTakesBeforeItAnnounces(t *testing.T) {
	inWorld(t, func(w *world) {
		n1, _ := pair(w)
		advert := n1.heard()[0].at
		var added time.Duration
		for _, c := range n1.Changes() {
			if !c.Remove {
				added = c.At.Sub(w.begin)
			}
		}
		announced := n1.Announcements()[0].At.Sub(w.begin)
		if advert != down(150) || added < advert || announced < added {
			t.Errorf("advert %v, address %v, announcement %v", advert, added, announced)
		}
	})
}

// B-3, garp_master_repeat and garp_master_delay: five messages at once, and
// five more after five seconds, unless the reign has ended.
func TestAnnouncementsAreRepeatedWhileTheReignLasts(t *testing.T) {
	inWorld(t, func(w *world) {
		n1, n2 := pair(w)
		w.pass(10 * time.Second)
		if n := len(n1.Announcements()); n != 10 {
			t.Errorf("%d announcements of a long reign, want 10", n)
		}
		n1.SetUp("eth0", false)
		w.pass(down(100))
		n1.SetUp("eth0", true)
		w.pass(time.Second + skew(150) + 3*time.Second)
		n2.is(Backup)
		w.pass(10 * time.Second)
		if n := len(n2.Announcements()); n != 5 {
			t.Errorf("%d announcements of a short reign, want 5", n)
		}
	})
}

// S-30, S-41, S-22, O-8: who stops resigns at once, once, with its addresses still listed,
// and the other takes over after its skew.
func TestAPoliteEnd(t *testing.T) {
	inWorld(t, func(w *world) {
		n1, n2 := pair(w)
		stopped := w.now()
		n1.stop()
		if n1.Has(vip) {
			t.Error("the address is still there")
		}
		var resignations []sentAdvert
		for _, a := range n1.heard() {
			if a.Priority == 0 {
				resignations = append(resignations, a)
			}
		}
		if len(resignations) != 1 || resignations[0].at != stopped || !slices.Equal(resignations[0].Addresses, []netip.Addr{vip}) {
			t.Errorf("resignations %v, want one at %v with the address", resignations, stopped)
		}
		w.pass(time.Second)
		n2.is(Master)
		if at, _ := n2.entered(Master); at != stopped+skew(100) {
			t.Errorf("takeover at %v, want %v", at, stopped+skew(100))
		}
		n2.said(Master, "192.0.2.1 resigned")
	})
}

// T-2: who dies without a word is replaced when the down interval is over,
// counted from its last advert.
func TestASuddenEnd(t *testing.T) {
	inWorld(t, func(w *world) {
		n1, n2 := pair(w)
		w.segment.Partition([]*netiftest.Host{n1.Host}, []*netiftest.Host{n2.Host})
		last := n1.heard()[len(n1.heard())-1].at
		w.pass(4 * time.Second)
		n2.is(Master)
		if at, _ := n2.entered(Master); at != last+down(100) {
			t.Errorf("takeover at %v, want %v", at, last+down(100))
		}
		n2.said(Master, "no advert from 192.0.2.1 (priority 150)")
	})
}

// S-33, S-34: after a partition has healed there is one master, the better
// one, and it tells the neighbours again.
func TestTwoMastersBecomeOne(t *testing.T) {
	inWorld(t, func(w *world) {
		n1, n2 := pair(w)
		w.segment.Partition([]*netiftest.Host{n1.Host}, []*netiftest.Host{n2.Host})
		w.pass(20 * time.Second)
		n1.is(Master)
		n2.is(Master)
		before := len(n1.Announcements())
		w.segment.Heal()
		w.pass(3 * time.Second)
		n1.is(Master)
		n2.is(Backup)
		n2.said(Backup, "192.0.2.1 has the higher priority 150 (ours is 100)")
		if n2.Has(vip) {
			t.Error("the loser has kept the address")
		}
		if len(n1.Announcements()) == before {
			t.Error("the winner has not announced its address again")
		}
		if _, c := n1.status("V"); c.Contests == 0 || len(n1.lines("another master")) != 1 {
			t.Errorf("%d contests, told %d times, want some, told once", c.Contests, len(n1.lines("another master")))
		}
	})
}

// S-42: a link that is down means FAULT with its name, and no longer.
func TestALinkGoesDownAndComesBack(t *testing.T) {
	inWorld(t, func(w *world) {
		n1, n2 := pair(w)
		n1.SetUp("eth0", false)
		w.pass(time.Millisecond)
		n1.is(Fault)
		n1.said(Fault, "interface eth0 is down")
		w.pass(4 * time.Second)
		n2.is(Master)
		n1.SetUp("eth0", true)
		w.pass(5 * time.Second)
		n1.is(Master)
		n2.is(Backup)
	})
}

// S-13, S-42: a missing interface is waited for, and one that is made again
// under its name is used.
func TestAnInterfaceThatComesLate(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node(1)
		n.Remove("eth0")
		n.start(conf(150))
		w.pass(10 * time.Second)
		n.is(Fault)
		n.said(Fault, "interface eth0 does not exist")
		for range 2 {
			n.Attach(w.segment, "eth0", []byte{2, 0, 0, 0, 0, 1}, netip.MustParsePrefix("192.0.2.1/24"))
			w.pass(5 * time.Second)
			n.is(Master)
			n.Remove("eth0")
			w.pass(time.Second)
			n.is(Fault)
		}
	})
}

// S-13, S-43: without an address to speak from a router cannot take part.
func TestASourceThatComesLate(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node(1)
		addrs := []netif.LinkAddress{{Prefix: netip.MustParsePrefix("192.0.2.1/24")}}
		n.Adjust("eth0", func(l *netif.Link) { l.Addresses = nil })
		n.start(conf(150))
		w.pass(5 * time.Second)
		n.is(Fault)
		n.said(Fault, "no IPv4 address on eth0")
		n.Adjust("eth0", func(l *netif.Link) { l.Addresses = addrs })
		w.pass(5 * time.Second)
		n.is(Master)
	})
}

// B-29: what a killed predecessor has left is gone before BACKUP begins: the
// addresses of the configuration, and all else that it has added, also where the
// configuration names neither link nor virtual router.
func TestLeftoversAreRemoved(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node(1)
		n.Adjust("eth0", func(l *netif.Link) {
			l.Addresses = append(l.Addresses,
				netif.LinkAddress{Prefix: netip.MustParsePrefix("192.0.2.100/24")},
				netif.LinkAddress{Prefix: netip.MustParsePrefix("192.0.2.101/24"), Ours: true},
				netif.LinkAddress{Prefix: netip.MustParsePrefix("192.0.2.102/24")})
		})
		n.second()
		n.add("eth1", netif.LinkAddress{Prefix: netip.MustParsePrefix("192.0.2.103/24"), Ours: true})
		eth0, eth1 := n.index("eth0"), n.index("eth1")
		n.MakeDevices([]netif.Device{
			{VMAC: netif.VMAC{Kind: netif.MACVLAN}, Parent: eth0, Family: netif.IPv4, VRID: 52, Prefix: "vrrp"},
			{VMAC: netif.VMAC{Kind: netif.MACVLAN}, Parent: eth1, Family: netif.IPv4, VRID: 51, Prefix: "vrrp"},
			{VMAC: netif.VMAC{Kind: netif.MACVLAN}, Parent: eth1, Family: netif.IPv4, VRID: 53, Prefix: "vrrp"},
		})
		kept := n.index("vrrp.52")
		n.start(globals + instance("W", "eth0", 52, "198.18.0.1/24", "use_vmac") + instance("V", "eth0", 51, "192.0.2.100/24"))
		n.is(Backup)
		for addr, want := range map[string]bool{"192.0.2.100": false, "192.0.2.101": false, "192.0.2.102": true, "192.0.2.103": false, "192.0.2.1": true} {
			if n.Has(netip.MustParseAddr(addr)) != want {
				t.Errorf("%s is there: %v, want %v", addr, !want, want)
			}
		}
		if n.index("vrrp.52") != kept || n.index("vrrp.51") != 0 || n.index("vrrp.53") != 0 {
			t.Error("not the one device is left that an instance names")
		}
		if told := n.lines("removed what a predecessor left behind"); len(told) != 1 || !strings.Contains(told[0], "count=4") {
			t.Errorf("told %v, want all four", told)
		}
	})
}

// An address that somebody takes away from a master is put back and counted.
func TestAnAddressIsRestored(t *testing.T) {
	inWorld(t, func(w *world) {
		n1, _ := pair(w)
		n1.Adjust("eth0", func(l *netif.Link) {
			l.Addresses = slices.DeleteFunc(l.Addresses, func(a netif.LinkAddress) bool { return a.Prefix.Addr() == vip })
		})
		w.pass(time.Millisecond)
		if _, c := n1.status("V"); !n1.Has(vip) || c.Restored != 1 {
			t.Errorf("there: %v, restored %d times, want once", n1.Has(vip), c.Restored)
		}
		n1.is(Master)
	})
}

// What the kernel refuses is told and counted, and stops nothing else.
func TestAKernelThatRefuses(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node(1)
		n.Refuse(func(c netif.Change) error {
			if !c.Remove {
				return errors.New("add 192.0.2.100/24 to eth0: no buffer space available")
			}
			return nil
		})
		n.start(conf(150))
		w.pass(8 * time.Second)
		n.is(Master)
		if _, c := n.status("V"); c.Refused != 4 || len(n.lines("no buffer space")) != 1 {
			t.Errorf("refused %d times, want 4 in as many attempts; told %d times, want once", c.Refused, len(n.lines("no buffer space")))
		}
		if n := len(n.heard()); n < 4 {
			t.Errorf("%d adverts, want one each second", n)
		}
	})
}

// S-31, T-8: nothing slow stands before an advert: the kernel takes seconds for
// each address here, and not one advert is late.
func TestASlowKernelDelaysNoAdvert(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node(1)
		n.Slow(3 * time.Second)
		n.start(strings.Replace(conf(150), "192.0.2.100/24", "192.0.2.100/24\n192.0.2.101/24\n192.0.2.102/24", 1))
		w.pass(30 * time.Second)
		n.is(Master)
		adverts := n.heard()
		if len(adverts) < 10 {
			t.Fatalf("%d adverts", len(adverts))
		}
		for i := 1; i < len(adverts); i++ {
			if gap := adverts[i].at - adverts[i-1].at; gap != time.Second {
				t.Errorf("%v between adverts", gap)
			}
		}
	})
}
