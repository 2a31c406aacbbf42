package netif

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"time"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

const (
	routeExpires      = 23 // RTA_EXPIRES
	routeTTLPropagate = 26 // RTA_TTL_PROPAGATE

	metricLock       = 1  // RTAX_LOCK
	metricFeatures   = 12 // RTAX_FEATURES
	metricCongestion = 16 // RTAX_CC_ALGO
	featureECN       = 1  // RTAX_FEATURE_ECN

	// defaultMetric6 is what the kernel makes of an IPv6 route without one.
	defaultMetric6 = 1024
)

// metrics are the RTAX_* numbers by keepalived's names. The kernel counts the
// round trip in eighths and its variance in quarters of a millisecond.
var metrics = map[string]struct{ number, times uint32 }{
	"mtu": {2, 1}, "window": {3, 1}, "rtt": {4, 8}, "rttvar": {5, 4}, "ssthresh": {6, 1}, "cwnd": {7, 1},
	"advmss": {8, 1}, "reordering": {9, 1}, "hoplimit": {10, 1}, "initcwnd": {11, 1}, "rto_min": {13, 1},
	"initrwnd": {14, 1}, "quickack": {15, 1}, "congctl": {metricCongestion, 1}, "fastopen_no_cookie": {17, 1},
}

func (f Family) number() int {
	if f == IPv4 {
		return unix.AF_INET
	}
	return unix.AF_INET6
}

// table returns where a route is, if no VRF says otherwise.
func (r *Route) table() uint32 {
	switch {
	case r.Table != 0:
		return r.Table
	case r.Type == unix.RTN_LOCAL || r.Type == unix.RTN_BROADCAST || r.Type == unix.RTN_ANYCAST:
		return unix.RT_TABLE_LOCAL
	default:
		return unix.RT_TABLE_MAIN
	}
}

// scope returns how far away the destination is: IPv4 wants to know, and by
// default it follows from the type, or from there being no gateway.
func (r *Route) scope(remove bool) uint8 {
	switch {
	case r.HasScope:
		return r.Scope
	case remove:
		return unix.RT_SCOPE_NOWHERE // any
	case r.Family == IPv6:
		return unix.RT_SCOPE_UNIVERSE
	case r.Type == unix.RTN_LOCAL || r.Type == unix.RTN_NAT:
		return unix.RT_SCOPE_HOST
	case r.Type == unix.RTN_BROADCAST || r.Type == unix.RTN_MULTICAST || r.Type == unix.RTN_ANYCAST,
		r.Type == unix.RTN_UNICAST && !r.Via.IsValid() && len(r.NextHops) == 0:
		return unix.RT_SCOPE_LINK
	default:
		return unix.RT_SCOPE_UNIVERSE
	}
}

func (r *Route) protocol() uint8 {
	if r.Protocol == 0 {
		return routeProto
	}
	return r.Protocol
}

// routeRequest returns the parts of RTM_NEWROUTE or RTM_DELROUTE. A removal has
// those alone that tell the route from others.
func (at places) routeRequest(r *Route, remove bool) ([]nl.NetlinkRequestData, error) {
	parts, err := at.routeIdentity(r, remove)
	if err == nil && !remove {
		parts = append(parts, r.options()...)
	}
	return parts, err
}

// routeIdentity returns what the kernel tells routes apart by: where they lead,
// and how.
func (at places) routeIdentity(r *Route, remove bool) ([]nl.NetlinkRequestData, error) {
	m := &nl.RtMsg{RtMsg: unix.RtMsg{
		Family: uint8(r.Family.number()), Tos: r.TOS, Protocol: r.protocol(), Scope: r.scope(remove), Type: r.Type,
	}}
	parts := []nl.NetlinkRequestData{m}
	add := func(kind int, data []byte) { parts = append(parts, nl.NewRtAttr(kind, data)) }
	if r.Destination.Bits() > 0 {
		m.Dst_len = uint8(r.Destination.Bits())
		add(unix.RTA_DST, r.Destination.Masked().Addr().AsSlice())
	}
	if r.From.IsValid() && r.From.Bits() > 0 {
		m.Src_len = uint8(r.From.Bits())
		add(unix.RTA_SRC, r.From.Masked().Addr().AsSlice())
	}
	table := r.table()
	if r.VRF != "" {
		vrf, err := at.find(r.VRF)
		if err != nil {
			return nil, err
		}
		table = vrf.table
	}
	add(unix.RTA_TABLE, nl.Uint32Attr(table))
	if r.Interface != "" {
		link, err := at.find(r.Interface)
		if err != nil {
			return nil, err
		}
		add(unix.RTA_OIF, nl.Uint32Attr(uint32(link.index)))
	}
	if r.HasMetric {
		add(unix.RTA_PRIORITY, nl.Uint32Attr(r.Metric))
	}
	if r.OnLink {
		m.Flags |= unix.RTNH_F_ONLINK
	}
	if len(r.NextHops) > 0 {
		hops, err := at.nextHops(r)
		if err != nil {
			return nil, err
		}
		add(unix.RTA_MULTIPATH, hops)
	} else {
		for _, a := range hopAttributes(r.Family, NextHop{Via: r.Via, Realms: r.Realms, Encap: r.Encap}) {
			parts = append(parts, a)
		}
	}
	return parts, nil
}

// options returns what a route gives to the packets that follow it.
func (r *Route) options() (parts []nl.NetlinkRequestData) {
	add := func(kind int, data []byte) { parts = append(parts, nl.NewRtAttr(kind, data)) }
	if r.Source.IsValid() {
		add(unix.RTA_PREFSRC, r.Source.AsSlice())
	}
	if a := r.Metrics.attribute(); a != nil {
		parts = append(parts, a)
	}
	if r.Expires > 0 {
		add(routeExpires, nl.Uint32Attr(uint32(r.Expires/time.Second)))
	}
	if r.Pref != "" {
		add(unix.RTA_PREF, []byte{preference(r.Pref)})
	}
	if r.Propagate != nil {
		add(routeTTLPropagate, []byte{map[bool]byte{true: 1}[*r.Propagate]})
	}
	return parts
}

// preference returns the number of a router's preference (RFC 4191).
func preference(word string) byte {
	switch word {
	case "low":
		return 3
	case "medium":
		return 0
	case "high":
		return 1
	}
	n, _ := strconv.ParseUint(word, 0, 8)
	return byte(n)
}

// hopAttributes says where a way leads, in the same words for a route's only
// one and for each of many.
func hopAttributes(f Family, hop NextHop) (as []*nl.RtAttr) {
	switch {
	case !hop.Via.IsValid():
	case FamilyOf(hop.Via) == f:
		as = append(as, nl.NewRtAttr(unix.RTA_GATEWAY, hop.Via.AsSlice()))
	default:
		family := binary.NativeEndian.AppendUint16(nil, uint16(FamilyOf(hop.Via).number()))
		as = append(as, nl.NewRtAttr(unix.RTA_VIA, append(family, hop.Via.AsSlice()...)))
	}
	if hop.Realms != 0 {
		as = append(as, nl.NewRtAttr(unix.RTA_FLOW, nl.Uint32Attr(hop.Realms)))
	}
	if hop.Encap != nil {
		kind, body := hop.Encap.attribute()
		as = append(as, nl.NewRtAttr(unix.RTA_ENCAP_TYPE, nl.Uint16Attr(kind)), body)
	}
	return as
}

// nextHops builds RTA_MULTIPATH: struct rtnexthop with attributes, many times.
func (at places) nextHops(r *Route) (b []byte, err error) {
	for _, hop := range r.NextHops {
		var link place
		if hop.Interface != "" {
			if link, err = at.find(hop.Interface); err != nil {
				return nil, err
			}
		}
		var attributes []byte
		for _, a := range hopAttributes(r.Family, hop) {
			attributes = append(attributes, a.Serialize()...)
		}
		flags := uint8(0)
		if hop.OnLink || r.OnLink {
			flags = unix.RTNH_F_ONLINK
		}
		b = binary.NativeEndian.AppendUint16(b, uint16(unix.SizeofRtNexthop+len(attributes)))
		b = append(b, flags, uint8(max(hop.Weight, 1)-1))
		b = binary.NativeEndian.AppendUint32(b, uint32(link.index))
		b = append(b, attributes...)
	}
	return b, nil
}

// attribute builds RTA_METRICS, nil if there is none.
func (m *RouteMetrics) attribute() *nl.RtAttr {
	a := nl.NewRtAttr(unix.RTA_METRICS, nil)
	lock := uint32(0)
	for name := range m.Locked {
		lock |= 1 << metrics[name].number
	}
	if lock != 0 {
		a.AddRtAttr(metricLock, nl.Uint32Attr(lock))
	}
	for name, value := range m.Set {
		a.AddRtAttr(int(metrics[name].number), nl.Uint32Attr(value*metrics[name].times))
	}
	if m.ECN {
		a.AddRtAttr(metricFeatures, nl.Uint32Attr(featureECN))
	}
	if m.Congestion != "" {
		a.AddRtAttr(metricCongestion, nl.ZeroTerminated(m.Congestion))
	}
	if a.Len() == unix.SizeofRtAttr {
		return nil
	}
	return a
}

// attribute builds RTA_ENCAP and says of which kind it is (LWTUNNEL_ENCAP_*).
// Both kinds of IP number their attributes alike.
func (e *Encap) attribute() (kind uint16, a *nl.RtAttr) {
	a = nl.NewRtAttr(unix.RTA_ENCAP, nil)
	switch e.Kind {
	case "mpls":
		var stack []byte
		for i, label := range e.Labels {
			entry := label << 12
			if i == len(e.Labels)-1 {
				entry |= 1 << 8 // bottom of the stack
			}
			stack = binary.BigEndian.AppendUint32(stack, entry)
		}
		a.AddRtAttr(1, stack)
		return 1, a
	case "ila":
		a.AddRtAttr(1, binary.BigEndian.AppendUint64(nil, e.Locator))
		return 3, a
	}
	kind = 2
	if e.Kind == "ip6" {
		kind = 4
	}
	if e.ID != 0 {
		a.AddRtAttr(1, binary.BigEndian.AppendUint64(nil, e.ID))
	}
	if e.Dst.IsValid() {
		a.AddRtAttr(2, e.Dst.AsSlice())
	}
	if e.Src.IsValid() {
		a.AddRtAttr(3, e.Src.AsSlice())
	}
	a.AddRtAttr(4, []byte{e.TTL})
	a.AddRtAttr(5, []byte{e.TOS})
	if e.Flags != 0 {
		a.AddRtAttr(6, binary.BigEndian.AppendUint16(nil, e.Flags))
	}
	return kind, a
}

// String is how a route's errors name it: "192.0.2.0/24 via 192.0.2.1 in table 100".
func (r *Route) String() string {
	s := r.Destination.String()
	if r.Destination.Bits() == 0 {
		s = fmt.Sprintf("default route of IPv%d", r.Family)
	}
	if r.Via.IsValid() {
		s += " via " + r.Via.String()
	}
	if r.Interface != "" {
		s += " dev " + r.Interface
	}
	if r.VRF != "" {
		s += " of " + r.VRF
	} else if t := r.table(); t != unix.RT_TABLE_MAIN {
		s += fmt.Sprintf(" in table %d", t)
	}
	return s
}
