package netif

import (
	"errors"
	"fmt"
	"net"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"regent/vrrp"
)

const (
	macvlan     = "macvlan"
	macvlanMode = 1 // IFLA_MACVLAN_MODE

	// In private mode, keepalived's, the kernel hands a multicast frame that
	// carries a device's own address as its source to that device alone. The
	// parent, where adverts are heard, would then never hear of a second
	// master, who sends from the same virtual MAC. In this mode it does.
	macvlanVEPA = 2

	addrGenNone = 1 // IN6_ADDR_GEN_MODE_NONE
)

// MakeDevices makes macvlans with virtual MACs, or adopts those with the same
// parent and MAC that a predecessor left. It returns what became of each and
// nil if all went well, else an error or nil for each, like
// "make vrrp.51 on eth0: file exists".
//
// A device is down, and stays so until RaiseDevices. A Backup keeps it down:
// that alone proves that it sends no frame with the virtual MAC (B-6), answers
// for nothing (B-11), and neither accepts nor forwards what is sent to it
// (B-21). It has no address of its own, not even a link-local one: an advert
// leaves as a frame by the parent, from the parent's address (W-15), whether
// the device is up or not.
func (h *Host) MakeDevices(devices []Device) ([]Made, []error) {
	before, err := h.survey()
	if err != nil {
		return make([]Made, len(devices)), fill(len(devices), err)
	}
	made, errs := make([]Made, len(devices)), make([]error, len(devices))
	plans := before.plan(devices, errs)
	h.carryOut(plans, h.makeRequest)
	after, err := h.survey()
	if err != nil {
		return made, fill(len(devices), err)
	}
	for i, p := range plans {
		if p.err == nil && errs[i] == nil {
			made[i].Link, p.err = after.find(p)
			made[i].Adopted = p.adopt != 0
		}
		if p.err != nil && errs[i] == nil {
			errs[i] = fmt.Errorf("make %s on %s: %w", p.name, before.nameOf(p.Parent), p.err)
		}
		if errs[i] == nil {
			made[i].Unset = h.settle(p.Device, made[i].Link)
		}
	}
	return made, anyOf(errs)
}

// RaiseDevices brings devices up, for a master: they answer for the addresses
// that they are given.
func (h *Host) RaiseDevices(links []int) []error { return h.power(links, "bring up", unix.IFF_UP) }

// LowerDevices brings devices down. Done before the addresses are removed, it
// makes a master fall silent at once, without a last word to multicast
// routers.
func (h *Host) LowerDevices(links []int) []error { return h.power(links, "bring down", 0) }

func (h *Host) power(links []int, deed string, flags uint32) []error {
	errs := make([]error, len(links))
	h.changes.batch(len(links), func(i, ack int) []byte {
		m := nl.NewIfInfomsg(unix.AF_UNSPEC)
		m.Index, m.Flags, m.Change = int32(links[i]), flags, unix.IFF_UP
		return h.changes.request(unix.RTM_SETLINK, ack, 0, m)
	}, func(i int, err error) {
		if flags != 0 || !errors.Is(err, unix.ENODEV) { // gone is down
			errs[i] = fmt.Errorf("%s %s: %w", deed, h.nameOf(links[i]), err)
		}
	})
	return anyOf(errs)
}

// RemoveDevices removes devices, also adopted ones, and restores the settings
// of their parents. One that is gone already is a success.
func (h *Host) RemoveDevices(links []int) []error {
	errs := make([]error, len(links))
	h.changes.batch(len(links), func(i, ack int) []byte {
		m := nl.NewIfInfomsg(unix.AF_UNSPEC)
		m.Index = int32(links[i])
		return h.changes.request(unix.RTM_DELLINK, ack, 0, m)
	}, func(i int, err error) {
		if !errors.Is(err, unix.ENODEV) {
			errs[i] = fmt.Errorf("remove %s: %w", h.nameOf(links[i]), err)
		}
	})
	for i, l := range links {
		if errs[i] == nil {
			errs[i] = h.unsettle(l)
		}
	}
	return anyOf(errs)
}

// A survey is the links of the host, as they matter for new ones.
type survey struct {
	links []Link
	names map[string]bool
}

func (h *Host) survey() (*survey, error) {
	links, err := h.Links()
	s := &survey{links: links, names: map[string]bool{}}
	for _, l := range links {
		s.names[l.Name] = true
	}
	return s, err
}

func (s *survey) nameOf(index int) string {
	for _, l := range s.links {
		if l.Index == index {
			return l.Name
		}
	}
	return fmt.Sprintf("link %d", index)
}

// A plan is a device with all that was left open decided.
type plan struct {
	Device
	name   string
	mac    net.HardwareAddr
	parent Link
	adopt  int // index of the predecessor's; 0: none
	err    error
}

// plan decides on names, MACs and adoptions. Those that cannot be made have
// their error at once.
func (s *survey) plan(devices []Device, errs []error) []*plan {
	for _, d := range devices {
		s.names[d.Name] = true // no device without a name may take it
	}
	taken := map[string]bool{} // parent and MAC
	var plans []*plan
	for i, d := range devices {
		p := &plan{Device: d, name: d.Name, mac: d.MAC}
		plans = append(plans, p)
		if p.mac == nil {
			p.mac = vrrp.VirtualMAC(d.Family == IPv6, d.VRID)
		}
		for _, l := range s.links {
			switch {
			case l.Index == d.Parent:
				p.parent = l
			case l.Kind == macvlan && l.Parent == d.Parent && l.MAC.String() == p.mac.String():
				p.adopt, p.name = l.Index, l.Name
			}
		}
		if p.name == "" {
			p.name = s.freeName(d)
		}
		key := fmt.Sprint(d.Parent, p.mac)
		switch {
		case d.Kind != MACVLAN:
			errs[i] = fmt.Errorf("make %s on %s: this kind of device is not supported", p.name, s.nameOf(d.Parent))
		case taken[key]:
			errs[i] = fmt.Errorf("make %s on %s: another device has the address %v", p.name, s.nameOf(d.Parent), p.mac)
		}
		taken[key] = true
		if errs[i] != nil {
			p.err = errs[i]
		}
	}
	return plans
}

// freeName is vrrp.VRID, or vrrp6.VRID for an IPv6 router if that is taken, or
// the first free one of vrrp1.VRID, vrrp2.VRID and so on.
func (s *survey) freeName(d Device) string {
	prefix := d.Prefix
	if prefix == "" {
		prefix = "vrrp"
	}
	name := fmt.Sprintf("%s.%d", prefix, d.VRID)
	if s.names[name] && d.Family == IPv6 {
		name = fmt.Sprintf("%s6.%d", prefix, d.VRID)
	}
	for n := 1; s.names[name]; n++ {
		name = fmt.Sprintf("%s%d.%d", prefix, n, d.VRID)
	}
	s.names[name] = true
	return name
}

// find returns the link that came of a plan.
func (s *survey) find(p *plan) (Link, error) {
	for _, l := range s.links {
		if l.Name == p.name && l.Kind == macvlan && l.Parent == p.Parent {
			return l, nil
		}
	}
	return Link{}, errors.New("it is not there")
}

// carryOut sends a request for each plan that has no error yet.
func (h *Host) carryOut(plans []*plan, request func(p *plan, ack int) []byte) {
	var todo []*plan
	for _, p := range plans {
		if p.err == nil {
			todo = append(todo, p)
		}
	}
	h.changes.batch(len(todo), func(i, ack int) []byte { return request(todo[i], ack) },
		func(i int, err error) { todo[i].err = err })
}

// makeRequest builds the message that makes a device, down, or that brings an
// adopted one down and into the right mode.
func (h *Host) makeRequest(p *plan, ack int) []byte {
	info := nl.NewRtAttr(unix.IFLA_LINKINFO, nil)
	info.AddRtAttr(unix.IFLA_INFO_KIND, nl.NonZeroTerminated(macvlan))
	info.AddRtAttr(unix.IFLA_INFO_DATA, nil).AddRtAttr(macvlanMode, nl.Uint32Attr(macvlanVEPA))
	m := nl.NewIfInfomsg(unix.AF_UNSPEC)
	if p.adopt != 0 {
		m.Index, m.Change = int32(p.adopt), unix.IFF_UP
		return h.changes.request(unix.RTM_NEWLINK, ack, 0, m, info)
	}
	parts := []nl.NetlinkRequestData{
		m,
		nl.NewRtAttr(unix.IFLA_IFNAME, nl.ZeroTerminated(p.name)),
		nl.NewRtAttr(unix.IFLA_LINK, nl.Uint32Attr(uint32(p.Parent))),
		nl.NewRtAttr(unix.IFLA_ADDRESS, p.mac),
		info,
	}
	group := p.Group
	if group == 0 {
		group = p.parent.Group
	}
	if group != 0 {
		parts = append(parts, nl.NewRtAttr(unix.IFLA_GROUP, nl.Uint32Attr(group)))
	}
	return h.changes.request(unix.RTM_NEWLINK, ack|unix.NLM_F_CREATE|unix.NLM_F_EXCL, 0, parts...)
}

// settle gives a device and its parent the settings that they need.
func (h *Host) settle(d Device, l Link) error {
	four, six := d.Family == IPv4 || d.Both, d.Family == IPv6 || d.Both
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
// and from asking in their name, which would teach neighbours the wrong MAC.
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
	return errors.Join(append(errs, h.turn(parent, all...))...)
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
	return h.turnBack(q.link, names...)
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

// fill returns n times the same error.
func fill(n int, err error) []error {
	errs := make([]error, n)
	for i := range errs {
		errs[i] = err
	}
	return errs
}

// anyOf returns nil if there is no error among the errors.
func anyOf(errs []error) []error {
	for _, err := range errs {
		if err != nil {
			return errs
		}
	}
	return nil
}
