package netif

import (
	"bytes"
	"testing"

	"github.com/vishvananda/netlink"
)

// A device on a macvlan, which is what the link of a container may be: it is made
// and found although the kernel lays it on the link below, which may be in another
// namespace. A predecessor's is adopted; a macvlan's own is not.
func TestDevicesOnAMacvlan(t *testing.T) {
	for _, abroad := range []bool{false, true} {
		_, hosts := lan(t, 2)
		a, client := hosts[0], hosts[1]
		inside := a
		if abroad {
			inside = newSpace(t)
		}
		mv := &netlink.Macvlan{LinkAttrs: netlink.LinkAttrs{
			Name: "mv0", ParentIndex: a.index("eth0"), Namespace: netlink.NsFd(inside.ns),
		}, Mode: netlink.MACVLAN_MODE_BRIDGE}
		a.must(a.netlink.LinkAdd(mv))
		inside.up(inside.link("mv0"))
		inside.add("mv0", "192.0.2.77/24")
		h := inside.host()
		d := Device{VMAC: VMAC{Kind: MACVLAN}, Parent: inside.index("mv0"), Family: IPv4, VRID: vrid}
		for _, again := range []bool{false, true} {
			m := inside.make(h, d)[0]
			if m.Link.Name != "vrrp.51" || m.Adopted != again {
				t.Fatalf("abroad %v, again %v: %+v", abroad, again, m)
			}
			inside.good(h.RaiseDevices([]int{m.Link.Index}))
			inside.good(h.Change([]Change{{Link: m.Link.Index, Address: Address{Prefix: prefix("192.0.2.20/24")}}}))
			tap := client.tap("eth0")
			tap.send("eth0", arpRequest(t, client.link("eth0").Attrs().HardwareAddr, "192.0.2.2", "192.0.2.20"))
			tap.next(func(f []byte) bool { return isARP(f, 2) && bytes.Equal(f[22:28], virtual4) })
		}
		inside.good(h.RemoveDevices([]int{inside.index("vrrp.51")}))
	}
}
