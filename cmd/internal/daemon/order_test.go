package daemon

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"regent/fsm"
	"regent/netif"
	"regent/netif/netiftest"
	"regent/vrrp"
)

// B-2, S-41: the advert leaves before the steward begins with the addresses,
// when a router becomes master as when it resigns.
func TestAdvertsLeaveFirst(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node(1)
		var seen []string
		n.Refuse(func(c netif.Change) error { // asked before each change is made
			said := "nothing"
			if sent := w.segment.Adverts(); len(sent) > 0 {
				h, _ := vrrp.ParseHeader(sent[len(sent)-1].Payload)
				said = fmt.Sprint(h.Priority)
			}
			seen = append(seen, fmt.Sprintf("%v after %s", c.Remove, said))
			return nil
		})
		n.start(conf(150))
		w.pass(5 * time.Second)
		n.stop()
		if want := []string{"false after 150", "true after 0"}; !slices.Equal(seen, want) {
			t.Errorf("removal or not, and what was sent by then: %v, want %v", seen, want)
		}
	})
}

// B-3: nothing is announced from the moment on that a router decides to give
// its addresses up, although the kernel is slow to take and to remove them.
func TestAnnouncementsEndWithTheReign(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node(1)
		n.Slow(time.Second)
		n.start(conf(150))
		w.pass(down(150) + 500*time.Millisecond)
		n.stop()
		if got := len(n.Announcements()); got != 0 {
			t.Errorf("%d announcements of an address that was given up before it came", got)
		}
		if n.Has(vip) {
			t.Error("the address stays")
		}
	})
}

// B-7, V-19: an address that the kernel refuses is announced by nobody, neither at
// once nor later. Others of the router are.
func TestNoAnnouncementOfWhatWasRefused(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node(1)
		refuse := true
		n.Refuse(func(c netif.Change) error {
			if refuse && c.Address.Prefix.Addr() == vip {
				return errors.New("add 192.0.2.100/24 to eth0: no buffer space available")
			}
			return nil
		})
		n.start(globals + instance("V", "eth0", 51, "192.0.2.100/24\n192.0.2.101/24", "priority 150"))
		w.pass(20 * time.Second)
		for _, a := range n.Announcements() {
			if a.Addr == vip {
				t.Fatal("it is announced")
			}
		}
		if n := len(n.Announcements()); n != 10 {
			t.Errorf("%d announcements of the other, want 10", n)
		}
		n.told(
			`0s (V) Entering BACKUP STATE was=INIT reason=started`,
			`3.4140625s (V) Entering MASTER STATE was=BACKUP reason="no advert from anybody for 3.414s"`,
			`3.4140625s (V) the kernel refused error="add 192.0.2.100/24 to eth0: no buffer space available" suppressed=0`)
		refuse = false
		n.SetUp("eth0", false)
		w.pass(time.Second)
		n.SetUp("eth0", true)
		w.pass(5 * time.Second)
		if !slices.ContainsFunc(n.Announcements(), func(a netiftest.Announcement) bool { return a.Addr == vip }) {
			t.Error("it is not announced although the kernel takes it now")
		}
	})
}

// A stop while the steward has much to do does not wait for addresses to come
// that are to go at once.
func TestAStopPassesOverWhatIsToGo(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node(1)
		n.Slow(time.Second)
		var text strings.Builder
		text.WriteString(globals)
		const routers = 100
		for i := range routers {
			text.WriteString(instance(fmt.Sprintf("V%d", i), "eth0", i+1, fmt.Sprintf("198.18.0.%d/32", i), "priority 150"))
		}
		n.start(text.String())
		w.pass(down(150) + 500*time.Millisecond) // the first address is on its way
		n.stop()
		if took, most := w.now()-down(150), (batch+routers+1)*time.Second; took > most {
			t.Errorf("it took %v to stop, want %v at most", took, most)
		}
		added := 0
		for _, c := range n.Changes() {
			if !c.Remove {
				added++
			}
		}
		if added > batch {
			t.Errorf("%d addresses came after it was told to stop", added-1)
		}
		links, _ := n.Links()
		if left := len(links[0].Addresses); left != 1 {
			t.Errorf("%d addresses are left, want the host's own", left)
		}
	})
}

// The loss of an address that the daemon itself is giving up, and soon takes
// again, is nobody's doing.
func TestItsOwnRemovalsAreNoLosses(t *testing.T) {
	inWorld(t, func(w *world) {
		n1, _ := pair(w)
		n1.Slow(100 * time.Millisecond)
		do := func(verb fsm.Verb) { n1.tell(func(d *Daemon) { d.perform(d.routers[0], fsm.Action{Do: verb}) }) }
		do(fsm.Release)
		w.pass(50 * time.Millisecond) // the kernel is at it
		do(fsm.Acquire)
		w.pass(time.Second)
		if _, c := n1.status("V"); c.Restored != 0 || !n1.Has(vip) {
			t.Errorf("restored %d times; there: %v", c.Restored, n1.Has(vip))
		}
	})
}

// A tool that fights for an address cannot flood the log.
func TestAFightOverAnAddress(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node(1).start(conf(150))
		w.pass(5 * time.Second)
		n.forget()
		for range 50 {
			n.drop("eth0", vip)
			w.pass(100 * time.Millisecond)
		}
		w.pass(5 * time.Second)
		n.drop("eth0", vip)
		if _, c := n.status("V"); c.Restored != 51 || !n.Has(vip) {
			t.Errorf("restored %d times; there: %v", c.Restored, n.Has(vip))
		}
		n.told(
			`5s (V) somebody removed addresses of ours; restoring them addresses=192.0.2.100 suppressed=0`,
			`15s (V) somebody removed addresses of ours; restoring them addresses=192.0.2.100 suppressed=49`)
	})
}

// The kernel removes secondary addresses with their primary one. A master that
// has lost its source with them is in FAULT and restores nothing; one that has
// another gets all of them back.
func TestSecondariesThatGoWithTheirPrimary(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node(1)
		n.add("eth0", netif.LinkAddress{Prefix: netip.MustParsePrefix("198.51.100.1/24")})
		n.start(globals + instance("V", "eth0", 51, "192.0.2.100/24\n192.0.2.101/24", "priority 150"))
		w.pass(5 * time.Second)
		lose := func(addrs ...string) {
			n.Adjust("eth0", func(l *netif.Link) {
				l.Addresses = slices.DeleteFunc(slices.Clone(l.Addresses), func(a netif.LinkAddress) bool {
					return slices.Contains(addrs, a.Prefix.Addr().String())
				})
			})
			w.pass(time.Millisecond)
		}
		lose("192.0.2.1", "192.0.2.100", "192.0.2.101")
		n.is(Master)
		if _, c := n.status("V"); c.Restored != 2 || !n.Has(vip) {
			t.Errorf("restored %d, want 2", c.Restored)
		}
		lose("198.51.100.1", "192.0.2.100", "192.0.2.101")
		n.is(Fault)
		if _, c := n.status("V"); c.Restored != 2 || n.Has(vip) {
			t.Errorf("restored %d, want no more", c.Restored)
		}
	})
}

// O-8, S-30: a clean stop resigns at once, however long the kernel takes to remove
// what is held.
func TestAStopResignsAtOnce(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node(1).start(conf(150, "virtual_ipaddress_excluded {\n198.18.0.1/32\n198.18.0.2/32\n198.18.0.3/32\n}"))
		w.pass(10 * time.Second)
		n.is(Master)
		n.Slow(10 * time.Second)
		told := w.now()
		n.stop()
		sent := n.heard()
		if last := sent[len(sent)-1]; last.Priority != vrrp.Resign || last.at != told {
			t.Errorf("told to stop at %v, its last advert is %v", told, last)
		}
		if took := w.now() - told; took < 40*time.Second {
			t.Errorf("the kernel took %v: this test proves nothing", took)
		}
	})
}
