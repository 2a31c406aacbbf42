package cfgparse

import (
	"net/netip"
	"strconv"
	"strings"

	"regent/cfgparse/syntax"
	"regent/netif"
)

const ruleArgs = "[not] [from PREFIX] [to PREFIX] [iif IF] [oif IF] [fwmark N[/MASK]] [table T|goto N|blackhole...] [preference N] [OPTION...]"

var ruleOptions = strings.Fields(`from to table lookup preference priority order iif dev oif fwmark tos dsfield not realms
	suppress_prefixlength sup_pl suppress_ifgroup sup_group tunnel-id uidrange l3mdev protocol ipproto sport dport type goto
	nop blackhole prohibit unreachable inet inet6 no_track track_group`)

// A ruleReader is a rule while it is read.
type ruleReader struct {
	cursor
	netif.Rule
	static     bool
	action     bool
	preference bool
}

// firstRule is the preference of the first rule that says none; each further
// one of its family gets one less.
const firstRule = 16384

// rule reads one line of virtual_rules or static_rules.
func (l *loader) rule(s *syntax.Statement, static bool) (netif.Rule, bool) {
	r := &ruleReader{cursor: cursor{l: l, s: s, i: -1, what: "rule"}, static: static}
	r.SuppressPrefixLength = -1
	for r.more() {
		r.word(r.take())
	}
	if r.failed {
		return r.Rule, false
	}
	r.finish()
	return r.Rule, !r.failed
}

func (r *ruleReader) word(w string) {
	switch w {
	case "from":
		r.From, _ = r.prefix(w)
		r.family(r.From)
	case "to":
		r.To, _ = r.prefix(w)
		r.family(r.To)
	case "inet", "inet6":
		r.Family = map[string]netif.Family{"inet": netif.IPv4, "inet6": netif.IPv6}[w]
	case "not":
		r.Invert = true
	case "iif", "dev":
		r.IIF = r.iface(w)
	case "oif":
		r.OIF = r.iface(w)
	case "table", "lookup":
		r.Table = uint32(r.name(w, "rt_tables", 1<<32-1))
		if r.Table == 0 && !r.failed {
			r.fail("a table other than 0", "bad table")
		}
		r.act(netif.ToTable)
	case "goto":
		r.Goto = uint32(r.number(w, 0, 1<<32-1))
		r.act(netif.GotoRule)
	case "type":
	case "nop":
		r.act(netif.NoOperation)
	case "blackhole":
		r.act(netif.Blackhole)
	case "prohibit":
		r.act(netif.Prohibit)
	case "unreachable":
		r.act(netif.Unreachable)
	case "l3mdev":
		r.act(netif.L3MDev)
	case "preference", "priority", "order":
		r.Priority, r.preference = uint32(r.number(w, 0, 1<<32-1)), true
	case "fwmark":
		r.mark(w)
	case "tos", "dsfield":
		r.TOS = uint8(r.name(w, "rt_dsfield", 255))
	case "realms":
		r.Realms = r.realms()
	case "suppress_prefixlength", "sup_pl":
		r.SuppressPrefixLength = int(r.number(w, 0, 128))
	case "suppress_ifgroup", "sup_group":
		r.SuppressGroup, r.HasSuppressGroup = uint32(r.name(w, "group", 1<<31)), true
	case "tunnel-id":
		r.TunnelID = r.number(w, 0, 1<<63)
	case "uidrange":
		r.UIDs = r.span(w, 1<<32-1)
	case "sport":
		r.SourcePort = r.span(w, 65535)
	case "dport":
		r.DestPort = r.span(w, 65535)
	case "ipproto":
		r.IPProto = r.protocol(w)
	case "protocol":
		r.Protocol = uint8(r.number(w, 0, 255))
	case "no_track":
		r.NoTrack = true
	case "track_group":
		r.TrackGroup = r.argument(w)
		if !r.failed && r.static {
			r.l.trackGroup(r.s.Words[r.i])
		}
	default:
		r.l.Add(syntax.Diagnostic{Pos: r.at(), Severity: syntax.Warning, Class: syntax.General,
			Message: "unknown rule option " + quote(w), Expected: "one rule a line, of options and their arguments",
			Suggest: nearestOf(w, ruleOptions), Effect: "the rule is ignored"})
		r.failed = true
	}
}

func (r *ruleReader) act(a netif.RuleAction) {
	r.Action, r.action = a, true
}

func (r *ruleReader) family(p netip.Prefix) {
	if r.failed || !p.IsValid() {
		return
	}
	f := netif.FamilyOf(p.Addr())
	if r.Family != 0 && r.Family != f {
		r.fail("prefixes of one family", "the rule mixes IPv4 and IPv6")
	}
	r.Family = f
}

// mark reads N[/MASK].
func (r *ruleReader) mark(w string) {
	text, mask, masked := strings.Cut(r.argument(w), "/")
	n, err := strconv.ParseUint(text, 0, 32)
	r.Mask = 1<<32 - 1
	if masked && err == nil {
		var m uint64
		m, err = strconv.ParseUint(mask, 0, 32)
		r.Mask = uint32(m)
	}
	if err != nil && !r.failed {
		r.fail("N[/MASK]", "bad fwmark")
	}
	r.Mark, r.HasMark = uint32(n), true
}

// span reads A-B. keepalived takes no single number.
func (r *ruleReader) span(w string, high uint64) *netif.Range {
	word := r.argument(w)
	a, b, both := strings.Cut(word, "-")
	low, err := strconv.ParseUint(a, 10, 64)
	up, err2 := strconv.ParseUint(b, 10, 64)
	if err != nil || err2 != nil || !both || low > up || up > high {
		if !r.failed {
			r.warn(syntax.General, "LOW-HIGH", "it is ignored", "bad %s %s", w, quote(word))
		}
		return nil
	}
	return &netif.Range{Low: uint32(low), High: uint32(up)}
}

// protocols are the IP protocols that rules name.
var protocols = map[string]uint8{"icmp": 1, "igmp": 2, "tcp": 6, "udp": 17, "dccp": 33, "gre": 47, "esp": 50, "ah": 51,
	"ipv6-icmp": 58, "icmpv6": 58, "ospf": 89, "vrrp": 112, "sctp": 132, "udplite": 136}

func (r *ruleReader) protocol(w string) uint8 {
	word := r.argument(w)
	if n, ok := protocols[word]; ok {
		return n
	}
	n, err := strconv.ParseUint(word, 0, 8)
	if err != nil && !r.failed {
		r.fail("a number, or a name such as tcp", "unknown protocol %s", quote(word))
	}
	return uint8(n)
}

// finish settles what the words mean together.
func (r *ruleReader) finish() {
	r.i = 0
	if r.Family == 0 {
		r.Family = netif.IPv4
	}
	if !r.action {
		r.fail("table T, goto N, blackhole, prohibit, unreachable, nop or l3mdev", "rule without an action")
		return
	}
	if r.Action == netif.GotoRule && (!r.preference || r.Goto <= r.Priority) {
		r.fail("goto to a preference behind the rule's own", "goto does not lead forward")
		return
	}
	if r.Action != netif.ToTable && (r.Realms != 0 || r.SuppressPrefixLength >= 0 || r.HasSuppressGroup) {
		r.fail("table T", "realms and suppress_* need a table")
		return
	}
	if !r.preference {
		if r.l.preferences == nil {
			r.l.preferences = map[netif.Family]uint32{netif.IPv4: firstRule, netif.IPv6: firstRule}
		}
		r.Priority = r.l.preferences[r.Family]
		r.l.preferences[r.Family]--
		r.warn(syntax.General, "preference N", "preference "+showNumber(r.Priority)+" is used, which is probably not what was meant", "rule without preference")
	}
	if r.Protocol != 0 && !r.NoTrack {
		if r.Protocol != keepalivedProtocol {
			r.warn(syntax.General, "no_track", "the protocol is regent's own", "a rule that is tracked cannot have another protocol")
		}
		r.Protocol = 0
	}
	if r.TrackGroup != "" && r.IIF == "" && r.OIF == "" {
		r.warn(syntax.General, "iif IF or oif IF", "track_group is ignored", "track_group of a rule without interface")
		r.TrackGroup = ""
	}
}
