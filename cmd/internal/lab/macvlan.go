package lab

import (
	"fmt"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
)

// AddMacvlan puts a second interface on top of another, with a MAC address of
// its own: where a daemon that does not make them itself wants its virtual MAC.
// It has no IPv6 link-local address but those of addrs, because one that is
// derived from a virtual MAC is the same on every router (W-15).
func (h *Host) AddMacvlan(name, parent string, mac net.HardwareAddr, addrs ...string) error {
	err := h.withLink(parent, "stack "+name+" on", func(on netlink.Link) error {
		attrs := netlink.NewLinkAttrs()
		attrs.Name, attrs.ParentIndex, attrs.HardwareAddr = name, on.Attrs().Index, mac
		return netlink.LinkAdd(&netlink.Macvlan{LinkAttrs: attrs, Mode: netlink.MACVLAN_MODE_BRIDGE})
	})
	if err != nil {
		return err
	}
	if err := h.Sysctl("net/ipv6/conf/"+name+"/addr_gen_mode", "1"); err != nil {
		return err
	}
	if err := h.LinkUp(name); err != nil {
		return err
	}
	for _, a := range addrs {
		if err := h.AddAddress(name, a); err != nil {
			return err
		}
	}
	return nil
}

// Neighbor returns the MAC address that the host believes an address to have,
// nil if it knows none.
func (h *Host) Neighbor(addr netip.Addr) (net.HardwareAddr, error) {
	var mac net.HardwareAddr
	err := h.Do(func() error {
		list, err := netlink.NeighList(0, netlink.FAMILY_ALL)
		if whole(err) != nil {
			return fmt.Errorf("list neighbors of %s: %w", h.Name, err)
		}
		for _, n := range list {
			ip, _ := netip.AddrFromSlice(n.IP)
			if ip.Unmap() == addr && len(n.HardwareAddr) == 6 && n.State&(netlink.NUD_FAILED|netlink.NUD_INCOMPLETE) == 0 {
				mac = n.HardwareAddr
			}
		}
		return nil
	})
	return mac, err
}
