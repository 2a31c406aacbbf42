package daemon

import (
	"net"
	"net/netip"
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
