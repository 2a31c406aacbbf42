package daemon

import (
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// members is a configuration of the instances V and W, on eth0 and eth1, in the
// sync group G.
func members(priority string, first, second string) string {
	return globals + "vrrp_sync_group G {\ngroup {\nV\nW\n}\n}\n" +
		instance("V", "eth0", 51, first, priority) + instance("W", "eth1", 52, second, priority)
}

// wide gives a node a second link with an address.
func (n *node) wide() *node {
	n.Attach(n.w.segment, "eth1", []byte{2, 0, 0, 0, 1, 1}, netip.MustParsePrefix("198.51.100.1/24"))
	return n
}

// S-30: who ends with its group does not begin first because another one that
// kept it from taking part has ended before it.
func TestNobodyBeginsInTheEnd(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node(1).wide()
		n.SetUp("eth0", false)
		n.start(members("priority 255", "192.0.2.100/24", "198.51.100.100/24"))
		w.pass(5 * time.Second)
		n.is(Fault)
		n.forget()
		n.stop()
		n.told()
		if sent := n.heard(); sent != nil {
			t.Errorf("%d adverts were sent", len(sent))
		}
	})
}

// A member that a reload takes out of its group sets the others free: they begin
// once, when the reload is through.
func TestAMemberThatLeavesItsGroup(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node(1).wide()
		n.SetUp("eth0", false)
		n.start(members("priority 255", "192.0.2.100/24", "198.51.100.100/24"))
		w.pass(5 * time.Second)
		n.forget()
		n.Reload(parse(t, globals+instance("W", "eth1", 52, "198.51.100.100/24", "priority 255")))
		synctest.Wait()
		n.told(
			`5s (W) Entering MASTER STATE was=FAULT reason="started as the owner of the addresses"`,
			`5s reloaded instances=1 new=0 changed=0 removed=1`)
		for _, a := range n.heard() {
			if a.Priority == 0 {
				t.Error("it has resigned in between")
			}
		}
	})
}

// O-9: what a router that is removed from the configuration leaves to its sibling,
// a master, never leaves the link, and the sibling goes on.
func TestAnAddressThatASiblingLeavesBehind(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node(1).wide()
		n.start(members("priority 150", "192.0.2.100/24", "198.51.100.100/24\n192.0.2.101/24 dev eth0"))
		w.pass(5 * time.Second)
		before := len(n.Changes())
		n.Reload(parse(t, globals+instance("V", "eth0", 51, "192.0.2.100/24\n192.0.2.101/24", "priority 150")))
		w.pass(time.Second)
		n.is(Master)
		for _, c := range n.Changes()[before:] {
			if c.Remove && c.Address.Prefix.Addr() != netip.MustParseAddr("198.51.100.100") {
				t.Errorf("%v is removed", c.Address.Prefix)
			}
		}
		if !n.Has(netip.MustParseAddr("192.0.2.101")) {
			t.Error("the address is not there")
		}
	})
}

// A group that is configured no more is told of no more, though its only member
// goes on.
func TestAGroupThatIsNoMore(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node(1).start(conf(150) + "vrrp_sync_group G {\ngroup {\nV\n}\n}\n")
		w.pass(5 * time.Second)
		n.is(Master)
		n.Reload(parse(t, conf(150)))
		synctest.Wait()
		n.is(Master)
		before := len(n.events)
		n.SetUp("eth0", false)
		synctest.Wait()
		for _, e := range n.events[before:] {
			if strings.Contains(e, "GROUP") {
				t.Errorf("told %s", e)
			}
		}
	})
}
