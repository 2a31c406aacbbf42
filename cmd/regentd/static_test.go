package main_test

import (
	"net/netip"
	"strings"
	"syscall"
	"testing"

	"regent/cmd/internal/lab"
)

// statics is a configuration with things on eth1 that stay whoever is master.
const statics = `
global_defs {
    default_interface eth1
}
track_group uplink {
    group {
        VI_1
    }
}
static_ipaddress {
    198.51.100.10/24 track_group uplink
    198.51.100.11/24 dev eth1
    2001:db8:1::10/64 dev eth1
}
static_routes {
    198.18.0.0/24 via 198.51.100.1 dev eth1
    2001:db8:2::/64 via 2001:db8:1::1 dev eth1
}
static_rules {
    from 198.18.0.0/24 table 100 preference 1000
}
`

var static10, static11, static6 = netip.MustParseAddr("198.51.100.10"), netip.MustParseAddr("198.51.100.11"), netip.MustParseAddr("2001:db8:1::10")

// ip runs iproute2 on a host and returns what it prints.
func (s *stage) ip(h *lab.Host, args ...string) string {
	s.Helper()
	out, err := h.Run(s.Context(), "ip", args...)
	s.must(err)
	return out
}

// hasPaths reports whether a host has the routes and the rule of statics.
func (s *stage) hasPaths(h *lab.Host) (routes, rule bool) {
	s.Helper()
	routes = strings.Contains(s.ip(h, "route"), "198.18.0.0/24 via 198.51.100.1 dev eth1") &&
		strings.Contains(s.ip(h, "-6", "route"), "2001:db8:2::/64 via 2001:db8:1::1 dev eth1")
	return routes, strings.Contains(s.ip(h, "rule"), "from 198.18.0.0/24 lookup 100")
}

// settled waits until a host has all of statics.
func (s *stage) settled(what string, h *lab.Host) {
	s.Helper()
	s.until(what, func() bool {
		routes, rule := s.hasPaths(h)
		return h.Has(static10, static11, static6) && routes && rule
	})
}

// static_ipaddress, static_routes, static_rules, track_group: regent and
// keepalived do the same with the same configuration.
func TestStatics(t *testing.T) {
	for _, d := range []lab.Daemon{regentd, lab.Keepalived()} {
		t.Run(d.Name, func(t *testing.T) {
			t.Parallel()
			s := setStage(t)
			h := s.twoPorts("router", 1)
			p := s.start(d, h, statics+instance("eth0", 200, "0.5"))
			s.settled("all is there", h)
			s.until("the router has its address", func() bool { return h.Has(vip) })

			s.must(h.RemoveAddress("eth1", "198.51.100.11/24"))
			s.must(h.RemoveAddress("eth1", "2001:db8:1::10/64"))
			s.settled("what somebody removed is back", h)

			s.must(h.LinkDown("eth1"))
			s.until("the router of the track_group is in FAULT", func() bool { return p.Said("Entering FAULT STATE") })
			s.must(h.LinkUp("eth1"))
			s.settled("what went with the link is back", h)
			s.until("the router has its address again", func() bool { return h.Has(vip) })

			s.must(h.Remove("eth1"))
			s.until("the router has noticed", func() bool { return !h.Has(vip) })
			s.must(h.Attach(lab.Port{Name: "eth1", Segment: "other", Addrs: []string{"198.51.100.1/24"}}))
			s.settled("a new link of the name has everything", h)

			s.must(p.Signal(syscall.SIGTERM))
			s.ended(p)
			routes, rule := s.hasPaths(h)
			if h.Count(vip, static10, static11, static6) != 0 || routes || rule {
				t.Errorf("it has left something behind:\n%s%s%s", s.ip(h, "addr"), s.ip(h, "route"), s.ip(h, "rule"))
			}
		})
	}
}

// B-29: a daemon that was killed is followed by one with another configuration:
// what it says stays untouched, the rest is gone. A reload does the same.
func TestStaticsChange(t *testing.T) {
	t.Parallel()
	s := setStage(t)
	h := s.twoPorts("router", 1)
	p := s.start(regentd, h, statics+instance("eth0", 200, "0.5"))
	s.settled("all is there", h)
	s.must(h.AddAddress("eth1", "198.51.100.77/24")) // somebody else's
	p.Kill()
	s.ended(p)
	events, err := h.WatchAddresses()
	s.must(err)
	fewer := strings.NewReplacer("    198.51.100.11/24 dev eth1\n", "", "    198.18.0.0/24 via 198.51.100.1 dev eth1\n", "").
		Replace(statics) + instance("eth0", 100, "30")
	p = s.start(regentd, h, fewer)
	s.until("it is backup", func() bool { return p.Said("Entering BACKUP STATE") })
	if h.Has(static11) || strings.Contains(s.ip(h, "route"), "198.18.0.0/24") {
		t.Error("the predecessor's leftovers are still there when Backup begins")
	}
	file, err := s.File("router/regentd-2.conf", statics+instance("eth0", 100, "30"))
	s.must(err)
	s.must(p.Signal(syscall.SIGHUP))
	s.settled("the reload has brought back what "+file+" says", h)
	_, err = s.File("router/regentd-2.conf", fewer)
	s.must(err)
	s.must(p.Signal(syscall.SIGHUP))
	s.until("the next one has removed it", func() bool {
		routes, _ := s.hasPaths(h)
		return !h.Has(static11) && !routes
	})
	if !h.Has(netip.MustParseAddr("198.51.100.77")) {
		t.Error("an address of somebody else is gone")
	}
	seen, err := events.Events()
	s.must(err)
	for _, e := range seen {
		if (e.Addr == static10 || e.Addr == static6) && !e.Added {
			t.Errorf("%v was removed, though it was to stay", e.Addr)
		}
	}
}

// W-9: a router whose only address is static sends its adverts from it.
func TestAStaticSource(t *testing.T) {
	t.Parallel()
	s := setStage(t)
	h := s.host("router")
	s.start(regentd, h, "static_ipaddress {\n    192.0.2.9/24 dev eth0\n}\n"+instance("eth0", 200, "0.1"))
	s.advertised("it advertises from there", vrid, func(a lab.Advert) bool { return a.Src == netip.MustParseAddr("192.0.2.9") })
}

// What somebody removes of static routes and rules comes back, also the routes
// that go with an address without a word; no_track is not looked after.
func TestStaticPathsAreRestored(t *testing.T) {
	t.Parallel()
	s := setStage(t)
	h := s.twoPorts("router", 1)
	loose := strings.Replace(statics, "static_routes {", "static_routes {\n    198.18.9.0/24 via 198.51.100.1 dev eth1 no_track", 1)
	s.start(regentd, h, loose+instance("eth0", 200, "0.5"))
	s.settled("all is there", h)
	s.until("the one that is not tracked, too", func() bool { return strings.Contains(s.ip(h, "route"), "198.18.9.0/24") })
	s.ip(h, "route", "del", "198.18.9.0/24")
	s.ip(h, "route", "del", "198.18.0.0/24")
	s.settled("the IPv4 route is back", h)
	s.ip(h, "-6", "route", "del", "2001:db8:2::/64")
	s.settled("the IPv6 route is back", h)
	s.ip(h, "rule", "del", "preference", "1000")
	s.settled("the rule is back", h)
	s.must(h.RemoveAddress("eth1", "198.51.100.1/24")) // takes its network and the others along
	s.settled("what went with an address is back", h)
	if strings.Contains(s.ip(h, "route"), "198.18.9.0/24") {
		t.Error("no_track: the route is back")
	}
}
