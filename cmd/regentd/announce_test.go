package main_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"regent/cmd/internal/lab"
)

// An island is a host with a daemon on two wires of its own, eth0 and eth1.
type island struct {
	*lab.Host
	wires [2]*lab.Capture
	proc  *lab.Proc
}

func (s *stage) island(d lab.Daemon, conf string) *island {
	s.Helper()
	h, err := s.Host(d.Name,
		lab.Port{Name: "eth0", Segment: d.Name + "0", Addrs: []string{"192.0.2.1/24", "2001:db8::1/64"}},
		lab.Port{Name: "eth1", Segment: d.Name + "1", Addrs: []string{"198.51.100.1/24"}})
	s.must(err)
	i := &island{Host: h}
	for n := range i.wires {
		i.wires[n], err = h.Capture(fmt.Sprintf("eth%d", n))
		s.must(err)
	}
	i.proc = s.start(d, h, conf)
	return i
}

// A claim is one that was made on a link of an island.
type claim struct {
	at   time.Time
	what string // the link and the address
}

// claims returns what is claimed on both links, in order, of one family.
func (i *island) claims(v4 bool) (all []claim) {
	for n, w := range i.wires {
		for _, c := range w.Claims() {
			if c.Addr.Is4() == v4 && c.Addr.String() != "2001:db8::1" && !c.Addr.IsLinkLocalUnicast() {
				all = append(all, claim{c.At, fmt.Sprintf("eth%d %v", n, c.Addr)})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b claim) int { return a.at.Compare(b.at) })
	return all
}

func whatOf(cs []claim) (all []string) {
	for _, c := range cs {
		all = append(all, c.what)
	}
	return all
}

// announcing is two routers that announce five addresses of eth0 and eth1 twice.
const announcing = `
vrrp_instance A {
    interface eth0
    virtual_router_id 51
    priority 250
    advert_int 0.1
    garp_master_repeat 1
    garp_master_delay 5
    virtual_ipaddress {
        192.0.2.101/24
        192.0.2.102/24
        198.51.100.110/24 dev eth1
    }
    virtual_ipaddress_excluded {
        2001:db8::101/64
        2001:db8::102/64
    }
}
vrrp_instance B {
    interface eth0
    virtual_router_id 52
    priority 150
    advert_int 0.1
    garp_master_repeat 1
    garp_master_delay 5
    virtual_ipaddress {
        192.0.2.103/24
        192.0.2.104/24
    }
}
`

// B-3: with vrrp_garp_interval, vrrp_gna_interval or a garp_group the two
// daemons announce the same addresses as often, regentd all of them before any
// once more, and neither faster than it is told to.
func TestPaceIsTheSameAsKeepalived(t *testing.T) {
	t.Parallel()
	const spacing = 60 * time.Millisecond
	for name, test := range map[string]struct {
		conf  string
		apart bool // each link has a pace of its own
	}{
		"globals": {"global_defs {\nvrrp_version 3\nvrrp_garp_interval 0.06\nvrrp_gna_interval 0.06\n}\n" + announcing, true},
		"group": {"global_defs {\nvrrp_version 3\nvrrp_garp_interval 9\nvrrp_gna_interval 9\n}\n" +
			"garp_group {\ngarp_interval 0.06\ngna_interval 0.06\ninterfaces {\neth0\neth1\n}\n}\n" + announcing, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := setStage(t)
			ours, theirs := s.island(regentd, test.conf), s.island(lab.Keepalived(), test.conf)
			const arps, nas = 2 * 5, 2 * 2
			for _, i := range []*island{ours, theirs} {
				s.until(i.Name+" has announced everything twice", func() bool { return len(i.claims(true)) >= arps && len(i.claims(false)) >= nas })
				s.must(i.proc.Signal(syscall.SIGTERM))
			}
			for _, i := range []*island{ours, theirs} {
				s.ended(i.proc)
			}
			for family, n := range map[bool]int{true: arps, false: nas} {
				a, b := ours.claims(family), theirs.claims(family)
				if test.apart { // what one link says is no matter of the other's
					for _, cs := range [][]claim{a, b} {
						slices.SortStableFunc(cs, func(x, y claim) int { return int(x.what[3]) - int(y.what[3]) })
					}
				}
				got, want := whatOf(a), whatOf(b)
				if len(got) != n || !slices.Equal(slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(want))) {
					t.Errorf("regentd announces %v, keepalived %v", got, want)
				}
				// Which of two routers is first is a matter of luck.
				if first, second := slices.Sorted(slices.Values(got[:n/2])), slices.Sorted(slices.Values(got[n/2:])); !test.apart && !slices.Equal(first, second) {
					t.Errorf("regentd announces first %v, then %v", got[:n/2], got[n/2:])
				}
			}
			for _, i := range []*island{ours, theirs} {
				all := i.claims(true)
				if test.apart {
					all = slices.DeleteFunc(all, func(c claim) bool { return c.what[3] != '0' })
				}
				// The first of a burst may leave later than it counts, so all of it is
				// measured, with one interval to spare.
				burst := all[:len(all)/2]
				took, least := burst[len(burst)-1].at.Sub(burst[0].at), time.Duration(len(burst)-2)*spacing-spacing/10
				if took < least {
					t.Errorf("%s needs %v for %d announcements, want %v at least", i.Name, took, len(burst), least)
				}
			}
		})
	}
}

// vrrp_garp_extra_if: the two daemons announce again what lives on another link
// than the adverts, and nothing else. With vrrp_min_garp each address is
// announced but once before that.
func TestExtraAnnouncementsAreTheSameAsKeepalived(t *testing.T) {
	t.Parallel()
	s := setStage(t)
	const conf = `
global_defs {
    vrrp_version 3
    vrrp_min_garp
    vrrp_garp_extra_if all 1
}
vrrp_instance A {
    interface eth0
    virtual_router_id 51
    priority 250
    advert_int 0.1
    virtual_ipaddress {
        192.0.2.101/24
        198.51.100.110/24 dev eth1
    }
}
`
	want := []string{"eth0 192.0.2.101", "eth1 198.51.100.110", "eth1 198.51.100.110", "eth1 198.51.100.110"}
	for _, d := range []lab.Daemon{regentd, lab.Keepalived()} {
		vigil := s.Vigil()
		i := s.island(d, conf)
		s.until(i.Name+" has announced twice more", func() bool { return len(i.wires[1].Claims()) >= 3 })
		all := i.claims(true)
		if got := whatOf(all[:min(len(all), len(want))]); !slices.Equal(got, want) {
			t.Errorf("%s announces %v, want %v", i.Name, got, want)
		}
		if took, lost := i.wires[1].Claims()[2].At.Sub(i.wires[1].Claims()[0].At), vigil.Lost(); took+lost < 1500*time.Millisecond {
			t.Errorf("%s announces three times in %v", i.Name, took)
		}
		vigil.End()
	}
}

// S-47: an address that a reload brings to a master is announced, and no other.
// keepalived announces all again, which tells the neighbours nothing new. One that
// a reload takes away costs an advert.
func TestANewAddressIsAnnounced(t *testing.T) {
	t.Parallel()
	s := setStage(t)
	h := s.host("router", "192.0.2.1/24")
	few := instance("eth0", 200, "0.1", "garp_master_delay 0", "virtual_ipaddress_excluded {\n        192.0.2.101/24\n        192.0.2.102/24\n    }")
	more := strings.Replace(few, "        192.0.2.102/24\n", "        192.0.2.102/24\n        192.0.2.103/24\n", 1)
	p := s.start(regentd, h, few)
	fresh := netip.MustParseAddr("192.0.2.103")
	told := map[netip.Addr]int{}
	count := func() {
		clear(told)
		for _, c := range s.wire.Claims() {
			told[c.Addr]++
		}
	}
	const each = 5 // garp_master_repeat
	s.until("all are announced", func() bool { count(); return told[vip] == each && told[netip.MustParseAddr("192.0.2.102")] == each })
	for n, conf := range []string{more, few} {
		// What it does not know to be there yet it would announce once more.
		s.until("it knows that its addresses are there", func() bool { return p.Said("link interface=eth0 ", fmt.Sprint("addresses=", 5+n)) })
		_, err := s.File("router/regentd-1.conf", conf)
		s.must(err)
		reloaded := time.Now()
		s.must(p.Signal(syscall.SIGHUP))
		s.until("the kernel has it, or not", func() bool { return h.Has(fresh) == (n == 0) })
		s.advertised("an advert after that", vrid, func(a lab.Advert) bool { return a.At.After(reloaded) })
		s.until("the new one is announced", func() bool { count(); return told[fresh] == each })
	}
	count()
	for addr, n := range told {
		if n != each {
			t.Errorf("%v was announced %d times, want %d", addr, n, each)
		}
	}
}
