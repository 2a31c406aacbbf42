package daemon

import (
	"net"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"regent/netif"
	"regent/netif/netiftest"
)

// vrf: of several links with the same address, a unicast router without an
// interface is on the one in its VRF. Without that it waits.
func TestVRF(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node(1)
		inside := netiftest.NewSegment()
		source := netip.MustParsePrefix("192.0.2.1/24")
		n.Attach(inside, "eth1", net.HardwareAddr{2, 0, 0, 0, 1, 1}, source)
		n.start(`
vrrp_instance V {
	version 3
	virtual_router_id 51
	priority 150
	vrf red
	unicast_src_ip 192.0.2.1
	unicast_peer {
		192.0.2.2
	}
	virtual_ipaddress {
		192.0.2.100/24 dev eth1
	}
}`)
		w.pass(10 * time.Second)
		n.is(Fault)
		n.said(Fault, "source address 192.0.2.1 in the VRF red")

		red := n.Attach(inside, "red", net.HardwareAddr{2, 0, 0, 0, 1, 2})
		n.Adjust("eth1", func(l *netif.Link) { l.Master = red })
		synctest.Wait()
		w.pass(10 * time.Second)
		n.is(Master)
		if len(inside.Adverts()) == 0 || len(w.segment.Adverts()) != 0 {
			t.Errorf("%d adverts inside, %d outside", len(inside.Adverts()), len(w.segment.Adverts()))
		}
		n.Adjust("eth1", func(l *netif.Link) { l.Master = 0 })
		w.pass(time.Second)
		n.is(Fault)
	})
}
