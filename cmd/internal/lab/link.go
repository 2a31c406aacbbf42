package lab

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink"
)

// A Port is an interface of a host and the segment that its cable leads to.
type Port struct {
	Name    string   // of the interface, as the host sees it
	Segment string   // made when first named
	Addrs   []string // with prefix lengths
}

// A cable is the far side of a port.
type cable struct {
	far string           // its name on the switch
	mac net.HardwareAddr // of the near side
}

// Attach plugs a new interface in and brings it up.
func (h *Host) Attach(p Port) error {
	l := h.lab
	l.mu.Lock()
	l.ports++
	n := l.ports
	l.mu.Unlock()

	// Locally administered, and counted, so that a capture can be read.
	c := cable{far: fmt.Sprintf("port%d", n), mac: net.HardwareAddr{2, 0, 0, 0, byte(n >> 8), byte(n)}}
	err := l.fabric.Do(func() error {
		bridge, err := segment(p.Segment)
		if err != nil {
			return err
		}
		attrs := netlink.NewLinkAttrs()
		attrs.Name, attrs.MasterIndex = c.far, bridge.Attrs().Index
		veth := &netlink.Veth{
			LinkAttrs: attrs, PeerName: p.Name, PeerHardwareAddr: c.mac, PeerNamespace: netlink.NsFd(h.ns),
		}
		if err := netlink.LinkAdd(veth); err != nil {
			return err
		}
		return netlink.LinkSetUp(veth)
	})
	if err != nil {
		return fmt.Errorf("attach %s of %s to %s: %w", p.Name, h.Name, p.Segment, err)
	}
	h.mu.Lock()
	h.cables[p.Name] = c
	h.mu.Unlock()
	if err := h.LinkUp(p.Name); err != nil {
		return err
	}
	for _, a := range p.Addrs {
		if err := h.AddAddress(p.Name, a); err != nil {
			return err
		}
	}
	return nil
}

// segment finds or makes a bridge. It runs on the switch.
func segment(name string) (netlink.Link, error) {
	if b, err := netlink.LinkByName(name); err == nil {
		return b, nil
	}
	attrs := netlink.NewLinkAttrs()
	attrs.Name = name
	// Without a querier, a snooping bridge may prune the very multicast we test.
	snooping := false
	b := &netlink.Bridge{LinkAttrs: attrs, MulticastSnooping: &snooping}
	if err := netlink.LinkAdd(b); err != nil {
		return nil, fmt.Errorf("add segment %s: %w", name, err)
	}
	if err := netlink.LinkSetUp(b); err != nil {
		return nil, fmt.Errorf("set segment %s up: %w", name, err)
	}
	return b, nil
}

// LinkUp sets an interface up.
func (h *Host) LinkUp(name string) error { return h.withLink(name, "set up", netlink.LinkSetUp) }

// LinkDown sets an interface down, as an administrator does. The kernel then
// drops its global IPv6 addresses; those of IPv4 stay.
func (h *Host) LinkDown(name string) error { return h.withLink(name, "set down", netlink.LinkSetDown) }

// Remove takes an interface out of the host, cable and all.
func (h *Host) Remove(name string) error { return h.withLink(name, "remove", netlink.LinkDel) }

// Unplug pulls the cable of an interface out of the switch: it loses its
// carrier. Plug puts it back.
func (h *Host) Unplug(name string) error { return h.cable(name, netlink.LinkSetDown) }

// Plug puts an unplugged cable back.
func (h *Host) Plug(name string) error { return h.cable(name, netlink.LinkSetUp) }

func (h *Host) cable(name string, change func(netlink.Link) error) error {
	h.mu.Lock()
	c, ok := h.cables[name]
	h.mu.Unlock()
	if !ok {
		return fmt.Errorf("%s has no cable at %s", h.Name, name)
	}
	return h.lab.fabric.withLink(c.far, "plug or unplug", change)
}

// AddAddress gives an interface an address, ready for use at once.
func (h *Host) AddAddress(name, prefix string) error {
	addr, err := netlink.ParseAddr(prefix)
	if err != nil {
		return fmt.Errorf("parse %s: %w", prefix, err)
	}
	return h.withLink(name, "add "+prefix+" to", func(link netlink.Link) error { return netlink.AddrAdd(link, addr) })
}

// RemoveAddress takes an address from an interface.
func (h *Host) RemoveAddress(name, prefix string) error {
	addr, err := netlink.ParseAddr(prefix)
	if err != nil {
		return fmt.Errorf("parse %s: %w", prefix, err)
	}
	return h.withLink(name, "remove "+prefix+" from", func(link netlink.Link) error { return netlink.AddrDel(link, addr) })
}

// MAC returns the hardware address of a port.
func (h *Host) MAC(name string) net.HardwareAddr {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.cables[name].mac
}

// Addresses returns the addresses of an interface, or of all for "".
func (h *Host) Addresses(name string) ([]netip.Prefix, error) {
	var found []netip.Prefix
	err := h.Do(func() error {
		var link netlink.Link
		if name != "" {
			var err error
			if link, err = netlink.LinkByName(name); err != nil {
				return err
			}
		}
		addrs, err := netlink.AddrList(link, netlink.FAMILY_ALL)
		for _, a := range addrs {
			ip, _ := netip.AddrFromSlice(a.IP)
			ones, _ := a.Mask.Size()
			found = append(found, netip.PrefixFrom(ip.Unmap(), ones))
		}
		return whole(err)
	})
	if err != nil {
		return found, fmt.Errorf("list addresses of %s on %s: %w", name, h.Name, err)
	}
	return found, nil
}

// whole forgives the kernel that what it lists has changed meanwhile: what was read
// is good, and the next look will see the rest.
func whole(err error) error {
	if errors.Is(err, netlink.ErrDumpInterrupted) {
		return nil
	}
	return err
}

// Has reports whether the host has every one of the addresses.
func (h *Host) Has(addrs ...netip.Addr) bool { return h.Count(addrs...) == len(addrs) }

// Count returns how many of the addresses the host has.
func (h *Host) Count(addrs ...netip.Addr) int {
	have, err := h.Addresses("")
	if err != nil {
		return 0
	}
	n := 0
	for _, a := range addrs {
		if slices.ContainsFunc(have, func(p netip.Prefix) bool { return p.Addr() == a }) {
			n++
		}
	}
	return n
}

func (h *Host) withLink(name, what string, change func(netlink.Link) error) error {
	err := h.Do(func() error {
		link, err := netlink.LinkByName(name)
		if err != nil {
			return err
		}
		return change(link)
	})
	if err != nil {
		return fmt.Errorf("%s %s on %s: %w", what, name, h.Name, err)
	}
	return nil
}

// Running reports whether an interface is up and has a carrier.
func (h *Host) Running(name string) (bool, error) {
	var running bool
	err := h.withLink(name, "look at", func(link netlink.Link) error {
		running = link.Attrs().Flags&net.FlagRunning != 0
		return nil
	})
	return running, err
}

// Sent returns how many packets have left through an interface.
func (h *Host) Sent(name string) (uint64, error) {
	return h.statistic(name, func(s *netlink.LinkStatistics) uint64 { return s.TxPackets })
}

// Received returns how many packets have come in through an interface.
func (h *Host) Received(name string) (uint64, error) {
	return h.statistic(name, func(s *netlink.LinkStatistics) uint64 { return s.RxPackets })
}

// Lost returns how many packets were lost in the cable of a port because the
// receiver's kernel had no time for them: of those that the host has sent, and of
// those for it.
func (h *Host) Lost(name string) (sent, received uint64, err error) {
	dropped := func(s *netlink.LinkStatistics) uint64 { return s.TxDropped } // veth counts them where they leave
	h.mu.Lock()
	c := h.cables[name]
	h.mu.Unlock()
	if sent, err = h.statistic(name, dropped); err == nil {
		received, err = h.lab.fabric.statistic(c.far, dropped)
	}
	return sent, received, err
}

func (h *Host) statistic(name string, which func(*netlink.LinkStatistics) uint64) (uint64, error) {
	var n uint64
	err := h.withLink(name, "count the packets of", func(link netlink.Link) error {
		if s := link.Attrs().Statistics; s != nil {
			n = which(s)
		}
		return nil
	})
	return n, err
}
