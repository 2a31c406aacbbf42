package daemon

import (
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"regent/netif"
)

// fixed is a configuration of static addresses, routes and rules on eth1.
const fixed = `
static_ipaddress {
	198.51.100.10/24 dev eth1
	198.51.100.11/24 dev eth1 no_track
}
static_routes {
	198.18.0.0/24 via 198.51.100.1 dev eth1
}
static_rules {
	from 198.18.0.0/24 table 100 preference 1000
}
`

var fixed10, fixed11 = netip.MustParseAddr("198.51.100.10"), netip.MustParseAddr("198.51.100.11")

// second gives a node another link, eth1, with no addresses.
func (n *node) second() *node {
	n.Attach(n.w.segment, "eth1", []byte{2, 0, 0, 0, 1, 1})
	return n
}

// asked returns the changes of addresses, routes and rules that were asked for,
// "+" before those to be added, since some of them.
func (n *node) asked(addresses, routes, rules int) (all []string) {
	sign := map[bool]string{false: "+", true: "-"}
	for _, c := range n.Changes()[addresses:] {
		all = append(all, sign[c.Remove]+c.Address.Prefix.String())
	}
	allRoutes, allRules := n.Paths()
	for _, c := range allRoutes[routes:] {
		all = append(all, sign[c.Remove]+"route "+c.Route.Destination.String())
	}
	for _, c := range allRules[rules:] {
		all = append(all, sign[c.Remove]+"rule "+c.Rule.From.String())
	}
	return all
}

// since returns what was asked for since it was made.
func (n *node) since() func() []string {
	synctest.Wait()
	routes, rules := n.Paths()
	a, r, u := len(n.Changes()), len(routes), len(rules)
	return func() []string {
		synctest.Wait()
		return n.asked(a, r, u)
	}
}

func (w *world) equal(what string, got []string, want ...string) {
	w.Helper()
	if !slices.Equal(got, want) {
		w.Errorf("%s: %v, want %v", what, got, want)
	}
}

// Fixtures come before any router begins, and go after all of them.
func TestFixturesAreThereAllTheTime(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node(1).second()
		n.start(fixed + conf(150))
		w.equal("at the start", n.asked(0, 0, 0), "+198.51.100.10/24", "+198.51.100.11/24", "+route 198.18.0.0/24", "+rule 198.18.0.0/24")
		n.is(Backup)
		w.pass(5 * time.Second)
		n.is(Master)
		ended := n.since()
		n.stop()
		w.equal("at the end", ended(), "-192.0.2.100/24", "-198.51.100.11/24", "-198.51.100.10/24", "-route 198.18.0.0/24", "-rule 198.18.0.0/24")
	})
}

// A static rule needs no link, and so none that would bring it.
func TestAStaticRuleAlone(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node(1).start("static_rules {\nfrom 198.18.0.0/24 table 100 preference 1000\n}\n" + conf(150))
		w.equal("at the start", n.asked(0, 0, 0), "+rule 198.18.0.0/24")
	})
}

// A reload touches what changes and leaves the rest alone. What turns from
// static to virtual, or back, never leaves its link while somebody has it.
func TestAReloadOfFixtures(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node(1).second().start(fixed + conf(150))
		w.pass(5 * time.Second)
		change := n.since()
		n.Reload(parse(w, fixed+conf(150)))
		w.equal("the same again", change())

		n.Reload(parse(w, strings.Replace(fixed, "100.11/24", "100.12/24", 1)+conf(150)))
		got := change()
		if slices.Contains(got, "-198.51.100.10/24") || slices.Contains(got, "-route 198.18.0.0/24") || n.Has(fixed11) || !n.Has(netip.MustParseAddr("198.51.100.12")) {
			t.Errorf("one other address: %v", got)
		}

		change = n.since()
		watched := "track_group G {\ngroup {\nV\n}\n}\n" + strings.NewReplacer("100.10/24 dev eth1", "100.10/24 dev eth1 no_track",
			"via 198.51.100.1 dev eth1", "via 198.51.100.1 dev eth1 track_group G", "preference 1000", "preference 1000 no_track").Replace(fixed)
		n.Reload(parse(w, watched+conf(150)))
		if got := change(); slices.ContainsFunc(got, func(s string) bool { return s[0] == '-' && s != "-198.51.100.12/24" }) {
			t.Errorf("who looks after them is another: %v", got)
		}

		change = n.since()
		moved := strings.Replace(conf(150), "192.0.2.100/24", "192.0.2.100/24\n198.51.100.10/24 dev eth1", 1)
		n.Reload(parse(w, moved))
		if slices.Contains(change(), "-198.51.100.10/24") || !n.Has(fixed10) {
			t.Errorf("a static address that becomes a master's: %v", change())
		}
		change = n.since()
		n.Reload(parse(w, fixed+conf(150)))
		if slices.Contains(change(), "-198.51.100.10/24") || !n.Has(fixed10) || !n.Has(fixed11) {
			t.Errorf("and becomes static again: %v", change())
		}
		n.Reload(parse(w, conf(150)))
		synctest.Wait()
		if n.Has(fixed10) || n.Has(fixed11) || !n.Has(vip) {
			t.Error("static addresses stay without a line")
		}
	})
}

// What somebody else removes comes back, unless it is not tracked.
func TestFixturesAreRestored(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node(1).second().start(fixed + conf(150))
		w.pass(5 * time.Second)
		n.forget()
		n.drop("eth1", fixed11)
		if n.Has(fixed11) {
			t.Error("no_track: it has come back")
		}
		n.drop("eth1", fixed10)
		if !n.Has(fixed10) {
			t.Error("it has not come back")
		}
		if n.Has(fixed11) {
			t.Error("no_track: it has come back with another")
		}
		n.told(`5s static addresses are missing; restoring them addresses=198.51.100.10 suppressed=0`)
		w.pass(quiet)
		n.forget()
		change := n.since()
		n.Lose(netif.Loss{ID: fixturesID})
		if !slices.Contains(change(), "+route 198.18.0.0/24") {
			t.Error("the route has not come back")
		}
		n.told(`15s somebody removed static routes or rules; restoring them suppressed=0`)
		n.is(Master)
	})
}

// A link that comes, or comes back, gets its fixtures; a route has none while
// its link is down.
func TestFixturesFollowTheirLinks(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node(1)
		n.start(fixed + conf(150))
		w.equal("without the link", n.asked(0, 0, 0), "+rule 198.18.0.0/24")
		n.second()
		synctest.Wait()
		if !n.Has(fixed10) || !n.Has(fixed11) {
			t.Error("a link that comes has no static addresses")
		}
		n.SetUp("eth1", false)
		n.drop("eth1", fixed10) // as the kernel does, to IPv6
		change := n.since()
		n.SetUp("eth1", true)
		if got := change(); !slices.Contains(got, "+route 198.18.0.0/24") || !n.Has(fixed10) {
			t.Errorf("a link that is up again: %v", got)
		}
		n.Remove("eth1")
		n.second() // one report tells of both
		synctest.Wait()
		if !n.Has(fixed10) || n.Has(fixed11) {
			t.Error("a link that was replaced must have its tracked static addresses, and no others")
		}
		n.Reload(parse(w, conf(150)))
		n.Reload(parse(w, fixed+conf(150)))
		synctest.Wait()
		if !n.Has(fixed11) {
			t.Error("one that is not tracked is asked for by another configuration")
		}
		if refusals := n.lines("the kernel refused"); refusals != nil {
			t.Errorf("it asked for what cannot be: %v", refusals)
		}
	})
}

// That a link has gone down meanwhile is no complaint of its fixtures, but
// anything else that the kernel refuses is.
func TestFixturesThatAreRefused(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node(1).second()
		why := syscall.ENETDOWN
		n.Refuse(func(c netif.Change) error {
			if c.Address.Prefix.Addr() == fixed10 {
				return why
			}
			return nil
		})
		n.start(fixed + conf(150))
		w.pass(5 * time.Second)
		n.is(Master)
		if refusals := n.lines("the kernel refused"); refusals != nil {
			t.Errorf("it complains of a link that is down: %v", refusals)
		}
		why = syscall.EPERM
		n.SetUp("eth1", false)
		synctest.Wait()
		if refusals := n.lines("the kernel refused"); len(refusals) != 1 {
			t.Errorf("it should complain once: %v", refusals)
		}
	})
}

// B-29: what a predecessor left behind goes, but not what is static again.
func TestFixturesOfAPredecessor(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node(1).second()
		for _, a := range []string{"198.51.100.10/24", "198.51.100.77/24"} {
			n.add("eth1", netif.LinkAddress{Prefix: netip.MustParsePrefix(a), Ours: true})
		}
		n.add("eth1", netif.LinkAddress{Prefix: netip.MustParsePrefix("198.51.100.78/24")})
		n.start(fixed + conf(150))
		if slices.Contains(n.asked(0, 0, 0), "-198.51.100.10/24") || !n.Has(fixed10) {
			t.Error("a static address was taken away")
		}
		if n.Has(netip.MustParseAddr("198.51.100.77")) || !n.Has(netip.MustParseAddr("198.51.100.78")) {
			t.Error("what carries the mark must go, and nothing else")
		}
	})
}

// An address that is static and virtual is static: no demotion takes it away.
func TestAFixtureThatIsVirtual(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node(1)
		n.start("static_ipaddress {\n192.0.2.100/24 dev eth0\n}\n" + conf(150, "track_interface {\neth1\n}"))
		n.second()
		w.pass(5 * time.Second)
		n.is(Master)
		n.SetUp("eth1", false)
		w.pass(time.Second)
		n.is(Fault)
		for _, c := range n.Changes() {
			if c.Remove {
				t.Errorf("%v was removed", c.Address.Prefix)
			}
		}
	})
}

// W-9: adverts may come from a static address, which carries the mark of regent.
func TestAStaticSource(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node(1)
		n.drop("eth0", netip.MustParseAddr("192.0.2.1"))
		n.start("static_ipaddress {\n192.0.2.9/24 dev eth0\n}\n" + conf(150))
		w.pass(5 * time.Second)
		n.is(Master)
		if sent := w.segment.Adverts(); sent[0].Envelope.Src.String() != "192.0.2.9" {
			t.Errorf("adverts come from %v", sent[0].Envelope.Src)
		}
	})
}

// A track_group makes its instances depend on the interface of an address, a
// route or a rule that names it.
func TestTrackGroups(t *testing.T) {
	for name, line := range map[string]string{
		"address": "static_ipaddress {\n198.51.100.10/24 dev eth1 track_group G\n}\n",
		"route":   "static_routes {\n198.18.0.0/24 via 198.51.100.1 dev eth1 track_group G\n}\n",
		"rule":    "static_rules {\nfrom 198.18.0.0/24 iif eth1 table 100 preference 1000 track_group G\n}\n",
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				groups := "track_group G {\ngroup {\nV\n}\n}\ntrack_group H {\ngroup {\nW\n}\n}\n"
				both := globals + instance("V", "eth0", 51, "192.0.2.100/24", "priority 150") + instance("W", "eth0", 52, "192.0.2.101/24", "priority 150")
				n := w.node(1).second().start(groups + line + both)
				w.pass(5 * time.Second)
				n.is(Master)
				n.SetUp("eth1", false)
				w.pass(time.Second)
				n.is(Fault)
				n.said(Fault, "interface eth1 is down")
				if c, _ := n.status("W"); c != Master {
					t.Errorf("the instance of another group is %v", c)
				}
				n.SetUp("eth1", true)
				w.pass(5 * time.Second)
				n.is(Master)

				n.SetUp("eth1", false)
				w.pass(time.Second)
				n.is(Fault)
				n.Reload(parse(w, groups+strings.Replace(line, " track_group G", "", 1)+both))
				w.pass(5 * time.Second)
				n.is(Master)
			})
		})
	}
}

// W-9: a reload that makes a router the owner of its addresses, or takes that
// from it, looks for its source anew.
func TestAnOwnerByReload(t *testing.T) {
	inWorld(t, func(w *world) {
		owner := strings.Replace(conf(255), "192.0.2.100/24", "192.0.2.1/24", 1)
		lesser := strings.Replace(conf(150), "192.0.2.100/24", "192.0.2.1/24", 1)
		n := w.node(1).start(owner)
		w.pass(time.Second)
		n.is(Master)
		n.forget()
		n.Reload(parse(w, lesser))
		w.pass(time.Second)
		n.is(Fault) // its only address is virtual now, and so it was given up
		n.add("eth0", netif.LinkAddress{Prefix: netip.MustParsePrefix("192.0.2.1/24")})
		w.pass(time.Second)
		n.is(Fault)
		n.Reload(parse(w, owner))
		w.pass(time.Second)
		n.is(Master)
	})
}
