package netif

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// ip runs the command of that name in the namespace and returns its words,
// one space apart.
func (s *space) ip(words string) string {
	s.t.Helper()
	if _, err := exec.LookPath("ip"); err != nil {
		s.t.Skip("ip is not installed")
	}
	var out []byte
	s.do(func() (err error) {
		out, err = exec.Command("ip", strings.Fields(words)...).CombinedOutput()
		return err
	})
	return strings.Join(strings.Fields(string(out)), " ")
}

// A router with two links, and gateways on both.
func routerWithTwoLinks(t *testing.T) *space {
	t.Helper()
	a, b := newSpace(t), newSpace(t)
	veth(a, "eth0", b, "eth0")
	veth(a, "eth1", b, "eth1")
	for _, x := range []struct{ link, prefix string }{
		{"eth0", "192.0.2.1/24"}, {"eth0", "2001:db8::1/64"}, {"eth1", "203.0.113.1/24"}, {"eth1", "2001:db8:1::1/64"},
	} {
		a.add(x.link, x.prefix)
	}
	a.linkLocal("eth0")
	a.linkLocal("eth1")
	return a
}

func address(s string) netip.Addr { return netip.MustParseAddr(s) }

// The options of a route line become what ip shows, and what was added is
// found again to be removed.
func TestRouteOptions(t *testing.T) {
	a := routerWithTwoLinks(t)
	h := a.host()
	no := false
	four := func(r Route) Route {
		if r.Type == 0 {
			r.Type = 1
		}
		r.Family, r.Table = IPv4, 100
		if !r.Destination.IsValid() {
			r.Destination = prefix("198.51.100.0/24")
		}
		return r
	}
	six := func(r Route) Route {
		r = four(r)
		r.Family = IPv6
		if r.Destination.Addr().Is4() {
			r.Destination = prefix("2001:db8:9::/64")
		}
		return r
	}
	for _, c := range []struct {
		name  string
		route Route
		want  string
	}{
		{"dev", four(Route{Interface: "eth0"}), "unicast 198.51.100.0/24 dev eth0 proto 112 scope link"},
		{"via, src, metric", four(Route{Via: address("192.0.2.9"), Source: address("192.0.2.1"), Metric: 7, HasMetric: true}),
			"unicast 198.51.100.0/24 via 192.0.2.9 dev eth0 proto 112 scope global src 192.0.2.1 metric 7"},
		{"default", four(Route{Destination: prefix("0.0.0.0/0"), Via: address("192.0.2.9")}),
			"unicast default via 192.0.2.9 dev eth0 proto 112 scope global"},
		{"blackhole", four(Route{Type: 6}), "blackhole 198.51.100.0/24 proto 112 scope global"},
		{"throw", four(Route{Type: 9}), "throw 198.51.100.0/24 proto 112 scope global"},
		{"scope, tos", four(Route{Interface: "eth0", Scope: 254, HasScope: true, TOS: 0x10}),
			"unicast 198.51.100.0/24 tos 0x10 dev eth0 proto 112 scope host"},
		{"onlink", four(Route{Via: address("198.18.0.1"), Interface: "eth0", OnLink: true}),
			"unicast 198.51.100.0/24 via 198.18.0.1 dev eth0 proto 112 scope global onlink"},
		{"protocol", four(Route{Interface: "eth0", Protocol: 4}), "unicast 198.51.100.0/24 dev eth0 proto static scope link"},
		{"over IPv6", four(Route{Via: address("2001:db8::9"), Interface: "eth0"}),
			"unicast 198.51.100.0/24 via inet6 2001:db8::9 dev eth0 proto 112 scope global"},
		{"metrics", four(Route{Interface: "eth0", Metrics: RouteMetrics{
			Set: map[string]uint32{"mtu": 1300, "advmss": 1200, "window": 5000, "rtt": 50, "rttvar": 20, "rto_min": 300, "hoplimit": 9,
				"initcwnd": 10, "initrwnd": 11, "quickack": 1, "cwnd": 12, "ssthresh": 13, "reordering": 4, "fastopen_no_cookie": 1},
			Locked: map[string]bool{"mtu": true, "cwnd": true}, ECN: true, Congestion: "reno"}}),
			"unicast 198.51.100.0/24 dev eth0 proto 112 scope link mtu lock 1300 window 5000 rtt 50ms rttvar 20ms ssthresh 13 " +
				"cwnd lock 12 advmss 1200 reordering 4 hoplimit 9 initcwnd 10 features ecn rto_min 300ms initrwnd 11 quickack 1 " +
				"congctl reno fastopen_no_cookie 1"},
		{"nexthops", four(Route{NextHops: []NextHop{
			{Via: address("192.0.2.9"), Interface: "eth0", Weight: 3}, {Via: address("198.18.0.9"), Interface: "eth1", Weight: 1, OnLink: true}}}),
			"unicast 198.51.100.0/24 proto 112 scope global nexthop via 192.0.2.9 dev eth0 weight 3 " +
				"nexthop via 198.18.0.9 dev eth1 weight 1 onlink"},
		{"IPv6", six(Route{Via: address("2001:db8::9"), Source: address("2001:db8::1"), Interface: "eth0"}),
			"unicast 2001:db8:9::/64 via 2001:db8::9 dev eth0 proto 112 scope global src 2001:db8::1 metric 1024 pref medium"},
		{"IPv6 metric, pref, mtu", six(Route{Interface: "eth0", Metric: 5, HasMetric: true, Pref: "high",
			Metrics: RouteMetrics{Set: map[string]uint32{"mtu": 1400}}}),
			"unicast 2001:db8:9::/64 dev eth0 proto 112 scope global metric 5 mtu 1400 pref high"},
		{"IPv6 unreachable", six(Route{Type: 7}),
			"unreachable 2001:db8:9::/64 dev lo proto 112 scope global metric 1024 pref medium"},
		{"IPv6 default of link-local", six(Route{Destination: prefix("::/0"), Via: address("fe80::9"), Interface: "eth1"}),
			"unicast default via fe80::9 dev eth1 proto 112 scope global metric 1024 pref medium"},
		{"IPv6 expires", six(Route{Interface: "eth0", Expires: 20 * time.Hour}),
			"unicast 2001:db8:9::/64 dev eth0 proto 112 scope global metric 1024 expires 72000sec pref medium"},
		{"IPv6 nexthops", six(Route{NextHops: []NextHop{
			{Via: address("2001:db8::9"), Interface: "eth0", Weight: 1}, {Via: address("2001:db8:1::9"), Interface: "eth1", Weight: 2}}}),
			"unicast 2001:db8:9::/64 proto 112 scope global metric 1024 pref medium nexthop via 2001:db8::9 dev eth0 weight 1 " +
				"nexthop via 2001:db8:1::9 dev eth1 weight 2"},
		{"realms", four(Route{Interface: "eth0", Realms: 3<<16 | 4}), "unicast 198.51.100.0/24 dev eth0 proto 112 scope link realms 3/4"},
		{"ttl-propagate, which the kernel takes and does not show", four(Route{Interface: "eth0", Propagate: &no}),
			"unicast 198.51.100.0/24 dev eth0 proto 112 scope link"},
		{"encap ip", four(Route{Via: address("192.0.2.9"), Encap: &Encap{Kind: "ip", ID: 42, Dst: address("203.0.113.9"), TTL: 9}}),
			"unicast 198.51.100.0/24 encap ip id 42 src 0.0.0.0 dst 203.0.113.9 ttl 9 tos 0 via 192.0.2.9 dev eth0 proto 112 scope global"},
	} {
		t.Run(c.name, func(t *testing.T) {
			errs := h.ChangeRoutes([]RouteChange{{Route: c.route}})
			if errs != nil && (errors.Is(errs[0], unix.EOPNOTSUPP) || errors.Is(errs[0], unix.ENOENT)) {
				t.Skipf("not in this kernel: %v", errs[0])
			}
			if errs != nil {
				t.Fatal(errs)
			}
			show := fmt.Sprintf("-%d -d route show table 100", c.route.Family)
			if got := strings.Replace(a.ip(show), "71999sec", "72000sec", 1); got != c.want {
				t.Errorf("\n got %s\nwant %s", got, c.want)
			}
			a.good(h.ChangeRoutes([]RouteChange{{Route: c.route}})) // there already
			a.good(h.ChangeRoutes([]RouteChange{{Route: c.route, Remove: true}}))
			if got := a.ip(show); got != "" {
				t.Errorf("still there: %s", got)
			}
			a.good(h.ChangeRoutes([]RouteChange{{Route: c.route, Remove: true}})) // gone already
		})
	}
}

// How a route is put among others like it, and that one of others is not ours
// to remove.
func TestRoutesAmongOthers(t *testing.T) {
	a := routerWithTwoLinks(t)
	h := a.host()
	a.ip("route add 198.51.100.0/24 via 192.0.2.9 table 100")
	route := func(via string, i Insertion) RouteChange {
		return RouteChange{Route: Route{Family: IPv4, Type: 1, Table: 100, Destination: prefix("198.51.100.0/24"), Via: address(via), Insert: i}}
	}
	a.good(h.ChangeRoutes([]RouteChange{route("192.0.2.10", Prepend), route("192.0.2.11", Append), route("192.0.2.12", Add)}))
	var got []string
	for _, w := range strings.Fields(a.ip("route show table 100")) {
		if strings.HasPrefix(w, "192.") {
			got = append(got, w)
		}
	}
	if want := []string{"192.0.2.10", "192.0.2.9", "192.0.2.11"}; !slices.Equal(got, want) {
		t.Errorf("order %v, want %v", got, want)
	}
	all := []RouteChange{route("192.0.2.9", 0), route("192.0.2.10", 0), route("192.0.2.11", 0)}
	for i := range all {
		all[i].Remove = true
	}
	a.good(h.ChangeRoutes(all))
	if got := a.ip("route show table 100"); got != "198.51.100.0/24 via 192.0.2.9 dev eth0" {
		t.Errorf("left: %s", got)
	}
}

// A route stays with its link when that gets another name, and is removed from
// there.
func TestARouteOfALinkThatIsRenamed(t *testing.T) {
	a := routerWithTwoLinks(t)
	h := a.host()
	route := RouteChange{Route: Route{Family: IPv4, Type: 1, Table: 100, Destination: prefix("198.51.100.0/24"), Interface: "eth1"}}
	a.good(h.ChangeRoutes([]RouteChange{route}))
	a.must(a.netlink.LinkSetName(a.link("eth1"), "wan0"))
	if got := a.ip("route show table 100"); !strings.Contains(got, "dev wan0") {
		t.Fatalf("before the removal: %q", got)
	}
	route.Remove = true
	a.good(h.ChangeRoutes([]RouteChange{route}))
	if got := a.ip("route show table 100"); got != "" {
		t.Errorf("left: %s", got)
	}
}

// The options of a rule line become what ip shows.
func TestRuleOptions(t *testing.T) {
	a := routerWithTwoLinks(t)
	h := a.host()
	const none = -1
	for _, c := range []struct {
		rule Rule
		want string
	}{
		{Rule{From: prefix("192.0.2.0/25"), To: prefix("198.51.100.7/32"), Table: 100, SuppressPrefixLength: none},
			"from 192.0.2.0/25 to 198.51.100.7 lookup 100 proto 112"},
		{Rule{IIF: "eth0", OIF: "eth1", HasMark: true, Mark: 5, Mask: 0xF, Table: 1000, SuppressPrefixLength: 0},
			"from all fwmark 0x5/0xf iif eth0 oif eth1 lookup 1000 suppress_prefixlength 0 proto 112"},
		{Rule{Invert: true, From: prefix("192.0.2.0/24"), Action: Blackhole, SuppressPrefixLength: none},
			"not from 192.0.2.0/24 blackhole proto 112"},
		{Rule{Action: Unreachable, TOS: 0x10, SuppressPrefixLength: none}, "from all tos 0x10 unreachable proto 112"},
		{Rule{Action: Prohibit, UIDs: &Range{1000, 2000}, SuppressPrefixLength: none}, "from all uidrange 1000-2000 prohibit proto 112"},
		{Rule{Action: NoOperation, SuppressPrefixLength: none}, "from all nop proto 112"},
		{Rule{Action: GotoRule, Goto: 32766, SuppressPrefixLength: none}, "from all goto 32766 proto 112"},
		{Rule{Table: 100, IPProto: 17, SourcePort: &Range{10, 20}, DestPort: &Range{53, 53}, SuppressPrefixLength: none},
			"from all ipproto udp sport 10-20 dport 53 lookup 100 proto 112"},
		{Rule{Table: 100, Protocol: 4, HasSuppressGroup: true, SuppressGroup: 3, SuppressPrefixLength: none},
			"from all lookup 100 suppress_ifgroup 3 proto static"},
		{Rule{Table: 100, TunnelID: 77, SuppressPrefixLength: none}, "from all tun_id 77 lookup 100 proto 112"},
		{Rule{Table: 100, Realms: 3<<16 | 4, SuppressPrefixLength: none}, "from all lookup 100 realms 3/4 proto 112"},
		{Rule{Action: L3MDev, SuppressPrefixLength: none}, "from all lookup [l3mdev-table] proto 112"},
		{Rule{Family: IPv6, From: prefix("2001:db8::/64"), Table: 100, SuppressPrefixLength: none}, "from 2001:db8::/64 lookup 100 proto 112"},
	} {
		if c.rule.Family == 0 {
			c.rule.Family = IPv4
		}
		c.rule.Priority = 77
		show := fmt.Sprintf("-%d -d rule show priority 77", c.rule.Family)
		errs := h.ChangeRules([]RuleChange{{Rule: c.rule}})
		if errs != nil {
			t.Errorf("%s: %v", c.want, errs)
			continue
		}
		if got := strings.TrimPrefix(a.ip(show), "77: "); got != c.want {
			t.Errorf("\n got %s\nwant %s", got, c.want)
		}
		a.good(h.ChangeRules([]RuleChange{{Rule: c.rule}}))
		a.good(h.ChangeRules([]RuleChange{{Rule: c.rule, Remove: true}}))
		if got := a.ip(show); got != "" {
			t.Errorf("still there: %s", got)
		}
		a.good(h.ChangeRules([]RuleChange{{Rule: c.rule, Remove: true}}))
	}
}

// Each change that fails has its own error; the others are carried out.
func TestRoutesAndRulesTellEachError(t *testing.T) {
	a := routerWithTwoLinks(t)
	h := a.host()
	good := Route{Family: IPv4, Type: 1, Destination: prefix("198.51.100.0/24"), Interface: "eth0"}
	far, lost, vrf := good, good, good
	far.Via, far.Interface = address("198.18.0.1"), ""
	lost.Interface = "eth9"
	vrf.VRF = "blue"
	errs := h.ChangeRoutes([]RouteChange{{Route: far}, {Route: good}, {Route: lost}, {Route: vrf}, {Route: lost, Remove: true}})
	want := "[add 198.51.100.0/24 via 198.18.0.1: network is unreachable <nil> add 198.51.100.0/24 dev eth9: no such device " +
		"add 198.51.100.0/24 dev eth0 of blue: no such device <nil>]"
	if fmt.Sprint(errs) != want {
		t.Errorf("\n got %v\nwant %v", errs, want)
	}
	if got := a.ip("route show proto 112"); got != "198.51.100.0/24 dev eth0 scope link" {
		t.Errorf("routes: %s", got)
	}
	bad := Rule{Family: IPv4, Priority: 9, Action: GotoRule, Goto: 3, SuppressPrefixLength: -1}
	if errs := h.ChangeRules([]RuleChange{{Rule: bad}}); fmt.Sprint(errs) != "[add IPv4 rule 9: invalid argument]" {
		t.Error(errs)
	}
}

// B-29: what a killed predecessor left is removed at start, and only that, also
// if it does not carry the mark of regent.
func TestLeftoverRoutesAndRules(t *testing.T) {
	a := routerWithTwoLinks(t)
	journal := filepath.Join(t.TempDir(), "journal")
	for _, w := range []string{
		"route add 198.51.100.0/24 via 192.0.2.9", "route add 198.18.0.0/24 via 192.0.2.9 proto 18",
		"-6 route add 2001:db8:9::/64 via 2001:db8::9", "rule add from 192.0.2.7 lookup 100", "-6 rule add from 2001:db8::7 lookup 100",
	} {
		a.ip(w)
	}
	state := func() string {
		return a.ip("route show table all") + a.ip("-6 route show table all") + a.ip("rule show") + a.ip("-6 rule show")
	}
	before := state()
	var dead *Host
	a.do(func() (err error) { dead, err = Open(nil); return err })
	a.must(dead.KeepJournal(journal))
	hops := []NextHop{{Via: address("192.0.2.9"), Weight: 1}, {Via: address("203.0.113.9"), Weight: 1}}
	hops6 := []NextHop{{Via: address("2001:db8::9"), Weight: 1}, {Via: address("2001:db8:1::9"), Weight: 1}}
	a.good(dead.ChangeRoutes([]RouteChange{
		{Route: Route{Family: IPv4, Type: 1, Destination: prefix("198.51.100.0/24"), Via: address("192.0.2.10"), HasMetric: true, Metric: 9}},
		{Route: Route{Family: IPv4, Type: 1, Destination: prefix("198.51.100.0/25"), NextHops: hops, Table: 1000}},
		{Route: Route{Family: IPv4, Type: 6, Destination: prefix("198.51.100.0/26"), TOS: 16}},
		{Route: Route{Family: IPv4, Type: 1, Destination: prefix("198.51.100.0/27"), Interface: "eth1"}},
		{Route: Route{Family: IPv4, Type: 1, Destination: prefix("198.51.100.0/28"), Interface: "eth1", Protocol: 4}},
		{Route: Route{Family: IPv4, Type: 1, Destination: prefix("198.18.0.0/24"), Via: address("192.0.2.9"), Protocol: 18}}, // is there
		{Route: Route{Family: IPv6, Type: 1, Destination: prefix("2001:db8:9::/64"), Via: address("2001:db8::10"), HasMetric: true, Metric: 9}},
		{Route: Route{Family: IPv6, Type: 1, Destination: prefix("2001:db8:8::/64"), NextHops: hops6}},
		{Route: Route{Family: IPv6, Type: 7, Destination: prefix("2001:db8:7::/64")}},
	}))
	a.good(dead.ChangeRules([]RuleChange{
		{Rule: Rule{Family: IPv4, From: prefix("192.0.2.7/32"), Table: 100, Priority: 50, SuppressPrefixLength: -1}},
		{Rule: Rule{Family: IPv4, Invert: true, IIF: "gone", HasMark: true, Mark: 1, Mask: 1, Table: 100, Priority: 51, SuppressPrefixLength: 8}},
		{Rule: Rule{Family: IPv6, From: prefix("2001:db8::7/128"), Action: Prohibit, Priority: 50, SuppressPrefixLength: -1}},
	}))
	a.must(dead.Close())
	// A link that is down changes what the kernel says of its routes.
	a.must(a.netlink.LinkSetARPOff(a.link("eth1")))

	next := func() (int, error) {
		h := a.host()
		a.must(h.KeepJournal(journal))
		return h.RemoveLeftovers(Kept{})
	}
	n, err := next()
	if n != 11 || err != nil {
		t.Errorf("removed %d: %v", n, err)
	}
	if after := state(); after != before {
		t.Errorf("\nbefore %s\n after %s", before, after)
	}
	if n, err := next(); n != 0 || err != nil {
		t.Errorf("again: %d, %v", n, err)
	}
}

// What others remove is a loss, once; what we remove, or others of theirs, is
// none.
func TestLosses(t *testing.T) {
	a := routerWithTwoLinks(t)
	h := a.host()
	ctx, cancel := context.WithCancel(context.Background())
	losses, ended := make(chan Loss, 100), make(chan error, 1)
	go func() {
		ended <- h.WatchLosses(ctx, func(lost []Loss) {
			for _, l := range lost {
				losses <- l
			}
		})
	}()
	defer func() {
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("ended with %v", err)
		}
	}()
	const probe = 99 // of the route that shows that the watch has begun
	expect := func(what string, want Loss) {
		t.Helper()
		for end := time.After(patience); ; {
			select {
			case got := <-losses:
				if got.ID == probe {
					continue
				}
				if got != want {
					t.Errorf("%s: %+v, want %+v", what, got, want)
				}
				return
			case <-end:
				t.Fatalf("%s: no loss", what)
			}
		}
	}
	routes := []RouteChange{
		{ID: 1, Route: Route{Family: IPv4, Type: 1, Destination: prefix("198.51.100.0/24"), Via: address("192.0.2.9")}},
		{ID: 2, Route: Route{Family: IPv4, Type: 1, Destination: prefix("198.51.100.0/24"), Via: address("192.0.2.9"), Table: 1000}},
		{ID: 3, Route: Route{Family: IPv6, Type: 1, Destination: prefix("2001:db8:9::/64"), Via: address("2001:db8::9")}},
		{ID: 4, Route: Route{Family: IPv4, Type: 6, Destination: prefix("0.0.0.0/0"), HasMetric: true, Metric: 4}},
		{ID: 5, Route: Route{Family: IPv6, Type: 1, Destination: prefix("::/0"), Via: address("2001:db8::9"), HasMetric: true, Metric: 5}},
	}
	rules := []RuleChange{
		{ID: 6, Rule: Rule{Family: IPv4, From: prefix("192.0.2.7/32"), Table: 1000, Priority: 50, SuppressPrefixLength: -1}},
		{ID: 7, Rule: Rule{Family: IPv6, HasMark: true, Mark: 1, Mask: 1, Action: Prohibit, Priority: 50, SuppressPrefixLength: -1}},
		{ID: 8, Rule: Rule{Family: IPv4, IIF: "eth0", Action: L3MDev, Priority: 51, SuppressPrefixLength: -1}},
	}
	a.good(h.ChangeRoutes(routes))
	a.good(h.ChangeRules(rules))
	a.until("the watch", func() bool { // whose beginning nothing tells of
		r := RouteChange{ID: probe, Route: Route{Family: IPv4, Type: 6, Destination: prefix("198.18.0.0/24")}}
		a.good(h.ChangeRoutes([]RouteChange{r}))
		a.ip("route del blackhole 198.18.0.0/24")
		return len(losses) > 0
	})
	a.ip("route del 198.51.100.0/24")
	expect("the first route", Loss{ID: 1})
	a.ip("route add 198.51.100.0/24 via 192.0.2.10") // others' own
	a.ip("route del 198.51.100.0/24 via 192.0.2.10")
	a.good(h.ChangeRoutes(routes[:1]))
	remove := routes[0]
	remove.Remove = true
	a.good(h.ChangeRoutes([]RouteChange{remove}))
	for words, want := range map[string]Loss{
		"route del 198.51.100.0/24 table 1000": {ID: 2},
		"-6 route del 2001:db8:9::/64":         {ID: 3},
		"route del blackhole default metric 4": {ID: 4},
		"-6 route del default metric 5":        {ID: 5},
		"rule del priority 50":                 {ID: 6, Rule: true},
		"-6 rule del priority 50":              {ID: 7, Rule: true},
		"rule del priority 51":                 {ID: 8, Rule: true},
	} {
		a.ip(words)
		expect(words, want)
	}
	for len(losses) > 0 {
		t.Errorf("%d more losses: %v", len(losses), <-losses)
	}
	if err := h.WatchLosses(ctx, nil); err == nil {
		t.Error("two at a time")
	}
}
