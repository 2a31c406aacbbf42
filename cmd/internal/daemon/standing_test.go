package daemon

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"regent/netif"
)

// attempts are the times at which a host was asked to remove an address.
func (n *node) attempts(a netip.Addr, since time.Duration) (at []time.Duration) {
	for _, c := range n.Changes() {
		if c.Remove && c.Address.Prefix.Addr() == a && c.At.Sub(n.w.begin) >= since {
			at = append(at, c.At.Sub(n.w.begin)-since)
		}
	}
	return at
}

var errBusy = errors.New("device or resource busy")

func refuseRemovals(c netif.Change) error {
	if c.Remove {
		return fmt.Errorf("remove %v: %w", c.Address.Prefix, errBusy)
	}
	return nil
}

const checked = "vrrp_script chk {\nscript \"/bin/true\"\n}\n"

// B-29: what the kernel would not remove when a router stops being master is tried
// again, less and less often, until it is gone; told once when it is refused, and
// once when it is over.
func TestARefusedRemovalIsTriedAgain(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node(1).start(checked + conf(150, "virtual_routes {\n198.18.0.0/24 via 192.0.2.9\n}\nvirtual_rules {\nfrom 198.18.0.0/24 table 100 preference 1000\n}",
			"track_script {\nchk\n}"))
		n.report("chk", 0)
		w.pass(10 * time.Second)
		n.is(Master)
		n.Refuse(refuseRemovals)
		n.RefusePaths(errBusy)
		n.forget()
		failed := w.now()
		n.report("chk", 1)
		n.is(Fault)
		w.pass(10 * time.Second)
		if got, want := n.attempts(vip, failed), []time.Duration{0, time.Second, 3 * time.Second, 7 * time.Second}; !slices.Equal(got, want) {
			t.Errorf("tried after %v, want %v", got, want)
		}
		n.Refuse(nil)
		n.RefusePaths(nil)
		w.pass(time.Minute)
		routes, rules := n.Holds()
		if n.Has(vip) || len(routes)+len(rules) > 0 {
			t.Errorf("there is still: the address: %v, routes %v, rules %v", n.Has(vip), routes, rules)
		}
		if got := n.attempts(vip, failed); len(got) != 5 {
			t.Errorf("tried after %v", got)
		}
		for word, want := range map[string]int{"the kernel refused": 1, "the kernel does now what it has refused": 1} {
			if got := n.lines(word); len(got) != want {
				t.Errorf("told %v, want %d", got, want)
			}
		}
	})
}

// Nothing is removed that is wanted again.
func TestARefusedRemovalThatIsNotWantedAnyMore(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node(1).start(checked + conf(150, "virtual_routes {\n198.18.0.0/24 via 192.0.2.9\n}", "track_script {\nchk\n}"))
		n.report("chk", 0)
		w.pass(10 * time.Second)
		n.Refuse(refuseRemovals)
		n.RefusePaths(errBusy)
		n.report("chk", 1)
		n.is(Fault)
		n.RefusePaths(nil)
		n.report("chk", 0)
		w.pass(100 * time.Millisecond) // before the next attempt
		n.RefusePaths(errBusy)
		w.pass(down(150))
		n.is(Master)
		n.Refuse(nil)
		n.RefusePaths(nil)
		tried := len(n.attempts(vip, 0))
		w.pass(5 * time.Minute)
		if routes, _ := n.Holds(); !n.Has(vip) || len(routes) != 1 || len(n.attempts(vip, 0)) != tried {
			t.Errorf("there is the address: %v, the route: %v; tried %d times, then %d", n.Has(vip), routes, tried, len(n.attempts(vip, 0)))
		}
	})
}

// A stop gives what was refused one more chance, and waits for no other.
func TestAStopTriesOnceMore(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node(1).start(conf(150))
		w.pass(10 * time.Second)
		n.is(Master)
		refused := 0
		n.Refuse(func(c netif.Change) error {
			if c.Remove && refused == 0 {
				refused++
				return errBusy
			}
			return nil
		})
		n.stop()
		if n.Has(vip) || refused == 0 {
			t.Errorf("the address is there: %v; refused %d times", n.Has(vip), refused)
		}
	})
}

// B-23: a transaction of the firewall that failed is tried again together with
// what has changed since; so are seats (B-10). One line tells of each, and one of
// its end. What the kernel has not at all is not asked for again.
func TestARefusedTransactionIsTriedAgain(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node(1)
		n.RefuseTables(errBusy)
		two := func(addr string) string { return globals + instance("V", "eth0", 51, addr, "no_accept", "use_vmac") }
		n.start(two("192.0.2.100/24"))
		w.pass(2 * time.Second)
		n.Reload(parse(t, two("192.0.2.101/24")))
		w.pass(20 * time.Second)
		if n := len(n.lines("the kernel refused")); n != 1 { // the limit of those that concern no router holds the other
			t.Errorf("told %d times", n)
		}
		n.RefuseTables(nil)
		w.pass(time.Minute)
		want := netip.MustParseAddr("192.0.2.101")
		if got := n.Refused(); len(got) != 1 || !got[netif.Refusal{Addr: want}] {
			t.Errorf("refused: %v", got)
		}
		if got := n.Seats(); len(got) != 1 || got[0].Addr != want {
			t.Errorf("seats: %v", got)
		}
		if n := len(n.lines("the kernel does now what it has refused")); n != 2 {
			t.Errorf("told %d times of the end", n)
		}

		n.RefuseTables(fmt.Errorf("no such tables: %w", errors.ErrUnsupported))
		n.Reload(parse(t, two("192.0.2.102/24")))
		w.pass(time.Minute)
		n.RefuseTables(nil)
		w.pass(5 * time.Minute)
		if got := n.Refused(); len(got) != 1 || !got[netif.Refusal{Addr: want}] {
			t.Errorf("asked again for what there is not: %v", got)
		}
		if said := strings.Join(n.lines("no such tables"), "\n"); said == "" {
			t.Error("not told of it")
		}
	})
}
