package netif

import (
	"net/netip"
	"time"
)

// A Route is one that a virtual router holds while master (virtual_routes), or
// that the daemon keeps while it runs (static_routes).
type Route struct {
	Family      Family
	Type        uint8        // RTN_*: 1 unicast, 6 blackhole, 7 unreachable, 8 prohibit, 9 throw
	Destination netip.Prefix // the default route has length 0
	From        netip.Prefix // from, IPv6 only; invalid: none
	Via         netip.Addr   // via; may be of the other family; invalid: none
	Source      netip.Addr   // src; invalid: the kernel's choice
	Interface   string       // dev; empty: the kernel's choice
	VRF         string       // vrf: the device whose table is meant
	Table       uint32       // table; 0: main
	Scope       uint8        // scope; HasScope
	HasScope    bool
	Metric      uint32 // metric
	HasMetric   bool
	Protocol    uint8 // protocol; 0: regent's own
	TOS         uint8
	OnLink      bool
	NextHops    []NextHop // nexthop; empty: Via alone
	Metrics     RouteMetrics
	Realms      uint32        // from<<16 | to; 0: none
	Expires     time.Duration // expires, IPv6 only; 0: never
	Pref        string        // pref, IPv6 only: low, medium, high or a number; empty: medium
	Propagate   *bool         // ttl-propagate; nil: the kernel's choice
	Encap       *Encap        // encap; nil: none
	Insert      Insertion     // add, prepend, append
	NoTrack     bool          // no_track
	TrackGroup  string        // track_group, of static ones
}

// An Insertion says how a route is put among others like it.
type Insertion uint8

const (
	Prepend Insertion = iota
	Append
	Add
)

// A NextHop is one of the ways of a multipath route.
type NextHop struct {
	Via       netip.Addr
	Interface string
	Weight    int // 1 to 256
	OnLink    bool
	Realms    uint32
	Encap     *Encap
}

// RouteMetrics are the numbers that a route gives to its connections; one that
// is missing is the kernel's own.
type RouteMetrics struct {
	Set        map[string]uint32 // by keepalived's name: mtu, hoplimit, advmss, rtt (ms), ...
	Locked     map[string]bool   // those with "lock"
	Congestion string            // congctl
	ECN        bool              // features ecn
}

// An Encap is a tunnel around the packets of a route.
type Encap struct {
	Kind    string // ip, ip6, mpls, ila
	ID      uint64
	Dst     netip.Addr
	Src     netip.Addr
	TOS     uint8
	TTL     uint8
	Flags   uint16
	Labels  []uint32 // mpls
	Locator uint64   // ila
}

// A Rule is a policy rule that a virtual router holds while master
// (virtual_rules), or that the daemon keeps while it runs (static_rules).
type Rule struct {
	Family     Family
	Invert     bool         // not
	From, To   netip.Prefix // invalid: any
	IIF, OIF   string       // empty: any
	Mark, Mask uint32       // fwmark
	HasMark    bool
	TOS        uint8
	UIDs       *Range // uidrange
	IPProto    uint8  // ipproto; 0: any
	SourcePort *Range
	DestPort   *Range
	TunnelID   uint64
	Priority   uint32 // preference
	Action     RuleAction
	Table      uint32 // of ToTable
	Goto       uint32 // of GotoRule
	Realms     uint32 // from<<16 | to; 0: none
	Protocol   uint8  // 0: regent's own

	SuppressPrefixLength int    // -1: off
	SuppressGroup        uint32 // HasSuppressGroup
	HasSuppressGroup     bool

	NoTrack    bool
	TrackGroup string
}

// A Range is two bounds, both included.
type Range struct{ Low, High uint32 }

// A RuleAction is what a rule does with a packet that it matches.
type RuleAction uint8

const (
	ToTable RuleAction = iota
	GotoRule
	NoOperation
	Blackhole
	Unreachable
	Prohibit
	L3MDev // the table of the packet's VRF
)

// A RouteChange adds a route to the host or removes it.
type RouteChange struct {
	Route  Route
	Remove bool
	ID     int // the caller's; a Loss names it
}

// A RuleChange adds a rule to the host or removes it.
type RuleChange struct {
	Rule   Rule
	Remove bool
	ID     int // the caller's; a Loss names it
}

// A Loss is a route or a rule of regent's that somebody else has removed.
type Loss struct {
	ID   int
	Rule bool // a rule; else a route
}
