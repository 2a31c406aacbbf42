package daemon

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"regent/netif"
	"regent/netif/netiftest"
	"regent/vrrp"
)

// Whoever reads the log learns of each change once, with its reason. G-1: in the
// words MASTER, BACKUP, FAULT and INIT.
func TestTheStoryOfAPair(t *testing.T) {
	inWorld(t, func(w *world) {
		n1, n2 := pair(w)
		n1.Adjust("eth0", func(l *netif.Link) { l.Running = false })
		w.pass(2 * time.Second)
		n1.SetUp("eth0", false)
		w.pass(3 * time.Second)
		n1.SetUp("eth0", true)
		w.pass(5 * time.Second)
		n1.stop()
		w.pass(5 * time.Second)
		n1.told(
			`0s (V) Entering BACKUP STATE was=INIT reason=started`,
			`3.4140625s (V) Entering MASTER STATE was=BACKUP reason="no advert from anybody for 3.414s"`,
			`5s (V) Entering FAULT STATE was=MASTER reason="interface eth0 has no carrier"`,
			`7s (V) Staying in FAULT STATE was=FAULT reason="interface eth0 is down"`,
			`10s (V) Entering BACKUP STATE was=FAULT reason="fit to take part again"`,
			`13.4140625s (V) Entering MASTER STATE was=BACKUP reason="192.0.2.2 has the lower priority 100 (ours is 150)"`,
			`15s (V) Stopped was=MASTER`)
		n2.told(
			`0s (V) Entering BACKUP STATE was=INIT reason=started`,
			`5.609375s (V) Entering MASTER STATE was=BACKUP reason="192.0.2.1 resigned"`,
			`13.4140625s (V) Entering BACKUP STATE was=MASTER reason="192.0.2.1 has the higher priority 150 (ours is 100)"`,
			`15.609375s (V) Entering MASTER STATE was=BACKUP reason="192.0.2.1 resigned"`)
	})
}

// The members of a sync group say whom they follow, and why.
func TestTheStoryOfAGroup(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node(1)
		n.Attach(w.segment, "eth1", []byte{2, 0, 0, 0, 1, 1}, netip.MustParsePrefix("198.51.100.1/24"))
		n.start(globals +
			instance("V", "eth0", 51, "192.0.2.100/24", "priority 150") +
			instance("W", "eth1", 52, "198.51.100.100/24", "priority 150") +
			"vrrp_sync_group G {\ngroup {\nV\nW\n}\n}\n")
		w.pass(5 * time.Second)
		n.told(
			`0s (V) Entering BACKUP STATE was=INIT reason=started`,
			`0s (W) Entering BACKUP STATE was=INIT reason=started`,
			`3.4140625s (V) Entering MASTER STATE was=BACKUP reason="no advert from anybody for 3.414s"`,
			`3.4140625s (W) Entering MASTER STATE was=BACKUP reason="no advert from anybody for 3.414s"`)
		n.forget()
		n.SetUp("eth1", false)
		w.pass(time.Second)
		n.SetUp("eth0", false)
		w.pass(time.Second)
		n.SetUp("eth1", true)
		w.pass(time.Second)
		n.SetUp("eth0", true)
		n.told(
			`5s (W) Entering FAULT STATE was=MASTER reason="interface eth1 is down"`,
			`5s (V) Entering FAULT STATE was=MASTER reason="the sync group follows W: interface eth1 is down"`,
			`6s (V) Staying in FAULT STATE was=FAULT reason="interface eth0 is down"`,
			`7s (W) Staying in FAULT STATE was=FAULT reason="the sync group follows V: interface eth0 is down"`,
			`8s (V) Entering BACKUP STATE was=FAULT reason="fit to take part again"`,
			`8s (W) Entering BACKUP STATE was=FAULT reason="fit to take part again"`)
	})
}

// Where several members are at fault, those who follow are told of one that
// still is.
func TestTheStoryOfALargerGroup(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node(1)
		text := globals
		for i, name := range []string{"V", "W", "X"} {
			link := fmt.Sprintf("lan%d", i)
			n.Attach(w.segment, link, []byte{2, 0, 0, 0, 1, byte(i)}, netip.MustParsePrefix("198.51.100.1/24"))
			text += instance(name, link, 51+i, fmt.Sprintf("192.0.2.%d/32", 100+i), "priority 150")
		}
		n.start(text + "vrrp_sync_group G {\ngroup {\nV\nW\nX\n}\n}\n")
		w.pass(5 * time.Second)
		n.SetUp("lan0", false)
		synctest.Wait()
		n.SetUp("lan1", false)
		synctest.Wait()
		n.forget()
		n.SetUp("lan0", true)
		n.told(
			`5s (V) Staying in FAULT STATE was=FAULT reason="the sync group follows W: interface lan1 is down"`,
			`5s (X) Staying in FAULT STATE was=FAULT reason="the sync group follows W: interface lan1 is down"`)
	})
}

// A group with an owner, whose priority nothing changes, has no weights: what
// fails is a fault of all (keepalived's rule).
func TestAGroupWithAnOwner(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node(1).start(script + globals +
			instance("V", "eth0", 51, "192.0.2.100/24", "priority 255") +
			instance("W", "eth0", 52, "192.0.2.101/24", "priority 150") +
			"vrrp_sync_group G {\ngroup {\nV\nW\n}\ntrack_script {\nchk\n}\n}\n")
		n.report("chk", 0)
		w.pass(5 * time.Second)
		n.is(Master)
		n.report("chk", 1)
		n.report("chk", 1)
		for _, name := range []string{"V", "W"} {
			if c, _ := n.status(name); c != Fault {
				t.Errorf("%s is %v, want FAULT", name, c)
			}
		}
	})
}

// INIT says what it waits for.
func TestTheStoryOfAWait(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node(1).start(strings.Replace(script, "weight -60", "", 1) + conf(150, "track_script {\nchk\n}"))
		w.pass(10 * time.Second)
		n.report("chk", 0)
		n.told(
			`0s (V) Staying in INIT STATE was=INIT reason="chk has no result yet"`,
			`10s (V) Entering BACKUP STATE was=INIT reason=started`)
	})
}

// R-0, L-1, L-2: each rule that is broken moves one counter and is told by
// itself, with what came and what was expected.
func TestWhatIsWrongIsTold(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node(1).start(conf(150))
		w.pass(2 * time.Second)
		n.forget()
		n.inject(func(a *vrrp.Advert, e *vrrp.Envelope) { e.TTL = 254 })
		n.inject(func(a *vrrp.Advert, e *vrrp.Envelope) { a.Version = vrrp.V2 })
		n.inject(func(a *vrrp.Advert, e *vrrp.Envelope) { a.Addresses = nil })
		n.inject(func(a *vrrp.Advert, e *vrrp.Envelope) { e.Src = netip.MustParseAddr("192.0.2.1") })
		n.inject(func(a *vrrp.Advert, e *vrrp.Envelope) { a.VRID = 99 }) // counted, but told only when asked for
		n.told(
			`2s (V) dropped a packet: wrong TTL rule=R-4 interface=eth0 family=4 source=192.0.2.9 vrid=51 received=254 expected=255 suppressed=0`,
			`2s (V) dropped a packet: wrong VRRP version rule=R-5 interface=eth0 family=4 source=192.0.2.9 vrid=51 received=2 expected=3 suppressed=0`,
			`2s (V) dropped a packet: no addresses rule=R-11 interface=eth0 family=4 source=192.0.2.9 vrid=51 suppressed=0`,
			`2s (V) dropped a packet: sent from the own address: loop or duplicate rule=R-10 interface=eth0 family=4 source=192.0.2.1 vrid=51 suppressed=0`)
		_, c := n.status("V")
		var link vrrp.Counters
		n.tell(func(d *Daemon) { link = d.strange[1].count })
		synctest.Wait()
		want, wantLink := vrrp.Counters{}, vrrp.Counters{}
		want[vrrp.TTLErrors], want[vrrp.AddressListErrors], want[vrrp.OwnAddressDrops] = 1, 1, 1
		wantLink[vrrp.TTLErrors], wantLink[vrrp.VersionErrors], wantLink[vrrp.VRIDErrors] = 1, 1, 1
		if c.Wire != want || link != wantLink || c.Received != 0 {
			t.Errorf("received %d, router %v, link %v", c.Received, c.Wire, link)
		}
	})
}

// inject lets the node hear an advert of 192.0.2.9 that is right but for what
// a test makes of it.
func (n *node) inject(spoil func(*vrrp.Advert, *vrrp.Envelope)) {
	e := vrrp.Envelope{Src: netip.MustParseAddr("192.0.2.9"), Dst: vrrp.Group4, TTL: vrrp.HopLimit}
	a := vrrp.Advert{Version: vrrp.V3, VRID: 51, Priority: 100, Interval: time.Second, Addresses: []netip.Addr{vip}}
	spoil(&a, &e)
	n.w.segment.Inject(netif.Packet{Envelope: e, Payload: a.Append(nil, e)})
	synctest.Wait()
}

// W-47: neighbours that use different forms cannot hear each other. That is
// told, but not at every advert.
func TestTwoChecksumForms(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node(1).start(conf(50))
		n.forget()
		for range 100 {
			n.inject(func(*vrrp.Advert, *vrrp.Envelope) {})
			n.inject(func(a *vrrp.Advert, e *vrrp.Envelope) {
				a.Checksum, e.Src = vrrp.MessageOnly, netip.MustParseAddr("192.0.2.8")
			})
			w.pass(100 * time.Millisecond)
		}
		if lines := n.lines("checksum form"); len(lines) != 1 || !strings.Contains(lines[0], "form=message-only neighbour=192.0.2.8 other=192.0.2.9") {
			t.Errorf("%v", lines)
		}
	})
}

// M-5, M-6, M-9, M-10, U-5: adverts are counted once for all peers, and
// resignations apart.
func TestAdvertsAreCounted(t *testing.T) {
	inWorld(t, func(w *world) {
		start := func(last, priority int) *node {
			return w.node(last).start(conf(priority, fmt.Sprintf("unicast_peer {\n192.0.2.%d\n192.0.2.3\n}", 3-last)))
		}
		n1, n2 := start(1, 150), start(2, 100)
		w.pass(down(150) + 9*time.Second)
		if _, c := n1.status("V"); c.Sent != 10 || c.Unsent != 0 || c.Received != 0 || len(n1.heard()) != 20 {
			t.Errorf("%+v in %d copies", c, len(n1.heard()))
		}
		if _, c := n2.status("V"); c.Received != 10 || c.Sent != 0 {
			t.Errorf("%+v", c)
		}
		n1.stop()
		if c := n1.routers[0].count; c.Sent != 11 || c.PriorityZeroSent != 1 { // the loop has ended
			t.Errorf("%+v", c)
		}
		if _, c := n2.status("V"); c.Received != 11 || c.PriorityZeroReceived != 1 {
			t.Errorf("%+v", c)
		}
	})
}

// S-24, S-33: a better router that comes later takes over, and the lesser one
// yields without resigning. S-27: without pre-emption the better one waits.
// S-35: of equals, the greater address stays.
func TestWhoTakesOverFromWhom(t *testing.T) {
	for _, test := range []struct {
		name          string
		first, second string // configurations; the second comes later, or its cable does
		cut           bool
		takes         bool // the second is master in the end
	}{
		{"a better one", conf(100), conf(150), false, true},
		{"a better one that waits", conf(100), conf(150, "nopreempt"), false, false},
		{"a lesser one", conf(150), conf(100), false, false},
		{"an equal one", conf(100), conf(100), false, false},
		{"an equal master with a greater address", conf(100), conf(100), true, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				n1 := w.node(9).start(test.first)
				w.pass(10 * time.Second)
				host := w.node(10)
				if test.cut {
					w.segment.Partition([]*netiftest.Host{n1.Host}, []*netiftest.Host{host.Host})
				}
				n2 := host.start(test.second)
				w.pass(10 * time.Second)
				w.segment.Heal()
				w.pass(10 * time.Second)
				if n2.Has(vip) != test.takes || n1.Has(vip) == test.takes {
					t.Errorf("the first has the address: %v, the second: %v", n1.Has(vip), n2.Has(vip))
				}
				if _, c := n1.status("V"); c.PriorityZeroSent != 0 {
					t.Error("the first has resigned")
				}
			})
		})
	}
}
