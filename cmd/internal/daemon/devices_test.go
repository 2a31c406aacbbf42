package daemon

import (
	"context"
	"net/netip"
	"strings"
	"testing"
	"time"

	"regent/netif"
)

// B-23: packets to a link-local address are refused before it comes, also on a
// device that was made again under a master, and of which the kernel has not told
// yet.
func TestARefusalComesBeforeItsAddress(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node(1)
		n.add("eth0", linkAddress(netip.MustParsePrefix("fe80::1/64")))
		g := newGrip(n.Host)
		g.shy = map[netip.Addr]bool{netip.MustParseAddr("fe80::100"): true}
		n.run(g, lateGrip{g}, parse(t, strings.Replace(conf(150, "use_vmac", "no_accept"), "192.0.2.100/24", "fe80::100/64", 1)))
		defer n.stop()
		w.pass(5 * time.Second)
		n.is(Master)
		n.Host.Remove("vrrp.51")
		w.pass(5 * time.Second)
		if !n.Has(netip.MustParseAddr("fe80::100")) {
			t.Error("the address is not there")
		}
		if g.wrong != nil {
			t.Error(g.wrong)
		}
	})
}

// A lateGrip tells of links half a second late.
type lateGrip struct{ *grip }

func (l lateGrip) Watch(ctx context.Context, report func([]netif.Link)) error {
	return late{l.host}.Watch(ctx, report)
}

// A predecessor's device that is found when the router is master already does not
// cost it what it holds.
func TestADeviceThatAMasterAdopts(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node(1).wide()
		g := newGrip(n.Host)
		cfg := func() string {
			return conf(255, "virtual_ipaddress_excluded {\n198.51.100.100/24 dev eth1 use_vmac\n}")
		}
		n.run(g, g, parse(t, cfg()))
		w.pass(5 * time.Second)
		g.dead.Store(true)
		n.stop()
		n.Die()
		g = newGrip(n.Host)
		n.run(g, &adopting{grip: g}, parse(t, cfg()))
		defer n.stop()
		w.pass(100 * time.Millisecond)
		n.is(Master)
		if !n.Has(vip) || !n.Has(netip.MustParseAddr("198.51.100.100")) {
			t.Errorf("there: %v and %v", n.Has(vip), n.Has(netip.MustParseAddr("198.51.100.100")))
		}
	})
}

// adopting takes its time to make devices.
type adopting struct{ *grip }

func (a *adopting) MakeDevices(devices []netif.Device) ([]netif.Made, []error) {
	time.Sleep(50 * time.Millisecond) // virtual
	return a.grip.MakeDevices(devices)
}
