package main_test

import (
	"fmt"
	"net/netip"
	"syscall"
	"testing"

	"regent/cmd/internal/lab"
)

// TestGroupsFailOverTogether lets two regents and a keepalived share two links
// with a virtual router on each, both in one sync group. Whatever happens on
// one link, both addresses are on the same host afterwards. keepalived takes
// every place once.
func TestGroupsFailOverTogether(t *testing.T) {
	t.Parallel()
	for place, name := range []string{"keepalived-first", "keepalived-second", "keepalived-last"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := setLinks(t, place)
			a, b, c := l.gateways[0], l.gateways[1], l.gateways[2]
			for _, g := range l.gateways {
				g.start()
			}
			l.rules(a)
			l.event("the first loses one link", b, func() { a.unplug("eth1") })
			l.rules(b)
			l.event("the second crashes", c, b.crash)
			l.rules(c)
			l.event("the second returns", nil, b.start)
			l.rules(b)
			l.event("the first has its link again", nil, func() { a.plug("eth1") })
			l.rules(a)
			l.event("the first resigns", b, a.resign)
			l.rules(b)
			l.event("the second loses the other link", c, func() { b.unplug("eth0") })
			l.rules(c)
			l.event("the first returns", nil, a.start)
			l.rules(a)
			l.event("the second has its link again", nil, func() { b.plug("eth0") })
			l.rules(a)
			l.event("the first crashes", b, a.crash)
			l.rules(b)
			for _, p := range l.parties {
				p.checkLogs()
			}
		})
	}
}

// beyond is what v3IPv4 is on the second link.
var beyond = dialect{version: 3, interval: v3IPv4.interval, addrs: prefixes("198.51.100.100/24")}

// links are two links that three gateways connect, and a client on each.
type links struct {
	*stage
	parties  []*party // one a link
	gateways []*gateway
}

// A gateway has a leg on each link.
type gateway struct {
	*stage
	host     *lab.Host
	daemon   lab.Daemon
	priority int
	run      *lab.Proc
	legs     [2]*leg
}

// A leg is the port of a gateway on one link.
type leg struct {
	box
	port string
}

// setLinks makes the network; the gateways have descending priorities, and
// keepalived is the one at place.
func setLinks(t *testing.T, place int) *links {
	t.Helper()
	s := setStage(t)
	far := *s
	var err error
	far.client, err = s.Host("far", lab.Port{Name: "eth0", Segment: "other", Addrs: []string{"198.51.100.200/24"}})
	s.must(err)
	far.wire, err = s.Capture("other")
	s.must(err)
	l := &links{stage: s, parties: []*party{
		{stage: s, seen: s.probe(v3IPv4.vip())},
		{stage: &far, seen: far.probe(beyond.vip())},
	}}
	for i, priority := range []int{200, 150, 100} {
		g := &gateway{stage: s, host: s.twoPorts(fmt.Sprintf("gateway%d", i+1), i+1), daemon: regentd, priority: priority}
		if i == place {
			g.daemon = lab.Keepalived()
		}
		for n, d := range []dialect{v3IPv4, beyond} {
			g.legs[n] = &leg{box: box{stage: s, host: g.host, number: i + 1, speaks: d}, port: fmt.Sprintf("eth%d", n)}
			l.parties[n].routers = append(l.parties[n].routers, g.legs[n])
		}
		l.gateways = append(l.gateways, g)
	}
	return l
}

// event lets something happen that one link or both may feel. The heir, if
// the master changes for the worse, may find out by silence alone.
func (l *links) event(what string, heir *gateway, do func()) {
	l.Helper()
	silence := v3IPv4.interval
	if heir != nil {
		silence = v3IPv4.down(heir.priority, v3IPv4.interval)
	}
	for _, p := range l.parties {
		p.expect(what, silence)
	}
	do()
}

// rules waits until a gateway is the only master on both links.
func (l *links) rules(g *gateway) {
	l.Helper()
	for n, p := range l.parties {
		p.rules(g.legs[n], uint8(g.priority))
	}
}

func (g *gateway) start() {
	g.Helper()
	for _, leg := range g.legs {
		g.plug(leg.port)
	}
	conf := ""
	for n, leg := range g.legs {
		conf += fmt.Sprintf(`
vrrp_instance VI_%d {
    interface %s
    version 3
    virtual_router_id %d
    priority %d
    advert_int %g
    virtual_ipaddress {
        %s
    }
}
`, n+1, leg.port, vrid, g.priority, leg.speaks.interval.Seconds(), leg.speaks.addrs[0])
	}
	g.run = g.stage.start(g.daemon, g.host, conf+"vrrp_sync_group G {\n group {\n VI_1\n VI_2\n }\n}\n")
	for _, leg := range g.legs {
		leg.runs = append(leg.runs, g.run)
	}
}

func (g *gateway) crash() {
	g.Helper()
	g.run.Kill()
	for _, leg := range g.legs {
		g.unplug(leg.port)
	}
	g.ended(g.run)
}

func (g *gateway) resign() {
	g.Helper()
	g.must(g.run.Signal(syscall.SIGTERM))
	g.ended(g.run)
}

func (g *gateway) plug(port string) {
	g.Helper()
	g.must(g.host.Plug(port))
	g.leg(port).dead = false
}

func (g *gateway) unplug(port string) {
	g.Helper()
	g.must(g.host.Unplug(port))
	g.leg(port).dead = true
}

func (g *gateway) leg(port string) *leg {
	if port == "eth1" {
		return g.legs[1]
	}
	return g.legs[0]
}

func (l *leg) name() string { return l.port + " of " + l.host.Name }
func (l *leg) vmac() string { return l.host.MAC(l.port).String() }

func (l *leg) src() netip.Addr {
	if l.port == "eth1" {
		return netip.MustParseAddr(fmt.Sprintf("198.51.100.%d", l.number))
	}
	return l.box.src()
}

func (l *leg) owns(v bool) bool { return (!l.dead && l.host.Has(l.vip())) == v }
