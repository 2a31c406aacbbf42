package daemon

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"regent/netif"
	"regent/vrrp"
)

// peers is the block that makes an instance a unicast one, with a peer in each
// line.
func peers(lines ...string) string {
	return "unicast_peer {\n\t" + strings.Join(lines, "\n\t") + "\n\t}"
}

// to counts the adverts that a node has sent to an address.
func (n *node) to(addr string) (count int) {
	for _, a := range n.w.segment.Adverts() {
		if a.From == n.Host && a.Envelope.Dst == netip.MustParseAddr(addr) {
			count++
		}
	}
	return count
}

// U-1, U-5, M-6: every peer gets a copy of every advert, and it is one advert.
func TestEveryPeerGetsACopy(t *testing.T) {
	inWorld(t, func(w *world) {
		n1 := w.node(1).start(conf(150, peers("192.0.2.2", "192.0.2.3")))
		n2 := w.node(2).start(conf(120, peers("192.0.2.1", "192.0.2.3")))
		n3 := w.node(3).start(conf(100, peers("192.0.2.1", "192.0.2.2")))
		w.pass(10 * time.Second)
		n1.is(Master)
		n2.is(Backup)
		n3.is(Backup)
		_, c := n1.status("V")
		if c.Sent == 0 || n1.to("192.0.2.2") != int(c.Sent) || n1.to("192.0.2.3") != int(c.Sent) || n1.to(vrrp.Group4.String()) != 0 {
			t.Errorf("counts %d adverts, and sent %d and %d copies", c.Sent, n1.to("192.0.2.2"), n1.to("192.0.2.3"))
		}
		n1.stop()
		w.pass(time.Second)
		n2.is(Master)
		n3.is(Backup)
		if n2.to("192.0.2.1") == 0 {
			t.Error("a peer that is silent gets no copy")
		}
	})
}

// U-2, U-3, U-4, R-1: whom a unicast router listens to. A router that is heard
// makes a backup of this lesser master.
func TestWhomAUnicastRouterHears(t *testing.T) {
	from := func(src, dst string, ttl uint8) vrrp.Envelope {
		return vrrp.Envelope{Src: netip.MustParseAddr(src), Dst: netip.MustParseAddr(dst), TTL: ttl}
	}
	for _, test := range []struct {
		name  string
		lines string
		e     vrrp.Envelope
		heard bool
		count vrrp.Counter
	}{
		{"a peer", peers("192.0.2.9"), from("192.0.2.9", "192.0.2.1", 255), true, 0},
		{"a peer behind routers", peers("192.0.2.9"), from("192.0.2.9", "192.0.2.1", 3), true, 0},
		{"a stranger", peers("192.0.2.9"), from("192.0.2.8", "192.0.2.1", 255), true, 0},
		{"a stranger, when sources are checked", peers("192.0.2.9") + "\ncheck_unicast_src", from("192.0.2.8", "192.0.2.1", 255), false, vrrp.DestinationErrors},
		{"a stranger, when a peer has a bound", peers("192.0.2.9 min_ttl 250"), from("192.0.2.8", "192.0.2.1", 255), false, vrrp.DestinationErrors},
		{"not too far", peers("192.0.2.9 min_ttl 250"), from("192.0.2.9", "192.0.2.1", 250), true, 0},
		{"too far", peers("192.0.2.9 min_ttl 250"), from("192.0.2.9", "192.0.2.1", 249), false, vrrp.TTLErrors},
		{"far enough", peers("192.0.2.9 max_ttl 254"), from("192.0.2.9", "192.0.2.1", 254), true, 0},
		{"too near", peers("192.0.2.9 max_ttl 254"), from("192.0.2.9", "192.0.2.1", 255), false, vrrp.TTLErrors},
		{"the group", peers("192.0.2.9"), from("192.0.2.9", vrrp.Group4.String(), 255), false, vrrp.DestinationErrors},
	} {
		t.Run(test.name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				n := w.node(1)
				if err := n.Wire().Join(1, vrrp.Group4); err != nil { // as another program may have
					t.Fatal(err)
				}
				n.start(conf(50, test.lines))
				w.pass(down(50) + time.Second)
				n.is(Master)
				n.inject(func(_ *vrrp.Advert, e *vrrp.Envelope) { *e = test.e })
				want := Master
				if test.heard {
					want = Backup
				}
				n.is(want)
				if test.count != 0 {
					if c := n.linkCounts(); c[test.count] != 1 {
						t.Errorf("%v is %d, want 1", test.count, c[test.count])
					}
				}
			})
		})
	}
}

// U-3, unicast_ttl: adverts to peers leave with a TTL of 255, or with that of
// the configuration; those to the group with 255 whatever it says (W-7).
func TestTheTTLOfUnicastAdverts(t *testing.T) {
	for _, test := range []struct {
		lines []string
		want  uint8
	}{
		{[]string{peers("192.0.2.9")}, 255},
		{[]string{peers("192.0.2.9"), "unicast_ttl 9"}, 9},
		{[]string{"unicast_ttl 9"}, 255},
	} {
		inWorld(t, func(w *world) {
			w.node(1).start(conf(150, test.lines...))
			w.pass(5 * time.Second)
			all := w.segment.Adverts()
			if len(all) == 0 || all[len(all)-1].Envelope.TTL != test.want {
				t.Errorf("%v: %v", test.lines, all)
			}
		})
	}
}

// linkCounts returns what the node has counted on its first link.
func (n *node) linkCounts() (c vrrp.Counters) {
	asked := make(chan struct{})
	n.tell(func(d *Daemon) { c = d.strange[1].count; close(asked) })
	<-asked
	return c
}

// W-1, U-2: instances with one VRID on one link: source and destination tell
// whose an advert is. That of a stranger is nobody's, and counted.
func TestOneVRIDForSeveralUnicastInstances(t *testing.T) {
	text := func(a, b, c int) string {
		return globals +
			instance("M", "eth0", 51, "192.0.2.100/24", fmt.Sprint("priority ", a)) +
			instance("A", "eth0", 51, "192.0.2.101/24", fmt.Sprint("priority ", b), peers("192.0.2.2")) +
			instance("B", "eth0", 51, "192.0.2.102/24", fmt.Sprint("priority ", c), peers("192.0.2.3", "192.0.2.4"))
	}
	inWorld(t, func(w *world) {
		n := w.node(1).start(text(150, 150, 150))
		only := func(lesser string) {
			t.Helper()
			for _, name := range []string{"M", "A", "B"} {
				want := Master
				if name == lesser {
					want = Backup
				}
				if got, _ := n.status(name); got != want {
					t.Errorf("%s is %v, want %v", name, got, want)
				}
			}
		}
		say := func(src, dst string) {
			n.inject(func(a *vrrp.Advert, e *vrrp.Envelope) {
				a.Priority = 200
				e.Src, e.Dst = netip.MustParseAddr(src), netip.MustParseAddr(dst)
			})
		}
		for _, test := range []struct{ src, dst, lesser string }{
			{"192.0.2.9", vrrp.Group4.String(), "M"},
			{"192.0.2.2", "192.0.2.1", "A"},
			{"192.0.2.3", "192.0.2.1", "B"},
			{"192.0.2.4", "192.0.2.1", "B"},
			{"192.0.2.9", "192.0.2.1", ""},
		} {
			w.pass(10 * time.Second)
			only("")
			say(test.src, test.dst)
			only(test.lesser)
		}

		if c := n.linkCounts(); c[vrrp.DestinationErrors] != 1 || len(n.lines("source is no unicast peer")) != 1 {
			t.Errorf("the stranger was counted %d times", c[vrrp.DestinationErrors])
		}

		// One that goes takes nothing from the others.
		w.pass(10 * time.Second)
		sent := len(n.heard())
		n.Reload(parse(w, globals+instance("B", "eth0", 51, "192.0.2.102/24", "priority 150", peers("192.0.2.3", "192.0.2.4"))))
		synctest.Wait()
		if resigned := n.heard()[sent:]; len(resigned) != 2 || resigned[0].Priority != 0 || resigned[1].Priority != 0 {
			t.Errorf("two masters that go say %v", resigned)
		}
		say("192.0.2.3", "192.0.2.1")
		if got, _ := n.status("B"); got != Backup {
			t.Errorf("B is %v", got)
		}
	})
}

// A reload that changes the peers changes who gets adverts and nothing else,
// also among instances that only their peers tell apart.
func TestAReloadOfPeers(t *testing.T) {
	inWorld(t, func(w *world) {
		two := func(a, b string) string {
			return globals + instance("A", "eth0", 51, "192.0.2.101/24", peers(a)) + instance("B", "eth0", 51, "192.0.2.102/24", peers(b))
		}
		n := w.node(1).start(two("192.0.2.2", "192.0.2.3"))
		w.pass(5 * time.Second)
		a, b := n.serial("A"), n.serial("B")
		for _, test := range []struct {
			text string
			a, b string // their names now
			to   []string
		}{
			{two("192.0.2.2\n192.0.2.4", "192.0.2.3"), "A", "B", []string{"192.0.2.2", "192.0.2.3", "192.0.2.4"}},
			{strings.NewReplacer("instance A", "instance C", "instance B", "instance A").Replace(two("192.0.2.2", "192.0.2.3")), "C", "A", []string{"192.0.2.2", "192.0.2.3"}},
			{strings.NewReplacer("instance A", "instance C", "instance B", "instance A").Replace(two("192.0.2.5", "192.0.2.6")), "C", "A", []string{"192.0.2.5", "192.0.2.6"}},
			{two("192.0.2.7", "192.0.2.6"), "A", "B", []string{"192.0.2.6", "192.0.2.7"}},
			{globals + instance("B", "eth0", 51, "192.0.2.102/24", peers("192.0.2.8")) + instance("A", "eth0", 51, "192.0.2.101/24", peers("192.0.2.9")),
				"A", "B", []string{"192.0.2.8", "192.0.2.9"}},
		} {
			sent := len(w.segment.Adverts())
			n.Reload(parse(w, test.text))
			w.pass(time.Second)
			seen := map[string]bool{}
			for _, advert := range w.segment.Adverts()[sent:] {
				seen[advert.Envelope.Dst.String()] = true
			}
			if len(seen) != len(test.to) {
				t.Errorf("adverts go to %v, want %v", seen, test.to)
			}
			for name, serial := range map[string]int{test.a: a, test.b: b} {
				if c, count := n.status(name); c != Master || count.PriorityZeroSent != 0 || n.serial(name) != serial {
					t.Errorf("%s is %v, router %d, want %d: %+v", name, c, n.serial(name), serial, count)
				}
			}
		}
	})
}

// serial returns which router has a name.
func (n *node) serial(name string) (serial int) {
	asked := make(chan struct{})
	n.tell(func(d *Daemon) {
		for _, r := range d.routers {
			if r.Name == name {
				serial = r.serial
			}
		}
		close(asked)
	})
	<-asked
	return serial
}

// W-49: the checksum of old unicast routers is understood and spoken to those
// who speak it, unless it is always or never to be.
func TestTheOldUnicastChecksum(t *testing.T) {
	for _, test := range []struct {
		line    string
		before  vrrp.ChecksumForm
		heard   bool
		after   vrrp.ChecksumForm
		another vrrp.ChecksumForm // when somebody new has spoken
	}{
		{"", vrrp.Pseudo, true, vrrp.PseudoGroup, vrrp.Pseudo},
		{"old_unicast_checksum", vrrp.PseudoGroup, true, vrrp.PseudoGroup, vrrp.PseudoGroup},
		{"old_unicast_checksum never", vrrp.Pseudo, false, vrrp.Pseudo, vrrp.Pseudo},
	} {
		t.Run(test.line, func(t *testing.T) {
			inWorld(t, func(w *world) {
				n := w.node(1).start(conf(150, peers("192.0.2.9"), test.line))
				speaks := func(want vrrp.ChecksumForm) {
					t.Helper()
					w.pass(2 * time.Second)
					all := w.segment.Adverts()
					last := all[len(all)-1]
					var a vrrp.Advert
					p := vrrp.Profile{Version: vrrp.V3, AcceptPseudoGroup: true, Interval: time.Second, Addresses: []netip.Addr{vip}}
					if _, f := p.Check(last.Payload, last.Envelope, time.Time{}, &a); f != vrrp.Accepted || a.Checksum != want {
						t.Errorf("speaks %v (%v), want %v", a.Checksum, f, want)
					}
				}
				say := func(form vrrp.ChecksumForm) {
					n.inject(func(a *vrrp.Advert, e *vrrp.Envelope) { a.Checksum, e.Dst = form, netip.MustParseAddr("192.0.2.1") })
				}
				w.pass(down(150))
				speaks(test.before)
				say(vrrp.PseudoGroup)
				if _, c := n.status("V"); (c.Received == 1) != test.heard {
					t.Errorf("an old advert is heard: %v", !test.heard)
				}
				speaks(test.after)
				say(vrrp.Pseudo)
				speaks(test.another)
				reload := func(line string) { n.Reload(parse(w, conf(150, peers("192.0.2.9"), line))) }
				reload("old_unicast_checksum")
				speaks(vrrp.PseudoGroup)
				reload("")
				speaks(vrrp.Pseudo)
				say(vrrp.PseudoGroup)
				speaks(vrrp.PseudoGroup)
				reload("old_unicast_checksum never")
				speaks(vrrp.Pseudo)
			})
		})
	}
}

// unicast_fault_no_peer: an instance that was meant for unicast does not fall
// back to the group.
func TestAUnicastInstanceWithoutPeers(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node(1).start(conf(150, "unicast_src_ip 192.0.2.1", "unicast_fault_no_peer"))
		w.pass(10 * time.Second)
		n.is(Fault)
		n.said(Fault, "it has no unicast peers (unicast_fault_no_peer)")
		n.Reload(parse(w, conf(150, "unicast_src_ip 192.0.2.1", "unicast_fault_no_peer", peers("192.0.2.2"))))
		w.pass(10 * time.Second)
		n.is(Master)
		n.Reload(parse(w, conf(150, "unicast_src_ip 192.0.2.1")))
		w.pass(10 * time.Second)
		n.is(Master)
		if n.to(vrrp.Group4.String()) == 0 {
			t.Error("without the keyword it does not fall back to the group")
		}
	})
}

// What finds the unicast router of a packet allocates nothing either.
func TestFindingAUnicastRouterAllocatesNothing(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node(1).start(globals + instance("A", "eth0", 51, "192.0.2.101/24", "priority 50", peers("192.0.2.8")) +
			instance("B", "eth0", 51, "192.0.2.102/24", "priority 50", peers("192.0.2.9")))
		e := vrrp.Envelope{Src: netip.MustParseAddr("192.0.2.9"), Dst: netip.MustParseAddr("192.0.2.1"), TTL: 255}
		a := vrrp.Advert{Version: vrrp.V3, VRID: 51, Priority: 200, Interval: time.Second, Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.102")}}
		p := &netif.Packet{Link: 1, Envelope: e, Payload: a.Append(nil, e)}
		asked := make(chan float64)
		n.tell(func(d *Daemon) { asked <- testing.AllocsPerRun(100, func() { d.receive(p) }) })
		if got := <-asked; got != 0 {
			t.Errorf("an advert heard allocates %v times", got)
		}
		if _, c := n.status("B"); c.Received == 0 {
			t.Error("it was not heard")
		}
	})
}
