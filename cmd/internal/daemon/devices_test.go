package daemon

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"regent/netif"
	"regent/netif/netiftest"
	"regent/vrrp"
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

// B-10: the device of a virtual MAC that somebody brings down under a master, or
// gives another MAC or name, would answer nobody: it is put right at once. That
// of a backup may be down; another one's MAC it does not keep.
func TestADeviceThatSomebodySpoils(t *testing.T) {
	for _, test := range []struct {
		name  string
		spoil func(*netif.Link)
	}{
		{"down", func(l *netif.Link) { l.Up, l.Running = false, false }},
		{"another MAC", func(l *netif.Link) { l.MAC = net.HardwareAddr{2, 0, 0, 0, 0, 9} }},
		{"another name", func(l *netif.Link) { l.Name = "mine" }},
	} {
		t.Run(test.name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				n := w.node(1).wide()
				n.start(conf(150, "use_vmac", "virtual_ipaddress_excluded {\n198.51.100.100/24 dev eth1 use_vmac\n}"))
				w.pass(5 * time.Second)
				n.is(Master)
				for name, addr := range map[string]netip.Addr{"vrrp.51": vip, "vrrp1.51": netip.MustParseAddr("198.51.100.100")} {
					n.forget()
					before := len(n.Announcements())
					n.Adjust(name, test.spoil)
					w.pass(10 * time.Second)
					l, ok := n.link(name)
					if !ok || !l.Up || l.MAC.String() != vrrp.VirtualMAC(false, 51).String() || !n.Has(addr) {
						t.Errorf("%s is %+v", name, l)
					}
					if _, ok := n.link("mine"); ok {
						t.Error("the old one is still there")
					}
					if !slices.ContainsFunc(n.Announcements()[before:], func(a netiftest.Announcement) bool { return a.Addr == addr }) {
						t.Errorf("%v was not announced", addr)
					}
					if n.is(Master); len(n.story) != 1 || !strings.Contains(n.story[0], "somebody") {
						t.Errorf("told %q", n.story)
					}
				}
			})
		})
	}
}

// What keeps a router from its devices, or from hearing, may end without any news
// of its link: a name that another device has, a kernel that is short of memory. It
// is tried again, less and less often, and told once.
func TestADeviceThatCannotBeMadeYet(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node(1).wide()
		g := &reluctant{grip: newGrip(n.Host)}
		g.refuse.Store(true)
		n.run(g, g, parse(t, conf(150, "use_vmac", "virtual_ipaddress_excluded {\n198.51.100.100/24 dev eth1 use_vmac\n}")))
		defer n.stop()
		n.is(Fault)
		n.said(Fault, "no room")
		n.forget()
		w.pass(10 * time.Minute)
		if len(n.story) > 0 || g.tries < 10 || g.tries > 60 {
			t.Errorf("after %d attempts it tells %q", g.tries, n.story)
		}
		g.refuse.Store(false)
		w.pass(auditMost + 5*time.Second)
		n.is(Master)
		if !n.Has(vip) || !n.Has(netip.MustParseAddr("198.51.100.100")) {
			t.Errorf("there: %v and %v", n.Has(vip), n.Has(netip.MustParseAddr("198.51.100.100")))
		}
	})
}

// reluctant refuses to make devices.
type reluctant struct {
	*grip
	refuse atomic.Bool
	tries  int
}

func (r *reluctant) MakeDevices(devices []netif.Device) ([]netif.Made, []error) {
	if !r.refuse.Load() {
		return r.grip.MakeDevices(devices)
	}
	r.tries++
	return make([]netif.Made, len(devices)), slices.Repeat([]error{errNoRoom}, len(devices))
}
