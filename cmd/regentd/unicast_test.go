package main_test

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"regent/cmd/internal/lab"
)

// A pairing is a unicast router on each side of a router that forwards between
// the lan and a segment beyond, where no multicast passes.
type pairing struct {
	*stage
	near, far   *lab.Host
	nears, fars netip.Addr // their sources
}

// setPairing puts the two hosts up, without daemons.
func setPairing(t *testing.T, v6 bool) *pairing {
	t.Helper()
	s := setStage(t)
	p := &pairing{stage: s}
	lan, beyond := "192.0.2.%d/24", "198.51.100.%d/24"
	if v6 {
		lan, beyond = "2001:db8::%d/64", "2001:db8:f::%d/64"
	}
	at := func(net string, n int) string { return fmt.Sprintf(net, n) }
	middle, err := s.Host("middle", lab.Port{Name: "eth0", Segment: "lan", Addrs: []string{at(lan, 254)}},
		lab.Port{Name: "eth1", Segment: "beyond", Addrs: []string{at(beyond, 254)}})
	s.must(err)
	s.must(middle.Sysctl("net/ipv4/ip_forward", "1"))
	s.must(middle.Sysctl("net/ipv6/conf/all/forwarding", "1"))
	p.near = s.host("near", at(lan, 1))
	p.far, err = s.Host("far", lab.Port{Name: "eth0", Segment: "beyond", Addrs: []string{at(beyond, 1)}})
	s.must(err)
	addr := func(prefix string) netip.Addr { return netip.MustParsePrefix(prefix).Addr() }
	p.nears, p.fars = addr(at(lan, 1)), addr(at(beyond, 1))
	for h, via := range map[*lab.Host]string{p.near: at(lan, 254), p.far: at(beyond, 254)} {
		_, err := h.Run(s.Context(), "ip", "route", "add", "default", "via", addr(via).String())
		s.must(err)
	}
	return p
}

// conf is a router at one end; a line that names the interface is one of more.
func (p *pairing) conf(priority int, source, peer netip.Addr, more ...string) string {
	virtual := "203.0.113.100/32 dev eth0"
	if source.Is6() {
		virtual = "fe80::100/64 dev eth0\n        2001:db8:a::100/128 dev eth0"
	}
	return fmt.Sprintf(`
vrrp_instance VI_1 {
    version 3
    virtual_router_id %d
    priority %d
    advert_int 0.2
    unicast_src_ip %s
    unicast_peer {
        %s
    }
    check_unicast_src
    virtual_ipaddress {
        %s
    }
    %s
}
`, vrid, priority, source, peer, virtual, strings.Join(more, "\n    "))
}

// U-1, U-3, W-8: unicast peers reach each other through a router, with an
// interface named or not, in both families; the one that it is too far for
// (min_ttl) does not hear.
func TestUnicastThroughARouter(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		v6   bool
		line string // of both
	}{
		{"IPv4", false, "interface eth0"}, {"IPv4-anywhere", false, ""},
		{"IPv6", true, "interface eth0"}, {"IPv6-anywhere", true, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p := setPairing(t, test.v6)
			vip := netip.MustParseAddr("203.0.113.100")
			if test.v6 {
				vip = netip.MustParseAddr("2001:db8:a::100")
			}
			far := p.start(regentd, p.far, p.conf(150, p.fars, p.nears, test.line))
			const patience = "down_timer_adverts 25" // for five seconds
			near := p.start(regentd, p.near, p.conf(100, p.nears, p.fars, test.line, patience))
			p.until("the better one has the address, and the other none", func() bool { return p.far.Has(vip) && !p.near.Has(vip) })
			last := p.advertised("it is heard beyond the router", vrid, func(a lab.Advert) bool { return a.Src == p.fars && a.Priority == 150 })
			if last.TTL != 254 || last.Dst != p.nears {
				t.Errorf("adverts arrive with TTL %d for %v", last.TTL, last.Dst)
			}
			p.must(far.Signal(syscall.SIGTERM))
			p.ended(far)
			p.until("the other one has heard that, and has it", func() bool {
				return p.near.Has(vip) && near.Said("Entering MASTER STATE", p.fars.String()+" resigned")
			})

			p.start(regentd, p.far, p.conf(150, p.fars, p.nears, test.line))
			p.until("the better one has it again", func() bool { return p.far.Has(vip) && !p.near.Has(vip) })

			_, err := p.File(filepath.Join("near", "regentd-1.conf"), strings.Replace(
				p.conf(100, p.nears, p.fars, test.line, patience), p.fars.String()+"\n", p.fars.String()+" min_ttl 255\n", 1))
			p.must(err)
			p.must(near.Signal(syscall.SIGHUP))
			p.until("who listens to nobody behind a router is master, too", func() bool { return p.near.Has(vip) && near.Said("dropped", "TTL") })
		})
	}
}

// U-1: a peer that there is no way to does not keep the others from hearing.
// H-14 holds there, too: each copy is right by itself.
func TestAPeerThatCannotBeReached(t *testing.T) {
	for _, signed := range []bool{false, true} {
		t.Run(fmt.Sprint("signed-", signed), func(t *testing.T) {
			t.Parallel()
			s := setStage(t)
			d := v3IPv4
			if signed {
				d = d.with(s.signing("enforce", 1, 1))
			}
			a, b := s.host("a", "192.0.2.1/24"), s.host("b", "192.0.2.2/24")
			_, err := a.Run(s.Context(), "ip", "route", "add", "unreachable", "198.51.100.0/24")
			s.must(err)
			// 203.0.113.9 has no route, 198.51.100.9 a bad one, and 192.0.2.9 is not there.
			peers := "unicast_peer {\n        198.51.100.9\n        203.0.113.9\n        192.0.2.9\n        192.0.2.2\n    }"
			pa := s.start(regentd, a, strings.Replace(d.with("unicast_src_ip 192.0.2.1", peers).conf(150, 1, 2), "interface eth0\n", "\n", 1))
			s.until("a has the address", func() bool { return a.Has(vip) })
			pb := s.start(regentd, b, d.with("unicast_src_ip 192.0.2.2", "unicast_peer {\n        192.0.2.1\n    }", patience).conf(100, 2, 1))
			s.until("b is backup", func() bool { return pb.Said("Entering BACKUP STATE") })
			since := time.Now()
			s.until("adverts arrive", func() bool { return adverts(s.wire, own(1, false).Addr(), since) > 10 })
			if b.Has(vip) || pb.Said("Entering MASTER STATE") {
				t.Error("b has taken over")
			}
			s.until("a says whom it cannot reach", func() bool { return pa.Said("cannot send adverts", "to=198.51.100.9") })
			if pa.Said("cannot send adverts", "to=192.0.2.2") {
				t.Error("a says that it cannot reach b")
			}
		})
	}
}

// U-1: SIGHUP adds peers and takes them away; the master stays, and the copies
// go to those that there are.
func TestPeersComeAndGo(t *testing.T) {
	t.Parallel()
	s := setStage(t)
	h := s.host("router", "192.0.2.1/24")
	s.host("peers", "192.0.2.2/24", "192.0.2.3/24", "192.0.2.4/24")
	conf := func(peers ...int) string {
		text := "unicast_peer {"
		for _, n := range peers {
			text += fmt.Sprintf("\n        %s", own(n, false).Addr())
		}
		return instance("eth0", 150, "0.2", text+"\n    }")
	}
	p := s.start(regentd, h, conf(2, 3))
	to := func(want ...int) {
		t.Helper()
		since := time.Now()
		s.until(fmt.Sprintf("adverts go to %v", want), func() bool {
			heard := make(map[netip.Addr]int)
			for _, a := range s.wire.Adverts() {
				if a.At.After(since) && a.Src == own(1, false).Addr() {
					heard[a.Dst]++
				}
			}
			if heard[own(want[0], false).Addr()] < 3 {
				return false
			}
			for _, n := range want {
				delete(heard, own(n, false).Addr())
			}
			if len(heard) > 0 {
				t.Fatalf("adverts go to %v, too", heard)
			}
			return true
		})
	}
	to(2, 3)
	for i, peers := range [][]int{{2, 3, 4}, {4}, {3, 2}} {
		_, err := s.File("router/regentd-1.conf", conf(peers...))
		s.must(err)
		s.must(p.Signal(syscall.SIGHUP))
		s.until("it has reloaded", func() bool { return strings.Count(p.Log(), "reloaded ") == i+1 })
		to(peers...)
	}
	if slices.ContainsFunc(s.wire.Adverts(), func(a lab.Advert) bool { return a.Priority != 150 }) || strings.Count(p.Log(), "Entering MASTER") != 1 {
		t.Error("the master did not stay")
	}
}

// R-1, W-1: two unicast instances and one for the group, all with one VRID on
// one link, each beside a keepalived that has the other half of it.
func TestOneVRIDForThreeNeighbours(t *testing.T) {
	t.Parallel()
	s := setStage(t)
	h := s.host("regent", "192.0.2.1/24")
	half := func(name, address string, priority int, more string) string {
		return strings.NewReplacer("VI_1", name, "192.0.2.100", address).Replace(instance("eth0", priority, "0.2", more))
	}
	unicast := func(self, other int) string {
		return fmt.Sprintf("unicast_src_ip %s\n    unicast_peer {\n        %s\n    }", own(self, false).Addr(), own(other, false).Addr())
	}
	type neighbour struct {
		*lab.Host
		*lab.Proc
		address netip.Addr
	}
	var ours string
	var all []neighbour
	for i, more := range []func(self, other int) string{func(int, int) string { return "" }, unicast, unicast} {
		n := i + 2
		address := fmt.Sprintf("192.0.2.10%d", n)
		ours += half(fmt.Sprint("VI_", n), address, 100, more(1, n)+"\n    down_timer_adverts 25") // five seconds
		x := neighbour{Host: s.host(fmt.Sprint("keepalived", n), own(n, false).String()), address: netip.MustParseAddr(address)}
		x.Proc = s.start(lab.Keepalived(), x.Host, half("VI_1", address, 150, more(n, 1)))
		all = append(all, x)
	}
	regent := s.start(regentd, h, ours)
	s.until("each neighbour has its address, and regent none", func() bool {
		return !slices.ContainsFunc(all, func(x neighbour) bool { return !x.Has(x.address) || h.Has(x.address) })
	})
	for i, x := range all {
		x.Kill()
		s.must(x.Unplug("eth0"))
		s.until("regent has the address of the one that died", func() bool { return h.Has(x.address) })
		for _, other := range all[i+1:] {
			if h.Has(other.address) {
				t.Errorf("it has %v, too, whose master lives", other.address)
			}
		}
	}
	if regent.Said("dropped") || regent.Said("another master") {
		t.Error("it takes the adverts of one for those of another")
	}
}

// unicast_fault_no_peer, track_src_ip: what keeps a router in FAULT, as people
// see it, and what brings it back.
func TestUnicastFaults(t *testing.T) {
	t.Parallel()
	s := setStage(t)
	h := s.host("router", "192.0.2.1/24")
	p := s.start(regentd, h, instance("eth0", 150, "0.2", "unicast_src_ip 192.0.2.1", "unicast_fault_no_peer"))
	s.until("it is in FAULT for want of peers", func() bool { return p.Said("Entering FAULT STATE", "unicast_fault_no_peer") })
	for i, line := range []string{
		"mcast_src_ip 192.0.2.51\n    track_src_ip", "unicast_src_ip 192.0.2.51\n    unicast_peer {\n        192.0.2.2\n    }",
	} {
		_, err := s.File("router/regentd-1.conf", instance("eth0", 150, "0.2", line))
		s.must(err)
		s.must(p.Signal(syscall.SIGHUP))
		gone := func() int { return strings.Count(p.Log(), "no source address 192.0.2.51") }
		s.until("it is in FAULT for want of its source", func() bool { return gone() == 2*i+1 && !h.Has(vip) })
		s.must(h.AddAddress("eth0", "192.0.2.51/24"))
		s.until("it is master, and sends from there", func() bool {
			last, ok := s.wire.Last(vrid)
			return h.Has(vip) && (i == 1 || ok && last.Src == netip.MustParseAddr("192.0.2.51"))
		})
		s.must(h.RemoveAddress("eth0", "192.0.2.51/24"))
		s.until("it is in FAULT again, and has nothing", func() bool { return gone() == 2*i+2 && !h.Has(vip) })
	}
}

// U-1: peers that are dead keep adverts waiting in the kernel while it calls for
// them. However many those are, the living ones hear every advert.
func TestDeadPeersDoNotFillTheQueue(t *testing.T) {
	t.Parallel()
	s := setStage(t)
	a, b := s.host("a", "192.0.2.1/24"), s.host("b", "192.0.2.2/24")
	peers := []string{"192.0.2.2"}
	for n := 10; n < 140; n++ {
		peers = append(peers, own(n, false).Addr().String())
	}
	all := "unicast_peer {\n        " + strings.Join(peers, "\n        ") + "\n    }"
	pa := s.start(regentd, a, instance("eth0", 150, "0.02", all))
	s.until("a has the address", func() bool { return a.Has(vip) })
	pb := s.start(regentd, b, instance("eth0", 100, "0.02", "unicast_peer {\n        192.0.2.1\n    }", "down_timer_adverts 100"))
	s.until("b is backup", func() bool { return pb.Said("Entering BACKUP STATE") })
	since := time.Now()
	s.until("hundreds of adverts have arrived", func() bool { return adverts(s.wire, own(1, false).Addr(), since) >= 500 })
	if pa.Said("cannot send adverts") {
		t.Error("adverts were lost")
	}
	gap, last := time.Duration(0), since
	for _, x := range s.wire.Adverts() {
		if x.Src == own(1, false).Addr() && x.Dst == own(2, false).Addr() && x.At.After(since) {
			gap, last = max(gap, x.At.Sub(last)), x.At
		}
	}
	if gap < 2*time.Second && pb.Said("Entering MASTER STATE") { // else it was right
		t.Errorf("b has taken over, and adverts came every %v", gap)
	}
}
