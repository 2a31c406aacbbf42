package daemon

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"regent/netif/netiftest"
)

var chaosSeed = flag.Uint64("chaos.seed", 0, "live through one seed of the chaos and print what happened")

// TestChaos lets whole daemons live through storms (chaos_storm_test.go) that a
// seed draws: reloads to other plans (chaos_plan_test.go), links that come and
// go, kernels that are slow or refuse, others who take away what is not theirs,
// daemons that end or are killed. When a storm is over, all must be as the
// configurations say (chaos_laws_test.go). There are REGENT_SEEDS / 20 seeds.
func TestChaos(t *testing.T) {
	if *chaosSeed != 0 {
		liveThrough(t, *chaosSeed)
		return
	}
	seeds := uint64(100)
	if s := os.Getenv("REGENT_SEEDS"); s != "" {
		n, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			t.Fatalf("REGENT_SEEDS: %v", err)
		}
		seeds = max(n/20, 1)
	}
	for seed := range seeds {
		t.Run(fmt.Sprint("seed", seed+1), func(t *testing.T) {
			t.Parallel()
			liveThrough(t, seed+1)
		})
	}
}

// liveThrough plays one seed.
func liveThrough(t *testing.T, seed uint64) {
	inWorld(t, func(w *world) {
		c := newChaos(w, rand.New(rand.NewPCG(seed, 0)))
		defer func() {
			if t.Failed() || *chaosSeed != 0 {
				t.Logf("%s\nagain: go test ./cmd/internal/daemon -run TestChaos -v -chaos.seed=%d", strings.Join(c.story, "\n"), seed)
			}
			for _, a := range c.actors {
				a.end()
				if t.Failed() || *chaosSeed != 0 {
					t.Logf("what %s said:\n%s", a.name, strings.Join(a.lines(""), "\n"))
				}
			}
		}()
		for range 3 {
			c.storm()
			c.calm()
			if t.Failed() {
				return
			}
		}
		c.finish()
	})
}

// A chaos is a few nodes on two segments, and what happens to them.
type chaos struct {
	*world
	rng      *rand.Rand
	segments [2]*netiftest.Segment
	actors   []*actor
	plan     *plan // which all nodes are to follow
	story    []string
}

// An actor is a node and what the chaos knows of it.
type actor struct {
	*node
	c       *chaos
	k       int
	grip    *grip
	plan    *plan // which it follows; nil: it does not run
	names   [2]string
	healthy bool // its check
	counted map[int]Counters
}

// own returns the address that a node has by itself on one of its links.
func own(k, slot int, v6 bool) netip.Prefix {
	switch {
	case v6:
		return netip.MustParsePrefix(fmt.Sprintf("fe80::%x/64", k+1))
	case slot == 0:
		return netip.MustParsePrefix(fmt.Sprintf("192.0.2.%d/24", k+1))
	default:
		return netip.MustParsePrefix(fmt.Sprintf("198.51.100.%d/24", k+1))
	}
}

func linkOf(slot int) string { return fmt.Sprint("eth", slot) }

func newChaos(w *world, rng *rand.Rand) *chaos {
	c := &chaos{world: w, rng: rng, segments: [2]*netiftest.Segment{w.segment, netiftest.NewSegment()}}
	nodes := 2 + rng.IntN(2)
	c.plan = draw(rng, nodes)
	for k := range nodes {
		a := &actor{node: w.node(k + 1), c: c, k: k, healthy: true}
		a.names[0] = "eth0"
		a.add("eth0", linkAddress(own(k, 0, true)))
		a.attach(1)
		c.actors = append(c.actors, a)
		a.begin()
	}
	return c
}

// attach gives a node one of its links.
func (a *actor) attach(slot int) {
	a.names[slot] = linkOf(slot)
	a.Attach(a.c.segments[slot], linkOf(slot), net.HardwareAddr{2, 0, 0, 0, byte(slot), byte(a.k + 1)},
		own(a.k, slot, false), own(a.k, slot, true))
}

// begin runs a daemon.
func (a *actor) begin() {
	a.grip = newGrip(a.Host)
	a.plan = a.c.plan
	a.grip.shy = a.plan.shy(a.k, nil)
	a.counted = map[int]Counters{}
	a.tellPlan()
	a.run(a.grip, a.grip, parse(a.c, a.plan.text(a.k)))
	a.feel()
}

// tellPlan tells what it is to follow, where one seed is looked at.
func (a *actor) tellPlan() {
	if *chaosSeed != 0 {
		a.c.say("%s follows\n%s", a.name, a.plan.text(a.k))
	}
}

// end stops it, if it runs.
func (a *actor) end() {
	if a.plan != nil {
		a.stop()
		a.plan = nil
	}
}

// die kills it.
func (a *actor) die() {
	a.grip.dead.Store(true)
	a.end()
	a.Die()
}

// feel reports how the check of a node is.
func (a *actor) feel() {
	synctest.Wait()
	a.mu.Lock()
	_, watched := a.checks["chk"]
	a.mu.Unlock()
	if a.plan != nil && watched {
		a.report("chk", map[bool]int{true: 0, false: 1}[a.healthy])
	}
}

// say adds a line to the story.
func (c *chaos) say(format string, args ...any) {
	c.story = append(c.story, fmt.Sprintf("%v %s", c.now(), fmt.Sprintf(format, args...)))
}

// fail says which law is broken.
func (c *chaos) fail(format string, args ...any) {
	c.Helper()
	c.say("BROKEN: "+format, args...)
	c.Errorf("%v: %s", c.now(), fmt.Sprintf(format, args...))
}

// soon is a while that may be short enough to come in between.
func (c *chaos) soon() time.Duration {
	return pick(c.rng, 0, time.Duration(c.rng.IntN(10))*time.Millisecond, time.Duration(c.rng.IntN(1000))*time.Millisecond, time.Duration(c.rng.IntN(6000))*time.Millisecond)
}
