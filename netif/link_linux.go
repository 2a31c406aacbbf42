package netif

import (
	"encoding/binary"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"unsafe"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

const (
	// addressProto marks the addresses of regent (IFA_PROTO, Linux 5.18): the
	// number of the protocol. It tells what a killed predecessor left behind.
	addressProto = 112
	ifaProto     = 11 // IFA_PROTO

	skipStatistics = 1 << 3 // RTEXT_FILTER_SKIP_STATS
)

// Links returns all links with their addresses, by index.
func (h *Host) Links() ([]Link, error) {
	list, err := h.asks.dump(unix.RTM_GETLINK, nl.NewIfInfomsg(unix.AF_UNSPEC), linkFilter())
	if err != nil {
		return nil, fmt.Errorf("list links: %w", err)
	}
	links := map[int]Link{}
	for _, m := range list {
		if l, ok := parseLink(m); ok {
			links[l.Index] = l
		}
	}
	err = h.addresses(0, func(index int, a LinkAddress) {
		// A link that came between the two lists has its own event coming.
		if l, ok := links[index]; ok {
			l.Addresses = append(l.Addresses, a)
			links[index] = l
		}
	})
	if err != nil {
		return nil, err
	}
	return slices.SortedFunc(maps.Values(links), func(a, b Link) int { return a.Index - b.Index }), nil
}

// link returns one link with its addresses, or the error unix.ENODEV.
func (h *Host) link(index int) (Link, error) {
	l, err := h.bareLink(index)
	if err != nil {
		return Link{}, err
	}
	err = h.addresses(index, func(_ int, a LinkAddress) { l.Addresses = append(l.Addresses, a) })
	return l, err
}

// bareLink returns one link without its addresses, or the error unix.ENODEV.
func (h *Host) bareLink(index int) (Link, error) {
	ask := nl.NewIfInfomsg(unix.AF_UNSPEC)
	ask.Index = int32(index)
	m, err := h.asks.get(unix.RTM_GETLINK, ask, linkFilter())
	if err != nil {
		return Link{}, fmt.Errorf("look at link %d: %w", index, err)
	}
	l, ok := parseLink(m)
	if !ok {
		return Link{}, fmt.Errorf("look at link %d: no link in the answer", index)
	}
	return l, nil
}

// addresses calls each with the addresses of a link, or of all links if index
// is 0. The kernel lists IPv4 first, and primary addresses before secondary.
func (h *Host) addresses(index int, each func(index int, a LinkAddress)) error {
	ask := nl.NewIfAddrmsg(unix.AF_UNSPEC)
	ask.Index = uint32(index)
	list, err := h.asks.dump(unix.RTM_GETADDR, ask)
	if err != nil {
		return fmt.Errorf("list addresses: %w", err)
	}
	for _, m := range list {
		// A kernel without strict checking ignores the index of the request.
		if i, a, ok := parseAddress(m); ok && (index == 0 || i == index) {
			each(i, a)
		}
	}
	return nil
}

func linkFilter() nl.NetlinkRequestData {
	return nl.NewRtAttr(unix.IFLA_EXT_MASK, nl.Uint32Attr(skipStatistics))
}

// parseLink reads a message about a link. It is false for other messages,
// also for those about a bridge's ports, which look the same but for their
// family: a port that leaves its bridge is not a link that is gone.
func parseLink(m message) (l Link, ok bool) {
	if m.kind != unix.RTM_NEWLINK && m.kind != unix.RTM_DELLINK || len(m.data) < unix.SizeofIfInfomsg {
		return Link{}, false
	}
	info := (*unix.IfInfomsg)(unsafe.Pointer(&m.data[0]))
	l = Link{
		Index:     int(info.Index),
		Gone:      m.kind == unix.RTM_DELLINK,
		Up:        info.Flags&unix.IFF_UP != 0,
		Running:   info.Flags&unix.IFF_RUNNING != 0,
		NoARP:     info.Flags&unix.IFF_NOARP != 0,
		Loopback:  info.Flags&unix.IFF_LOOPBACK != 0,
		Multicast: info.Flags&unix.IFF_MULTICAST != 0,
	}
	abroad := false // the link below is in another namespace, and its index says nothing here
	for kind, data := range attributes(m.data[unix.SizeofIfInfomsg:]) {
		switch kind {
		case unix.IFLA_IFNAME:
			l.Name = unix.ByteSliceToString(data)
		case unix.IFLA_LINK:
			l.Parent = int(binary.NativeEndian.Uint32(data))
		case unix.IFLA_LINK_NETNSID:
			abroad = true
		case unix.IFLA_MASTER:
			l.Master = int(binary.NativeEndian.Uint32(data))
		case unix.IFLA_GROUP:
			l.Group = binary.NativeEndian.Uint32(data)
		case unix.IFLA_LINKINFO:
			for kind, data := range attributes(data) {
				if kind == unix.IFLA_INFO_KIND {
					l.Kind = unix.ByteSliceToString(data)
				}
			}
		case unix.IFLA_MTU:
			l.MTU = int(binary.NativeEndian.Uint32(data))
		case unix.IFLA_ADDRESS:
			l.MAC = net.HardwareAddr(slices.Clone(data))
		}
	}
	if abroad {
		l.Parent, l.abroad = 0, l.Parent
	}
	return l, info.Family == unix.AF_UNSPEC
}

// parseAddress reads a message about an address, and returns its link's index.
func parseAddress(m message) (index int, a LinkAddress, ok bool) {
	if m.kind != unix.RTM_NEWADDR && m.kind != unix.RTM_DELADDR || len(m.data) < unix.SizeofIfAddrmsg {
		return 0, LinkAddress{}, false
	}
	info := (*unix.IfAddrmsg)(unsafe.Pointer(&m.data[0]))
	flags := uint32(info.Flags)
	var local, other netip.Addr
	for kind, data := range attributes(m.data[unix.SizeofIfAddrmsg:]) {
		switch kind {
		case unix.IFA_LOCAL:
			local, _ = netip.AddrFromSlice(data)
		case unix.IFA_ADDRESS:
			other, _ = netip.AddrFromSlice(data)
		case unix.IFA_FLAGS:
			flags = binary.NativeEndian.Uint32(data)
		case ifaProto:
			a.Ours = data[0] == addressProto
		}
	}
	bits := int(info.Prefixlen)
	switch {
	case !local.IsValid(): // IPv6 without a peer
		local = other
	case other.IsValid() && other != local:
		a.Peer = netip.PrefixFrom(other, bits)
	}
	a.Prefix = netip.PrefixFrom(local, bits)
	a.Secondary = local.Is4() && flags&unix.IFA_F_SECONDARY != 0
	a.Tentative = local.Is6() && flags&unix.IFA_F_TENTATIVE != 0
	a.Failed = local.Is6() && flags&unix.IFA_F_DADFAILED != 0
	return int(info.Index), a, a.Prefix.IsValid()
}
