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
	ipvlan      = "ipvlan"
	macvlanMode = 1 // IFLA_MACVLAN_MODE
	ipvlanMode  = 1 // IFLA_IPVLAN_MODE: 0, frames of the link layer, as keepalived has it
	ipvlanFlags = 2 // IFLA_IPVLAN_FLAGS

	// In private mode, keepalived's, the kernel hands a multicast frame that
	// carries a device's own address as its source to that device alone. The
	// parent, where adverts are heard, would then never hear of a second
	// master, who sends from the same virtual MAC. In this mode it does.
	macvlanVEPA = 2
)

// ipvlanModes are the flags by which ipvlans on the same parent hear each other.
var ipvlanModes = map[string]uint16{"": 0, "bridge": 0, "private": 1, "vepa": 2}

// MakeDevices makes macvlans with virtual MACs and ipvlans, which have their
// parent's, or adopts what a predecessor left: a macvlan with the same parent
// and MAC, an ipvlan with the same parent and name. It returns what became of
// each and nil if all went well, else an error or nil for each, like
// "make vrrp.51 on eth0: file exists" and, where the kernel has none,
// "make ipvlan vrrp.51 on eth0: operation not supported".
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
			h.journal.made(made[i].Link.Index, p.deed())
		}
		if p.err != nil && errs[i] == nil {
			errs[i] = fmt.Errorf("make %s on %s: %w", p.title(), before.nameOf(p.Parent), p.err)
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
// routers. The kernel then removes the IPv6 addresses of the device by itself.
// It takes some 10 ms a device, for the kernel waits for all processors; so
// does RemoveDevices, twice.
func (h *Host) LowerDevices(links []int) []error { return h.power(links, "bring down", 0) }

func (h *Host) power(links []int, deed string, flags uint32) []error {
	errs := make([]error, len(links))
	h.changes.batch(len(links), func(i, ack int) []byte {
		m := nl.NewIfInfomsg(unix.AF_UNSPEC)
		m.Index, m.Flags, m.Change = int32(links[i]), flags, unix.IFF_UP
		return h.changes.request(unix.RTM_SETLINK, ack, m)
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
		return h.changes.request(unix.RTM_DELLINK, ack, m)
	}, func(i int, err error) {
		if !errors.Is(err, unix.ENODEV) {
			errs[i] = fmt.Errorf("remove %s: %w", h.nameOf(links[i]), err)
		}
	})
	for i, l := range links {
		if errs[i] == nil {
			h.journal.unmade(l)
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
	if l, ok := s.at(index); ok {
		return l.Name
	}
	return fmt.Sprintf("link %d", index)
}

func (s *survey) at(index int) (Link, bool) {
	for _, l := range s.links {
		if l.Index == index {
			return l, true
		}
	}
	return Link{}, false
}

// liesOn reports whether a device was made on a link. The kernel lays one that is
// made on a device of its own kind, as containers have, beside that one: on what
// that one lies on, in whatever namespace.
func (l Link) liesOn(parent Link) bool {
	if parent.Kind == l.Kind {
		return l.Index != parent.Index && l.Parent == parent.Parent && l.abroad == parent.abroad
	}
	return l.Parent == parent.Index && l.Parent != 0
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

// title names the device for errors.
func (p *plan) title() string {
	if p.Kind == IPVLAN {
		return ipvlan + " " + p.name
	}
	return p.name
}

// kind is what the kernel calls the kind of device.
func (p *plan) kind() string {
	if p.Kind == IPVLAN {
		return ipvlan
	}
	return macvlan
}

// adopts reports whether a predecessor's link is what the plan asks for.
func (p *plan) adopts(l Link, prefix string) bool {
	if l.Kind != p.kind() || !l.liesOn(p.parent) {
		return false
	}
	if p.Kind == MACVLAN {
		return l.MAC.String() == p.mac.String()
	}
	return l.Name == p.name || p.name == "" && l.Name == fmt.Sprintf("%s.%d", prefix, p.VRID)
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
		p.parent, _ = s.at(d.Parent)
		for _, l := range s.links {
			if p.adopts(l, d.prefix()) {
				p.adopt, p.name = l.Index, l.Name
			}
		}
		if p.name == "" {
			p.name = s.freeName(d)
		}
		if p.Kind == IPVLAN {
			continue
		}
		key := fmt.Sprint(d.Parent, p.mac)
		if taken[key] {
			errs[i] = fmt.Errorf("make %s on %s: another device has the address %v", p.name, s.nameOf(d.Parent), p.mac)
			p.err = errs[i]
		}
		taken[key] = true
	}
	return plans
}

// freeName is vrrp.VRID, or vrrp6.VRID for an IPv6 router if that is taken, or
// the first free one of vrrp1.VRID, vrrp2.VRID and so on.
func (s *survey) freeName(d Device) string {
	prefix := d.prefix()
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

func (d *Device) prefix() string {
	if d.Prefix == "" {
		return "vrrp"
	}
	return d.Prefix
}

// find returns the link that came of a plan.
func (s *survey) find(p *plan) (Link, error) {
	for _, l := range s.links {
		if l.Name == p.name && l.Kind == p.kind() && l.liesOn(p.parent) {
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
	notes := h.journal.expect(len(todo), func(i int) (string, bool) {
		if todo[i].adopt != 0 { // it stands in the journal already, or is not of our making
			return "", false
		}
		return todo[i].deed(), false
	})
	h.changes.batch(len(todo), func(i, ack int) []byte { return request(todo[i], ack) },
		func(i int, err error) {
			todo[i].err = err
			notes.refused(i, err)
		})
	notes.settle()
}

// makeRequest builds the message that makes a device, down, or that brings an
// adopted one down and into the right mode.
func (h *Host) makeRequest(p *plan, ack int) []byte {
	info := nl.NewRtAttr(unix.IFLA_LINKINFO, nil)
	info.AddRtAttr(unix.IFLA_INFO_KIND, nl.NonZeroTerminated(p.kind()))
	data := info.AddRtAttr(unix.IFLA_INFO_DATA, nil)
	if p.Kind == IPVLAN {
		data.AddRtAttr(ipvlanMode, nl.Uint16Attr(0))
		data.AddRtAttr(ipvlanFlags, nl.Uint16Attr(ipvlanModes[p.Mode]))
	} else {
		data.AddRtAttr(macvlanMode, nl.Uint32Attr(macvlanVEPA))
	}
	m := nl.NewIfInfomsg(unix.AF_UNSPEC)
	if p.adopt != 0 {
		m.Index, m.Change = int32(p.adopt), unix.IFF_UP
		return h.changes.request(unix.RTM_NEWLINK, ack, m, info)
	}
	parts := []nl.NetlinkRequestData{
		m,
		nl.NewRtAttr(unix.IFLA_IFNAME, nl.ZeroTerminated(p.name)),
		nl.NewRtAttr(unix.IFLA_LINK, nl.Uint32Attr(uint32(p.Parent))),
		info,
	}
	if p.Kind == MACVLAN {
		parts = append(parts, nl.NewRtAttr(unix.IFLA_ADDRESS, p.mac))
	}
	group := p.Group
	if group == 0 {
		group = p.parent.Group
	}
	if group != 0 {
		parts = append(parts, nl.NewRtAttr(unix.IFLA_GROUP, nl.Uint32Attr(group)))
	}
	return h.changes.request(unix.RTM_NEWLINK, ack|unix.NLM_F_CREATE|unix.NLM_F_EXCL, parts...)
}
