package netif

import (
	"errors"
	"fmt"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

const (
	addrGenMode = 8 // IFLA_INET6_ADDR_GEN_MODE
	addrGenNone = 1 // IN6_ADDR_GEN_MODE_NONE
)

// settle gives a device and its parent the settings that they need.
func (h *Host) settle(d Device, l Link) error {
	four, six := d.Family == IPv4, d.Family == IPv6
	errs := []error{h.inheritVRF(d.Parent, l), h.noOwnAddresses(l)}
	parents := []setting{{forwarding4, 0}}
	stacked := h.hasIPv6()
	if six && stacked {
		parents = append(parents, setting{forwarding6, 0})
	}
	// What the parent does with packets, the device does.
	forwards, err := h.readKnobs(d.Parent, h.nameOf(d.Parent), parents)
	if err != nil {
		return errors.Join(append(errs, err)...)
	}
	errs = append(errs, h.put(l.Index, h.deviceSettings4(forwards[0])...))
	switch {
	case !stacked:
	case six:
		errs = append(errs, h.put(l.Index, []setting{
			{disableIPv6, 0}, {acceptAdvertisements, 0}, {routerSolicitations, 0},
			{forwarding6, forwards[1]}, // also the R flag of its advertisements (B-12)
		}...))
	default:
		errs = append(errs, h.put(l.Index, setting{disableIPv6, 1}))
	}
	if four {
		errs = append(errs, h.quietParent(d.Parent, l))
	}
	return errors.Join(errs...)
}

// deviceSettings4 is what any device needs, for the host has IPv4 addresses
// whatever the family of the virtual router.
func (h *Host) deviceSettings4(forwards int) []setting {
	// The way back of what arrives may lead through the parent. A strict check
	// for all links gives way to a loose one only: the greater number counts.
	loose := 0
	if h.ofAll(reversePathFilter) != 0 {
		loose = 2
	}
	return []setting{
		{arpIgnore, 1},   // answer for the device's addresses alone (B-14)
		{arpAnnounce, 2}, // and never speak in the name of others
		{arpFilter, 0},   // answer although the way back may lead through the parent
		{reversePathFilter, loose},
		{promoteSecondaries, 1},
		{forwarding4, forwards},
		{sendRedirects, 0}, // they would name the wrong router (B-27)
	}
}

// quietParent keeps a parent from answering for the device's addresses (B-10)
// and from asking in their name, which would teach neighbours the wrong MAC; and
// it keeps the host from redirecting who sends to the device (B-27).
func (h *Host) quietParent(parent int, device Link) error {
	all := []setting{{arpIgnore, 1}, {arpAnnounce, 2}}
	now, err := h.readKnobs(parent, h.nameOf(parent), all)
	if err != nil {
		return err
	}
	var errs []error
	if h.ofAll(arpFilter) != 0 {
		errs = append(errs, fmt.Errorf("%s may not answer for its addresses: %s is 1", device.Name, arpFilter.of("all")))
	}
	h.knobs.mu.Lock()
	ours := h.knobs.kept[knobPlace{parent, arpIgnore}] != nil
	h.knobs.mu.Unlock()
	if !ours && (now[0] == 1 || now[0] == 2 || now[0] == 8) { // as good, or stricter
		all = all[1:]
	}
	h.knobs.mu.Lock()
	h.knobs.quiet[device.Index] = quieted{parent, len(all) == 2}
	h.knobs.mu.Unlock()
	// A device whose own setting is 0 redirects as long as that of all is 1.
	return errors.Join(append(errs, h.turn(parent, all...), h.turnAll(setting{sendRedirects, 0}))...)
}

// A quieted is what was done to a device's parent.
type quieted struct {
	link    int
	ignores bool // its arp_ignore is ours
}

// unsettle restores the parent of a device that is gone.
func (h *Host) unsettle(device int) error {
	h.knobs.mu.Lock()
	q, ok := h.knobs.quiet[device]
	delete(h.knobs.quiet, device)
	h.knobs.mu.Unlock()
	if !ok {
		return nil
	}
	names := []*knob{arpAnnounce}
	if q.ignores {
		names = append(names, arpIgnore)
	}
	return errors.Join(h.turnBack(q.link, names...), h.turnAllBack(sendRedirects))
}

// noOwnAddresses keeps IPv6 from giving a device a link-local address of its
// MAC, which all routers would have (W-15).
func (h *Host) noOwnAddresses(l Link) error {
	spec := nl.NewRtAttr(unix.IFLA_AF_SPEC, nil)
	spec.AddRtAttr(unix.AF_INET6, nil).AddRtAttr(addrGenMode, []byte{addrGenNone})
	m := nl.NewIfInfomsg(unix.AF_UNSPEC)
	m.Index = int32(l.Index)
	if err := h.changes.do(unix.RTM_SETLINK, m, spec); err != nil && !errors.Is(err, unix.EAFNOSUPPORT) {
		return fmt.Errorf("set addrgenmode of %s to none: %w", l.Name, err)
	}
	return nil
}

// inheritVRF puts a device into the VRF of its parent.
func (h *Host) inheritVRF(parent int, l Link) error {
	p, err := h.link(parent)
	if err != nil || p.Master == l.Master || p.Master == 0 {
		return err
	}
	master, err := h.link(p.Master)
	if err != nil || master.Kind != "vrf" {
		return err
	}
	m := nl.NewIfInfomsg(unix.AF_UNSPEC)
	m.Index = int32(l.Index)
	if err := h.changes.do(unix.RTM_SETLINK, m, nl.NewRtAttr(unix.IFLA_MASTER, nl.Uint32Attr(uint32(p.Master)))); err != nil {
		return fmt.Errorf("put %s into the VRF %s: %w", l.Name, master.Name, err)
	}
	return nil
}

// hasIPv6 tells whether the kernel speaks it.
func (h *Host) hasIPv6() (has bool) {
	_ = h.home.run(func() error {
		_, err := readKnob(disableIPv6.path("all"))
		has = err == nil
		return nil
	})
	return has
}
