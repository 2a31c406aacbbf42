package daemon

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"regent/fsm"
	"regent/netif"
	"regent/netif/netiftest"
	"regent/vrrp"
)

const script = `vrrp_script chk {
	script "/bin/true"
	interval 1
	fall 2
	weight -60
}
`

// S-45, and the log says why the priority moves, by how much, and past whose.
func TestAFailingScriptMovesTheAddress(t *testing.T) {
	inWorld(t, func(w *world) {
		n1 := w.node(1).start(script + conf(150, "track_script {\nchk\n}"))
		n2 := w.node(2).start(conf(100))
		n1.report("chk", 0)
		w.pass(5 * time.Second)
		n1.is(Master)
		n1.report("chk", 1)
		w.pass(5 * time.Second)
		n1.is(Master) // one failure of two
		n1.report("chk", 1)
		told := n1.lines("Changing effective priority")
		if len(told) != 1 || !strings.Contains(told[0], `from=150 to=90 reason="chk failed 2 of 2: exit status 1, weight -60"`) {
			t.Errorf("told %q", told)
		}
		w.pass(5 * time.Second)
		n1.is(Backup)
		n2.is(Master)
		n1.report("chk", 0)
		w.pass(5 * time.Second)
		n1.is(Master)
		n1.report("chk", 1)
		n1.report("chk", 1)
		told = n1.lines("Changing effective priority")
		for i, want := range []string{
			`from=150 to=90 reason="chk failed 2 of 2: exit status 1, weight -60"`, // n2 was not heard yet
			`from=90 to=150 reason="chk succeeded, weight -60; now above 192.0.2.2's 100"`,
			`from=150 to=90 reason="chk failed 2 of 2: exit status 1, weight -60; now below 192.0.2.2's 100"`,
		} {
			if i >= len(told) || !strings.Contains(told[i], want) {
				t.Errorf("told %q, want %q", told, want)
			}
		}
	})
}

// A script without a weight keeps the router in FAULT, by its name, and out of
// the way until it has reported.
func TestAScriptWithoutWeight(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node(1).start(strings.Replace(script, "weight -60", "", 1) + conf(150, "track_script {\nchk\n}"))
		w.pass(10 * time.Second)
		n.is(Init)
		n.report("chk", 3)
		n.is(Fault)
		n.said(Fault, "chk failed: exit status 3")
		n.report("chk", 0)
		w.pass(5 * time.Second)
		n.is(Master)
	})
}

// A sync group decides as one: where one member cannot take part, none does.
func TestAGroupMovesTogether(t *testing.T) {
	inWorld(t, func(w *world) {
		group := "vrrp_sync_group G {\ngroup {\nV\nW\n}\n}\n"
		second := func(priority int) string {
			return strings.NewReplacer("instance V", "instance W", "eth0", "eth1", "id 51", "id 52", "2.100", "2.200").
				Replace(conf(priority)[strings.Index(conf(priority), "vrrp_instance"):])
		}
		start := func(last, priority int) *node {
			n := w.node(last)
			n.Attach(w.segment, "eth1", []byte{2, 0, 0, 0, 1, byte(last)}, netip.PrefixFrom(netip.AddrFrom4([4]byte{198, 51, 100, byte(last)}), 24))
			return n.start(conf(priority) + second(priority) + group)
		}
		n1, n2 := start(1, 150), start(2, 100)
		w.pass(5 * time.Second)
		n1.is(Master)
		n1.SetUp("eth1", false)
		w.pass(5 * time.Second)
		for name, want := range map[string]Condition{"V": Fault, "W": Fault} {
			if got, _ := n1.status(name); got != want {
				t.Errorf("%s is %v, want %v", name, got, want)
			}
		}
		for _, name := range []string{"V", "W"} {
			if got, _ := n2.status(name); got != Master {
				t.Errorf("%s is %v, want MASTER", name, got)
			}
		}
	})
}

// T-11: a loop that was held up hears what has arrived meanwhile before it
// lets a timer expire.
func TestAStallTakesNobodyForDead(t *testing.T) {
	inWorld(t, func(w *world) {
		n1, n2 := pair(w)
		n2.tell(func(*Daemon) { time.Sleep(20 * time.Second) })
		w.pass(25 * time.Second)
		n1.is(Master)
		n2.is(Backup)
		if _, c := n2.status("V"); c.BecameMaster != 0 {
			t.Errorf("became master %d times", c.BecameMaster)
		}
	})
}

// A sleepy wire lets the loop be held up between its Wait and what it does then.
type sleepy struct {
	Wire
	sleep atomic.Bool // at the next return
}

func (s *sleepy) Wait(timeout time.Duration) {
	s.Wire.Wait(timeout)
	if s.sleep.CompareAndSwap(true, false) {
		time.Sleep(20 * time.Second)
	}
}

// T-11: the same for one that was held up just after it had seen that nothing
// was there.
func TestAStallAfterALookTakesNobodyForDead(t *testing.T) {
	inWorld(t, func(w *world) {
		const conf = "vrrp_instance V {\ninterface eth0\nvirtual_router_id 1\nversion 3\npriority %d\nadvert_int 1\nvirtual_ipaddress {\n192.0.2.100\n}\n}\n"
		n1, n2 := w.node(1), w.node(2)
		wire := &sleepy{Wire: n2.Wire()}
		n1.start(fmt.Sprintf(conf, 200))
		n2.startOn(wire, fmt.Sprintf(conf, 100))
		w.pass(5500 * time.Millisecond) // between two adverts
		n2.is(Backup)
		wire.sleep.Store(true)
		n2.tell(func(*Daemon) {})
		w.pass(30 * time.Second)
		n1.is(Master)
		n2.is(Backup)
		if _, c := n2.status("V"); c.BecameMaster != 0 {
			t.Errorf("became master %d times", c.BecameMaster)
		}
	})
}

// R-0, L-1: a flood of garbage moves one counter by its number, gives one line
// in ten seconds, and delays nothing.
func TestAFloodOfGarbage(t *testing.T) {
	inWorld(t, func(w *world) {
		n1, n2 := pair(w)
		const flood = 1000
		envelope := vrrp.Envelope{Src: netip.MustParseAddr("192.0.2.66"), Dst: vrrp.Group4, TTL: 255}
		bad := (&vrrp.Advert{Version: 3, VRID: 51, Priority: 200, Interval: time.Second, Addresses: []netip.Addr{vip}}).Append(nil, envelope)
		bad[6] ^= 0xff
		for range flood {
			w.segment.Inject(netif.Packet{Link: 1, Envelope: envelope, Payload: bad})
		}
		synctest.Wait()
		n1.is(Master)
		n2.is(Backup)
		asked := make(chan uint64)
		n2.tell(func(d *Daemon) { asked <- d.strange[1].count[vrrp.ChecksumErrors] })
		if n := <-asked; n != flood {
			t.Errorf("checksum_errors is %d, want %d", n, flood)
		}
		if lines := n2.lines("checksum"); len(lines) != 1 {
			t.Errorf("%d lines, want one: %v", len(lines), lines)
		}
		w.pass(quiet)
		w.segment.Inject(netif.Packet{Link: 1, Envelope: envelope, Payload: bad})
		synctest.Wait()
		if lines := n2.lines("checksum"); len(lines) != 2 || !strings.Contains(lines[1], "suppressed=999") {
			t.Errorf("the second line does not tell what was held back: %v", lines)
		}
	})
}

// W-45, W-47, V-12, Q-1: who hears the other form of checksum speaks it from then on.
func TestTheChecksumFormIsLearned(t *testing.T) {
	inWorld(t, func(w *world) {
		n1, n2 := pair(w)
		w.segment.Partition([]*netiftest.Host{n1.Host}, []*netiftest.Host{n2.Host})
		envelope := vrrp.Envelope{Src: netip.MustParseAddr("192.0.2.66"), Dst: vrrp.Group4, TTL: 255}
		a := vrrp.Advert{Version: 3, VRID: 51, Priority: 10, Interval: time.Second, Addresses: []netip.Addr{vip}, Checksum: vrrp.MessageOnly}
		w.segment.Inject(netif.Packet{Link: 1, Envelope: envelope, Payload: a.Append(nil, envelope)})
		w.pass(2 * time.Second)
		sent := n1.heard()
		if last := sent[len(sent)-1]; last.Checksum != vrrp.MessageOnly || sent[0].Checksum != vrrp.Pseudo {
			t.Errorf("form %v at first and %v at last", sent[0].Checksum, last.Checksum)
		}
		if len(n1.lines("checksum form")) != 1 {
			t.Error("the change was not told once")
		}
	})
}

// O-9: a reload that changes nothing sends nothing and loses nothing. One that
// moves an address between masters never takes it off the link.
func TestAReload(t *testing.T) {
	inWorld(t, func(w *world) {
		two := func(first, second string) string {
			other := strings.NewReplacer("instance V", "instance W", "id 51", "id 52", "192.0.2.100/24", second)
			text := conf(150)
			return strings.Replace(text, "192.0.2.100/24", first, 1) + other.Replace(text[strings.Index(text, "vrrp_instance"):])
		}
		n := w.node(1).start(two("192.0.2.100/24\n192.0.2.101/24", "192.0.2.102/24"))
		w.pass(10*time.Second + 100*time.Millisecond)
		n.is(Master)
		adverts, changes := len(n.heard()), len(n.Changes())

		n.Reload(parse(w, two("192.0.2.100/24\n192.0.2.101/24", "192.0.2.102/24")))
		synctest.Wait()
		if len(n.heard()) != adverts || len(n.Changes()) != changes {
			t.Errorf("a reload of the same sent %d adverts and made %d changes", len(n.heard())-adverts, len(n.Changes())-changes)
		}

		n.Reload(parse(w, two("192.0.2.100/24", "192.0.2.102/24\n192.0.2.101/24")))
		synctest.Wait()
		n.is(Master)
		for _, c := range n.Changes()[changes:] {
			if c.Remove {
				t.Errorf("%v was removed", c.Address.Prefix)
			}
		}
		if !n.Has(netip.MustParseAddr("192.0.2.101")) {
			t.Error("the address that moved is gone")
		}

		n.Reload(parse(w, conf(150)))
		w.pass(time.Second)
		if n.Has(netip.MustParseAddr("192.0.2.102")) || n.Has(netip.MustParseAddr("192.0.2.101")) || !n.Has(vip) {
			t.Error("the addresses of the instance that is gone must go, and no others")
		}
		if last := n.heard()[len(n.heard())-1]; last.Priority == 0 {
			t.Error("the instance that stays has resigned")
		}
	})
}

// The timers agree with a plain list in every order of events.
func TestTimers(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var ts timers
	all := make([]*timer, 20)
	for i := range all {
		all[i] = &timer{}
		ts.add(all[i])
	}
	for step := range 20000 {
		tm := all[r.IntN(len(all))]
		at := fsm.Time(r.IntN(1000))
		if r.IntN(10) == 0 {
			at = fsm.Never
		}
		ts.set(tm, at)
		if r.IntN(50) == 0 {
			ts.remove(tm)
			ts.add(tm)
		}
		first := fsm.Never
		for _, tm := range all {
			first = min(first, tm.deadline)
		}
		if got := ts.next(); got != first {
			t.Fatalf("step %d: next is %d, want %d", step, got, first)
		}
		if due := ts.due(first - 1); due != nil {
			t.Fatalf("step %d: due before its time", step)
		}
		if due := ts.due(first); first != fsm.Never && (due == nil || due.deadline != first) {
			t.Fatalf("step %d: %v is due, want one at %d", step, due, first)
		}
	}
}

// virtual_routes and virtual_rules come after the addresses that they need and
// go before them, and a reload changes what has changed.
func TestRoutesComeAndGoWithTheReign(t *testing.T) {
	inWorld(t, func(w *world) {
		paths := func(dst string) string {
			return conf(150, "virtual_routes {\n"+dst+" via 192.0.2.254\n}\nvirtual_rules {\nfrom 192.0.2.100 table 100 preference 500\n}")
		}
		n := w.node(1).start(paths("198.51.100.0/24"))
		if routes, rules := n.Paths(); len(routes)+len(rules) != 0 {
			t.Errorf("a backup has asked for %v and %v", routes, rules)
		}
		w.pass(5 * time.Second)
		n.is(Master)
		routes, rules := n.Paths()
		if len(routes) != 1 || routes[0].Remove || len(rules) != 1 || rules[0].Remove {
			t.Fatalf("a master has asked for %v and %v", routes, rules)
		}
		n.Lose(netif.Loss{ID: routes[0].ID})
		synctest.Wait()
		routes, _ = n.Paths()
		if _, c := n.status("V"); len(routes) != 2 || routes[1].Remove || c.Restored != 1 {
			t.Errorf("a route that somebody removed: %v, restored %d times", routes, c.Restored)
		}
		n.Lose(netif.Loss{ID: 99})
		n.Reload(parse(w, paths("203.0.113.0/24")))
		synctest.Wait()
		routes, _ = n.Paths()
		if len(routes) != 4 || !routes[2].Remove || routes[2].Route.Destination.String() != "198.51.100.0/24" ||
			routes[3].Remove || routes[3].Route.Destination.String() != "203.0.113.0/24" {
			t.Errorf("a reload has led to %v", routes)
		}
		n.stop()
		routes, rules = n.Paths()
		if last := routes[len(routes)-1]; !last.Remove || last.Route.Destination.String() != "203.0.113.0/24" || !rules[len(rules)-1].Remove {
			t.Errorf("left behind: %v and %v", routes, rules)
		}
	})
}

// B-23, no_accept: what is sent to the address is refused from the start, and no
// longer when a reload says so. V-7: in version 2 as in version 3, where
// keepalived makes no difference.
func TestAddressesThatAreNotAccepted(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node(1).start(conf(150, "version 2", "no_accept"))
		if got := n.Refused(); len(got) != 1 || !got[netif.Refusal{Addr: vip}] {
			t.Errorf("refused in version 2: %v, want %v", got, vip)
		}
		n.Reload(parse(w, conf(150, "no_accept")))
		synctest.Wait()
		if got := n.Refused(); len(got) != 1 || !got[netif.Refusal{Addr: vip}] {
			t.Errorf("refused: %v, want %v", got, vip)
		}
		n.Reload(parse(w, conf(150)))
		synctest.Wait()
		if got := n.Refused(); len(got) != 0 {
			t.Errorf("still refused: %v", got)
		}
		n.Reload(parse(w, conf(255, "no_accept")))
		synctest.Wait()
		if got := n.Refused(); len(got) != 0 {
			t.Errorf("an owner refuses %v", got)
		}
	})
}

// keepalived-language 4.8: what is told of an instance and of its group, in
// order; the group comes after its members but for the start, and all are told
// of the end.
func TestOthersAreTold(t *testing.T) {
	inWorld(t, func(w *world) {
		n1 := w.node(1).start(script + conf(150, "notify_priority_changes", "track_script {\nchk\n}") +
			"vrrp_sync_group G {\ngroup {\nV\n}\nsync_group_tracking_weight\n}\n")
		n1.report("chk", 0)
		w.pass(5 * time.Second)
		n1.report("chk", 1)
		n1.report("chk", 1)
		n1.SetUp("eth0", false)
		synctest.Wait()
		n1.stop()
		want := []string{
			`GROUP "G" BACKUP 0`, `INSTANCE "V" BACKUP 150`,
			`INSTANCE "V" MASTER 150`, `GROUP "G" MASTER 0`,
			`INSTANCE "V" MASTER_PRIORITY 90`,
			`INSTANCE "V" FAULT 90`, `GROUP "G" FAULT 0`,
			`INSTANCE "V" STOP 90`, `GROUP "G" STOP 0`,
		}
		if got := strings.Join(n1.events, "\n"); got != strings.Join(want, "\n") {
			t.Errorf("told\n%s\nwant\n%s", got, strings.Join(want, "\n"))
		}
	})
}
