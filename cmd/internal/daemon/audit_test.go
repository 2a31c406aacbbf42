package daemon

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"regent/fsm"
	"regent/netif"
	"regent/netif/netiftest"
)

// A dim host is one where nobody can see that some addresses come.
type dim struct {
	*netiftest.Host
	unseen []netip.Addr
}

// Change lets somebody remove an address right after it was added, before any
// watch can have seen it.
func (d *dim) Change(changes []netif.Change) []error {
	errs := d.Host.Change(changes)
	for _, c := range changes {
		if i := slices.Index(d.unseen, c.Address.Prefix.Addr()); i >= 0 && !c.Remove {
			d.unseen = slices.Delete(d.unseen, i, i+1)
			c.Remove = true
			d.Host.Change([]netif.Change{c})
		}
	}
	return errs
}

// A master's address that somebody removes before anybody has seen that it was
// there comes back, and so does a static one. What is there needs no word.
func TestAnAddressThatWasNeverSeen(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node(1).second()
		host := &dim{Host: n.Host, unseen: []netip.Addr{vip, fixed10}}
		n.run(n.Wire(), host, parse(t, fixed+conf(150)))
		defer n.stop()
		w.pass(10 * time.Second)
		if !n.Has(vip) || !n.Has(fixed10) {
			t.Errorf("the virtual address is there: %v; the static one: %v", n.Has(vip), n.Has(fixed10))
		}
		if _, c := n.status("V"); c.Restored != 1 {
			t.Errorf("restored %d, want 1", c.Restored)
		}
		if told := n.lines("restoring"); len(told) != 2 {
			t.Errorf("told %v, want a line for each", told)
		}
	})
}

// Nor is anything missing whose coming the kernel has not told yet.
func TestALateReportIsNoLoss(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node(1)
		n.Slow(900 * time.Millisecond) // it is done just before the audit
		n.run(n.Wire(), late{n.Host}, parse(t, conf(150)))
		defer n.stop()
		w.pass(30 * time.Second)
		n.is(Master)
		if told := n.lines("restoring"); told != nil {
			t.Errorf("told %v", told)
		}
	})
}

// late tells of links half a second late.
type late struct{ *netiftest.Host }

func (l late) Watch(ctx context.Context, report func([]netif.Link)) error {
	return l.Host.Watch(ctx, func(links []netif.Link) {
		time.Sleep(500 * time.Millisecond) // virtual
		report(links)
	})
}

// While the kernel is slow nothing is missing that only has not come yet.
func TestASlowKernelLosesNothing(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node(1).second()
		n.Slow(700 * time.Millisecond)
		n.start(fixed + strings.Replace(conf(150), "192.0.2.100/24", "192.0.2.100/24\n192.0.2.101/24\n192.0.2.102/24\n192.0.2.103/24", 1))
		w.pass(30 * time.Second)
		n.is(Master)
		if told := n.lines("restoring"); told != nil {
			t.Errorf("told %v", told)
		}
		if got := len(n.Changes()); got != 6 {
			t.Errorf("%d changes, want 6", got)
		}
	})
}

// What the kernel refuses is asked for again, soon at first and then less and
// less often, also for fixtures; and never after the reign.
func TestWhatWasRefusedIsAskedForAgain(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node(1).second()
		var asked []time.Duration
		refuse := true
		n.Refuse(func(c netif.Change) error {
			if c.Address.Prefix.Addr() == vip && !c.Remove {
				asked = append(asked, w.now())
			}
			if refuse && !c.Remove {
				return errors.New("not now")
			}
			return nil
		})
		n.start(fixed + conf(150))
		w.pass(down(150) + 10*time.Second)
		n.is(Master)
		if len(asked) != 5 { // after 0, 1, 2, 4 and 8 seconds
			t.Errorf("asked %d times: %v", len(asked), asked)
		}
		refuse = false
		w.pass(10 * time.Second)
		if !n.Has(vip) || !n.Has(fixed10) {
			t.Errorf("the virtual address is there: %v; the static one: %v", n.Has(vip), n.Has(fixed10))
		}
		if !slices.ContainsFunc(n.Announcements(), func(a netiftest.Announcement) bool { return a.Addr == vip }) {
			t.Error("it is not announced")
		}
		if _, c := n.status("V"); c.Restored != 0 {
			t.Errorf("restored %d, which nobody removed", c.Restored)
		}

		changes := n.since()
		n.SetUp("eth0", false)
		w.pass(2 * auditMost)
		w.equal("in FAULT", changes(), "-192.0.2.100/24")
	})
}

// An address that was refused and comes with routes that are restored is
// announced then.
func TestARefusedAddressThatComesByTheWay(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node(1)
		n.Refuse(func(c netif.Change) error {
			if !c.Remove {
				return errors.New("not now")
			}
			return nil
		})
		n.start(conf(150, "virtual_routes {\n198.18.0.0/24 dev eth0\n}"))
		w.pass(down(150) + 100*time.Millisecond)
		n.is(Master)
		n.Refuse(nil)
		routes, _ := n.Paths()
		n.Rob()
		n.Lose(netif.Loss{ID: routes[0].ID})
		w.pass(100 * time.Millisecond)
		if !n.Has(vip) || len(n.Announcements()) == 0 {
			t.Errorf("there: %v, announced %d times", n.Has(vip), len(n.Announcements()))
		}
	})
}

// The audits of a router that is gone are gone.
func TestAnAuditEndsWithItsRouter(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node(1).start(conf(150))
		w.pass(5 * time.Second)
		n.Reload(parse(t, globals))
		synctest.Wait()
		left := make(chan int)
		n.tell(func(d *Daemon) { left <- len(d.timers.heap) })
		if got := <-left; got != 1 {
			t.Errorf("%d timers, want that of the fixtures", got)
		}
	})
}

// News of a router that is no more, such as a late refusal, may set a timer that
// was removed: nothing comes of it.
func TestATimerThatWasRemoved(t *testing.T) {
	var all timers
	var one, two timer
	all.add(&one)
	all.add(&two)
	all.remove(&two)
	all.set(&two, 5)
	if len(all.heap) != 1 || all.next() != fsm.Never {
		t.Errorf("%d timers, the next at %v", len(all.heap), all.next())
	}
}

// B-11, B-22: an address that somebody gives to a host whose router is not master
// goes again, or two hosts would answer for it. What is the host's own beside it
// stays, and so does an owner's.
func TestAnAddressThatABackupIsGiven(t *testing.T) {
	inWorld(t, func(w *world) {
		n1, n2 := pair(w)
		own := netip.MustParseAddr("192.0.2.77")
		for _, state := range []Condition{Backup, Fault} {
			n2.Adjust("eth0", func(l *netif.Link) { l.Running = state == Backup })
			synctest.Wait()
			n2.is(state)
			n2.forget()
			n2.add("eth0", netif.LinkAddress{Prefix: netip.PrefixFrom(own, 24)})
			n2.add("eth0", netif.LinkAddress{Prefix: netip.PrefixFrom(vip, 24)})
			w.pass(time.Minute) // so that nothing is suppressed
			if n2.Has(vip) || !n2.Has(own) {
				t.Errorf("%v: the virtual address is there: %v; the other: %v", state, n2.Has(vip), n2.Has(own))
			}
			if len(n2.story) != 1 || !strings.Contains(n2.story[0], "somebody has given") {
				t.Errorf("%v: told %q", state, n2.story)
			}
			n2.drop("eth0", own)
		}
		n1.is(Master)
		if !n1.Has(vip) {
			t.Error("the master has lost it")
		}
	})
	inWorld(t, func(w *world) {
		n := w.node(100).start(conf(255))
		n.SetUp("eth0", false)
		w.pass(time.Second)
		n.drop("eth0", vip)
		n.add("eth0", netif.LinkAddress{Prefix: netip.PrefixFrom(vip, 24)})
		w.pass(time.Minute)
		n.is(Fault)
		if !n.Has(vip) {
			t.Error("an owner's own address is gone")
		}
	})
}
