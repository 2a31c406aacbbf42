package daemon

import (
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"regent/netif"
	"regent/netif/netiftest"
	"regent/vrrp"
)

// use_vmac of an address on another link: its device is there while the address
// is configured and the link exists, whatever happens in between, and is down
// unless the router is master.
func TestADeviceForOneAddress(t *testing.T) {
	inWorld(t, func(w *world) {
		n, beyond := w.node(1), netiftest.NewSegment()
		plug := func() {
			n.Attach(beyond, "eth1", net.HardwareAddr{2, 0, 0, 0, 1, 1}, netip.MustParsePrefix("198.51.100.1/24"))
		}
		plug()
		other := netip.MustParseAddr("198.51.100.100")
		with := conf(150, "virtual_ipaddress_excluded {\n\t198.51.100.100/24 dev eth1 use_vmac\n}")
		device := func(there, up bool) {
			t.Helper()
			l, ok := n.link("vrrp.51")
			if ok != there || ok && l.Up != up {
				t.Errorf("%v: device %v, there %v, want %v and %v", w.now(), l, ok, there, up)
			}
			if want := there && up; n.Has(other) != want {
				t.Errorf("%v: the address is there: %v", w.now(), !want)
			}
		}
		n.start(with)
		device(true, false)
		w.pass(10 * time.Second)
		n.is(Master)
		device(true, true)
		as := n.Announcements()
		last := as[len(as)-1]
		if eth1, _ := n.link("eth1"); last.Addr != other || last.Link != eth1.Index || last.MAC.String() != vrrp.VirtualMAC(false, 51).String() {
			t.Errorf("announced %+v", last)
		}

		n.Reload(parse(t, conf(150)))
		w.pass(time.Second)
		device(false, false)
		n.Reload(parse(t, with))
		w.pass(time.Second)
		device(true, true)

		n.Host.Remove("vrrp.51")
		w.pass(time.Second)
		device(true, true)

		n.Host.Remove("vrrp.51") // they go together
		n.Host.Remove("eth1")
		w.pass(time.Second)
		n.is(Fault)
		device(false, false)
		plug()
		w.pass(10 * time.Second)
		n.is(Master)
		device(true, true)

		n.stop()
		device(false, false)
	})
}

// use_vmac concerns a router's own family: an address of the other one lives on the
// interface itself, as keepalived has it, unless its line says use_vmac.
func TestAddressesOfTheOtherFamily(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node(1)
		plain, own := netip.MustParseAddr("2001:db8::100"), netip.MustParseAddr("2001:db8::101")
		conf := conf(150, "use_vmac", "virtual_ipaddress_excluded {\n2001:db8::100/64\n2001:db8::101/64 use_vmac\n192.0.2.101/24\n}")
		eth0, _ := n.link("eth0")
		n.start(conf)
		w.pass(5 * time.Second)
		n.is(Master)
		for name, want := range map[string][]netip.Addr{
			"eth0": {plain}, "vrrp.51": {vip, netip.MustParseAddr("192.0.2.101")}, "vrrp1.51": {own},
		} {
			l, _ := n.link(name)
			for _, a := range want {
				if !slices.ContainsFunc(l.Addresses, func(x netif.LinkAddress) bool { return x.Prefix.Addr() == a }) {
					t.Errorf("%v is not on %s: %v", a, name, l.Addresses)
				}
			}
		}
		for _, a := range n.Announcements() {
			want := vrrp.VirtualMAC(a.Addr.Is6(), 51)
			if a.Addr == plain {
				want = eth0.MAC
			}
			if a.MAC.String() != want.String() {
				t.Errorf("%v is announced at %v, want %v", a.Addr, a.MAC, want)
			}
		}
		n.drop("eth0", plain)
		w.pass(time.Second)
		if !n.Has(plain) {
			t.Error("it is not put back")
		}
		n.stop()
		if n.Has(plain) || n.Has(own) {
			t.Error("something is left behind")
		}
	})
}

// link returns one of a node's links as it is now.
func (n *node) link(name string) (found netif.Link, ok bool) {
	n.w.Helper()
	all, err := n.Links()
	if err != nil {
		n.w.Fatal(err)
	}
	for _, l := range all {
		if l.Name == name {
			return l, true
		}
	}
	return found, false
}
