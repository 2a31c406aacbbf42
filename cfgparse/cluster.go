package cfgparse

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"regent/cfgparse/syntax"
	"regent/fsm"
	"regent/health"
	"regent/netif"
	"regent/vrrp"
)

// A Node is one router of a cluster, and its configuration.
type Node struct {
	Name   string
	Config *Config
}

// A Standing is who of a cluster wants to be master of a virtual router, the
// first one first, when all are healthy.
type Standing struct {
	VRID   uint8
	Family netif.Family
	Places []Place
}

// A Place is one node's instance in a Standing.
type Place struct {
	Node     string
	Instance *Instance
	Healthy  int  // priority while all trackers are up
	Worst    int  // priority while all weighted trackers are down
	Fault    bool // some tracker can take it out altogether
}

func (s Standing) String() string {
	var parts []string
	for i, p := range s.Places {
		word := "then"
		if i == 0 {
			word = "master"
		}
		parts = append(parts, fmt.Sprintf("%s %s (%s, priority %d)", word, p.Node, p.Instance.Name, p.Healthy))
	}
	return fmt.Sprintf("VRID %d over IPv%d: %s", s.VRID, s.Family, strings.Join(parts, ", "))
}

// Cluster holds the configurations of the nodes of one cluster against each
// other.
func Cluster(nodes []Node) ([]Standing, syntax.Diagnostics) {
	c := cluster{nodes: nodes, report: &syntax.Report{}}
	for _, s := range c.standings() {
		c.judge(s)
	}
	return c.standings(), c.report.Diagnostics()
}

type cluster struct {
	nodes  []Node
	report *syntax.Report
}

// standings finds the virtual routers of the cluster, in the order in which
// they stand.
func (c *cluster) standings() []Standing {
	type id struct {
		vrid   uint8
		family netif.Family
	}
	var out []Standing
	index := map[id]int{}
	for _, n := range c.nodes {
		for i := range n.Config.Instances {
			in := &n.Config.Instances[i]
			k := id{in.VRID, in.Port.Family}
			at, ok := index[k]
			if !ok {
				at = len(out)
				index[k] = at
				out = append(out, Standing{VRID: in.VRID, Family: in.Port.Family})
			}
			out[at].Places = append(out[at].Places, placeOf(n, in))
		}
	}
	for _, s := range out {
		slices.SortStableFunc(s.Places, func(a, b Place) int { return cmp.Compare(b.Healthy, a.Healthy) })
	}
	return out
}

// placeOf works out what an instance's trackers can do to its priority.
func placeOf(n Node, in *Instance) Place {
	p := Place{Node: n.Name, Instance: in, Fault: in.TrackPrimary}
	up, down := 0, 0 // what the weights add while all trackers are up, or down
	for _, t := range in.Tracks {
		switch {
		case t.Weight == 0:
			p.Fault = true
		case t.Kind == health.File:
		case t.Weight > 0 && t.Reverse:
			up -= t.Weight
		case t.Weight > 0:
			up += t.Weight
		case t.Reverse:
			down -= t.Weight
		default:
			down += t.Weight
		}
	}
	p.Healthy, p.Worst = int(fsm.Effective(in.Router.Priority, up)), int(fsm.Effective(in.Router.Priority, down))
	return p
}

func (c *cluster) say(p Place, keyword string, severity syntax.Severity, expected, effect, format string, args ...any) {
	c.report.Add(syntax.Diagnostic{Pos: p.Instance.line(keyword), Severity: severity, Class: syntax.General,
		Message: fmt.Sprintf(format, args...), Expected: expected, Effect: effect})
}

// judge compares each place with the first.
func (c *cluster) judge(s Standing) {
	first := s.Places[0]
	c.missing(s)
	for _, p := range s.Places[1:] {
		c.compare(first, p)
	}
	for i, p := range s.Places[1:] {
		if before := s.Places[i]; before.Healthy == p.Healthy {
			c.say(p, "priority", syntax.Warning, "different priorities", "who has the higher address is master, and both may be for a moment",
				"%s and %s have the same priority %d", before.Node, p.Node, p.Healthy)
		}
	}
	if len(s.Places) > 1 {
		c.reach(first, s.Places[1])
		c.peers(s)
	}
}

// missing names the nodes that lack the router, and those that have it twice.
func (c *cluster) missing(s Standing) {
	count := map[string]int{}
	for _, p := range s.Places {
		count[p.Node]++
	}
	for _, n := range c.nodes {
		if count[n.Name] == 0 {
			c.say(s.Places[0], "virtual_router_id", syntax.Warning, "the same virtual routers on all nodes", n.Name+" never takes over",
				"%s has no virtual router %d over IPv%d", n.Name, s.VRID, s.Family)
		}
	}
}

func (c *cluster) compare(a, p Place) {
	x, y := a.Instance, p.Instance
	who := fmt.Sprintf("on %s and %s", a.Node, p.Node)
	if x.Router.Version != y.Router.Version {
		c.say(p, "version", syntax.Error, "one version", "they do not hear each other, so both become master", "versions %d and %d %s", x.Router.Version, y.Router.Version, who)
	}
	if x.Router.Interval != y.Router.Interval {
		severity, effect := syntax.Warning, "after a failover the addresses are missing for another time than expected"
		if y.Router.Version == vrrp.V2 {
			severity, effect = syntax.Error, "they drop each other's adverts, so both become master"
		}
		c.say(p, "advert_int", severity, "one interval", effect, "intervals %s and %s %s", inSeconds(x.Router.Interval), inSeconds(y.Router.Interval), who)
	}
	if lost := without(x.Advertised, y.Advertised); len(lost) > 0 {
		c.say(p, "virtual_ipaddress", syntax.Error, "the same addresses", "after a failover they are gone", "%s lacks %s, which %s has", p.Node, join(lost), a.Node)
	}
	if more := without(y.Advertised, x.Advertised); len(more) > 0 {
		c.say(p, "virtual_ipaddress", syntax.Error, "the same addresses", "they are there only while it is master", "%s has %s, which %s lacks", p.Node, join(more), a.Node)
	}
	if string(x.Auth.Password) != string(y.Auth.Password) || x.AuthHeader != y.AuthHeader || x.Auth.Sealed() != y.Auth.Sealed() {
		c.say(p, "authentication", syntax.Error, "one way of authentication and one password", "they drop each other's adverts, so both become master", "authentication differs %s", who)
	}
	if (len(x.Profile.Peers) > 0) != (len(y.Profile.Peers) > 0) {
		c.say(p, "unicast_peer", syntax.Error, "unicast on all nodes, or on none", "they do not hear each other, so both become master", "%s sends unicast, %s multicast", unicastFirst(a, p), multicastFirst(a, p))
	} else if x.Port.Group != y.Port.Group {
		c.say(p, "mcast_dst_ip", syntax.Error, "one group", "they do not hear each other, so both become master", "groups %s and %s %s", x.Port.Group, y.Port.Group, who)
	}
	if x.Profile.Owner && y.Profile.Owner {
		c.say(p, "priority", syntax.Error, "one owner", "both become master", "%s and %s both own the addresses (priority 255)", a.Node, p.Node)
	}
}

func unicastFirst(a, b Place) string {
	if len(a.Instance.Profile.Peers) > 0 {
		return a.Node
	}
	return b.Node
}

func multicastFirst(a, b Place) string {
	if len(a.Instance.Profile.Peers) > 0 {
		return b.Node
	}
	return a.Node
}

// reach says whether the first's weights can hand the addresses on.
func (c *cluster) reach(first, second Place) {
	if first.Worst < first.Healthy && first.Worst > second.Healthy {
		c.say(first, "track_script", syntax.Warning, fmt.Sprintf("weights that take %s below %d, the priority of %s", first.Node, second.Healthy, second.Node),
			"whatever fails, it stays master", "the weights of %s lower its priority only to %d", first.Node, first.Worst)
	}
}

// peers checks that unicast nodes name each other.
func (c *cluster) peers(s Standing) {
	for _, p := range s.Places {
		source := p.Instance.Port.Source
		if len(p.Instance.Profile.Peers) == 0 || !source.IsValid() {
			continue
		}
		for _, q := range s.Places {
			if q.Node == p.Node || len(q.Instance.Profile.Peers) == 0 {
				continue
			}
			if !slices.ContainsFunc(q.Instance.Profile.Peers, func(peer vrrp.Peer) bool { return peer.Addr == source }) {
				c.say(q, "unicast_peer", syntax.Error, source.String()+" in unicast_peer", p.Node+" does not hear "+q.Node,
					"%s does not name %s, the source of %s, as a peer", q.Node, source, p.Node)
			}
		}
	}
}

// without is what a has and b has not.
func without(a, b []netip.Addr) []netip.Addr {
	var out []netip.Addr
	for _, x := range a {
		if !slices.Contains(b, x) {
			out = append(out, x)
		}
	}
	return out
}

func join(addrs []netip.Addr) string {
	var out []string
	for i, a := range addrs {
		if i == 5 {
			out = append(out, fmt.Sprintf("and %d more", len(addrs)-i))
			break
		}
		out = append(out, a.String())
	}
	return strings.Join(out, ", ")
}
