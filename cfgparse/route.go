package cfgparse

import (
	"net/netip"
	"strconv"
	"strings"
	"time"

	"regent/cfgparse/syntax"
	"regent/netif"
)

const routeArgs = "[TYPE] [to] PREFIX [via ADDR] [dev IF] [src ADDR] [table T] [metric N] [OPTION...] [nexthop via ADDR...]"

// keepalivedProtocol is how keepalived marks its routes and rules (rt_protos);
// regent has a mark of its own for those that it may remove.
const keepalivedProtocol = 18

// routeTypes are the kernel's RTN_* numbers.
var routeTypes = map[string]uint8{
	"unicast": 1, "local": 2, "broadcast": 3, "brd": 3, "anycast": 4, "multicast": 5, "blackhole": 6,
	"unreachable": 7, "prohibit": 8, "throw": 9, "nat": 10, "xresolve": 11,
}

// routeOptions are all words of a route, for suggestions.
var routeOptions = strings.Fields(`to via gw dev oif src table scope metric priority preference protocol tos dsfield onlink nexthop or
	from mtu advmss reordering cwnd ssthresh rtt rttvar rto_min window initcwnd initrwnd hoplimit quickack fastopen_no_cookie
	features congctl realms expires pref ttl-propagate encap vrf add prepend append inet inet6 default6 no_track track_group`)

// metricWords are the route metrics that are plain numbers.
var metricWords = map[string]bool{
	"mtu": true, "advmss": true, "reordering": true, "cwnd": true, "ssthresh": true, "window": true,
	"initcwnd": true, "initrwnd": true, "hoplimit": true, "quickack": true, "fastopen_no_cookie": true,
}

// A routeReader is a route while it is read.
type routeReader struct {
	cursor
	netif.Route
	static bool
	found  bool // there is a destination
	all    bool // it is the default route
}

// route reads one line of virtual_routes or static_routes.
func (l *loader) route(s *syntax.Statement, static bool) (netif.Route, bool) {
	r := &routeReader{cursor: cursor{l: l, s: s, i: -1, what: "route"}, static: static}
	r.Type = 1
	for r.more() {
		r.word(r.take())
	}
	if !r.failed && !r.found {
		r.fail("a destination: PREFIX, or default", "route without a destination")
	}
	if r.failed {
		return r.Route, false
	}
	r.finish()
	return r.Route, !r.failed
}

func (r *routeReader) word(w string) {
	if _, ok := routeTypes[w]; ok && !r.found {
		r.Type = routeTypes[w]
		return
	}
	switch w {
	case "to":
		r.destination("to")
	case "default6":
		r.warn(syntax.Deprecated, "default, with an IPv6 gateway", "it still works", "default6 is deprecated")
		r.found, r.all, r.Family = true, true, netif.IPv6
	case "inet", "inet6":
		r.Family = map[string]netif.Family{"inet": netif.IPv4, "inet6": netif.IPv6}[w]
	case "via", "gw":
		if w == "gw" {
			r.warn(syntax.Deprecated, "via", "it still works", `"gw" for routes is deprecated`)
		}
		r.Via = r.address(w)
	case "or":
		r.warn(syntax.Deprecated, "nexthop via ADDR", "it becomes a second gateway", `"or" for routes is deprecated`)
		if a := r.address(w); !r.failed {
			r.NextHops = append(r.NextHops, netif.NextHop{Via: r.Via, Weight: 1}, netif.NextHop{Via: a, Weight: 1})
		}
	case "dev", "oif":
		r.Interface = r.iface(w)
	case "vrf":
		r.VRF = r.iface(w)
	case "src":
		r.Source = r.address(w)
	case "from":
		p, _ := r.prefix(w)
		if !r.failed && p.IsValid() && !p.Addr().Is6() {
			r.fail("an IPv6 prefix", "from is for IPv6 routes")
		}
		r.From = p
	case "table":
		r.Table = uint32(r.name(w, "rt_tables", 1<<32-1))
	case "scope":
		r.Scope, r.HasScope = uint8(r.name(w, "rt_scopes", 255)), true
	case "metric", "priority", "preference":
		r.Metric, r.HasMetric = uint32(r.number(w, 0, 1<<32-1)), true
	case "protocol":
		r.Protocol = uint8(r.name(w, "rt_protos", 255))
	case "tos", "dsfield":
		r.TOS = uint8(r.name(w, "rt_dsfield", 255))
	case "realms":
		r.Realms = r.realms()
	case "onlink":
		r.OnLink = true
	case "no_track":
		r.NoTrack = true
	case "track_group":
		r.TrackGroup = r.argument(w)
		if !r.failed && r.static {
			r.l.trackGroup(r.s.Words[r.i])
		}
	case "add":
		r.Insert = netif.Add
	case "append":
		r.Insert = netif.Append
	case "prepend":
		r.Insert = netif.Prepend
	case "encap":
		r.Encap = r.encap()
	case "nexthop":
		r.nextHops()
	case "as":
		r.fail("", "as is not supported")
	default:
		r.rare(w)
	}
}

// rare reads the words that few routes have.
func (r *routeReader) rare(w string) {
	switch {
	case metricWords[w]:
		lock := r.locked()
		high := uint64(1<<32 - 1)
		if w == "quickack" || w == "fastopen_no_cookie" {
			high = 1
		}
		r.metric(w, uint32(r.number(w, 0, high)), lock)
	case w == "rtt" || w == "rttvar" || w == "rto_min":
		lock := r.locked()
		r.metric(w, r.milliseconds(w), lock)
	case w == "features":
		if f := r.argument(w); f == "ecn" {
			r.Metrics.ECN = true
		} else if !r.failed {
			r.fail("ecn", "unknown feature %s", quote(f))
		}
	case w == "congctl":
		lock := r.locked()
		r.Metrics.Congestion = r.argument(w)
		if lock {
			r.lock(w)
		}
	case w == "expires":
		r.Expires = time.Duration(r.number(w, 1, unbounded)) * time.Second
	case w == "pref":
		r.Pref = r.argument(w)
		if _, err := strconv.ParseUint(r.Pref, 0, 8); err != nil && r.Pref != "low" && r.Pref != "medium" && r.Pref != "high" && !r.failed {
			r.fail("low, medium, high or a number", "bad pref %s", quote(r.Pref))
		}
	case w == "ttl-propagate":
		v := r.argument(w)
		on := v == "enabled"
		if !on && v != "disabled" && !r.failed {
			r.fail("enabled or disabled", "bad ttl-propagate %s", quote(v))
		}
		r.Propagate = &on
	default:
		if n, err := strconv.ParseUint(w, 10, 8); err == nil && !r.found && r.more() && !strings.ContainsAny(w, "./:") {
			r.Type = uint8(n) // a type by its number
			return
		}
		r.i--
		r.destination("")
	}
}

// destination reads the prefix. A later one takes the place of an earlier one.
func (r *routeReader) destination(word string) {
	next := r.peek()
	_, isPrefix := looksLikePrefix(next)
	if word == "" && !isPrefix {
		r.i++
		r.l.Add(syntax.Diagnostic{Pos: r.at(), Severity: syntax.Warning, Class: syntax.General,
			Message: "unknown route option " + quote(next), Expected: "a prefix or an option",
			Suggest: nearestOf(next, routeOptions), Effect: "the route is ignored"})
		r.failed = true
		return
	}
	r.Destination, r.all = r.prefix("destination")
	r.found = true
}

func looksLikePrefix(w string) (string, bool) {
	switch w {
	case "default", "any", "all":
		return w, true
	}
	text, _, _ := strings.Cut(w, "/")
	_, err := parseAddr(text)
	return text, err == nil
}

func (r *routeReader) locked() bool {
	if r.peek() == "lock" {
		r.take()
		return true
	}
	return false
}

func (r *routeReader) metric(w string, n uint32, lock bool) {
	if r.failed {
		return
	}
	if r.Metrics.Set == nil {
		r.Metrics.Set = map[string]uint32{}
	}
	r.Metrics.Set[w] = n
	if lock {
		r.lock(w)
	}
}

func (r *routeReader) lock(w string) {
	if r.Metrics.Locked == nil {
		r.Metrics.Locked = map[string]bool{}
	}
	r.Metrics.Locked[w] = true
}

// milliseconds reads N, Nms or Ns. A bare number of rtt and the like is in
// milliseconds.
func (r *routeReader) milliseconds(w string) uint32 {
	text := r.argument(w)
	if r.failed {
		return 0
	}
	bare, unit := strings.TrimSuffix(text, "ms"), uint64(1)
	if bare == text && strings.HasSuffix(text, "s") {
		bare, unit = strings.TrimSuffix(text, "s"), 1000
	}
	n, err := strconv.ParseUint(bare, 10, 32)
	if err != nil || n*unit > 1<<32-1 {
		r.fail("a time such as 200ms or 2s", "bad value %s of %s", quote(text), w)
	}
	return uint32(n * unit)
}

// realms reads [FROM/]TO.
func (c *cursor) realms() uint32 {
	word := c.argument("realms")
	if c.failed {
		return 0
	}
	var realm uint32
	for _, part := range strings.SplitN(word, "/", 2) {
		n, err := strconv.ParseUint(part, 0, 16)
		if err != nil {
			var ok bool
			if n, ok = c.l.iprouteName("rt_realms", part); !ok {
				c.fail("[FROM/]TO, numbers or names of rt_realms", "unknown realm %s", quote(part))
				return 0
			}
		}
		realm = realm<<16 | uint32(n)
	}
	return realm
}

// nextHops reads the ways of a multipath route, which end the line.
func (r *routeReader) nextHops() {
	for again := true; again && !r.failed; {
		hop := netif.NextHop{Weight: 1}
		again = false
	words:
		for r.more() {
			switch w := r.take(); w {
			case "via":
				hop.Via = r.address(w)
			case "dev", "oif":
				hop.Interface = r.iface(w)
			case "weight":
				hop.Weight = int(r.number(w, 1, 256))
			case "onlink":
				hop.OnLink = true
			case "realms":
				hop.Realms = r.realms()
			case "encap":
				hop.Encap = r.encap()
			case "nexthop":
				again = true
				break words
			default:
				r.warn(syntax.General, "nexthops at the end of the line", "the rest of the line is ignored", "%s after the nexthops", quote(w))
				r.i = len(r.s.Words) - 1
			}
		}
		r.NextHops = append(r.NextHops, hop)
	}
}

// finish settles family and protocol.
func (r *routeReader) finish() {
	for _, a := range []netip.Addr{r.Destination.Addr(), r.Source, r.Via, r.From.Addr()} {
		if !a.IsValid() {
			continue
		}
		f := netif.FamilyOf(a)
		if r.Family == 0 {
			r.Family = f
		} else if f != r.Family && a != r.Via {
			r.fail("addresses of one family", "the route mixes IPv4 and IPv6")
			return
		}
	}
	for _, hop := range r.NextHops {
		if r.Family == 0 && hop.Via.IsValid() {
			r.Family = netif.FamilyOf(hop.Via)
		}
	}
	if r.Family == 0 {
		r.Family = netif.IPv4
	}
	if r.all {
		r.Destination = everything(r.Family)
	}
	r.i = 0
	if r.Protocol != 0 && !r.NoTrack {
		if r.Protocol != keepalivedProtocol {
			r.warn(syntax.General, "no_track", "the protocol is regent's own", "a route that is tracked cannot have another protocol")
		}
		r.Protocol = 0
	}
	if r.Interface == "" && r.VRF == "" && !r.NoTrack {
		r.warn(syntax.Doubtful, "dev IF, or no_track", "keepalived before 2.3.2 does not track it", "route %s names no interface", r.Destination)
	}
	if r.TrackGroup != "" && r.Interface == "" {
		r.warn(syntax.General, "dev IF", "track_group is ignored", "track_group of a route without interface")
		r.TrackGroup = ""
	}
}

func everything(f netif.Family) netip.Prefix {
	if f == netif.IPv6 {
		return netip.PrefixFrom(netip.IPv6Unspecified(), 0)
	}
	return netip.PrefixFrom(netip.IPv4Unspecified(), 0)
}
