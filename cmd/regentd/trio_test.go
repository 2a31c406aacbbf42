package main_test

import (
	"math/rand/v2"
	"os"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// rounds is how many events befall a trio.
const rounds = 25

// TestThreeKinds puts regent, keepalived and FRR in one virtual router, in a
// random order of priority, and lets anything happen to them. After each event
// the best one that is left is master and nobody else, and the client has
// waited no longer than the protocol allows. REGENT_SEED draws other events.
func TestThreeKinds(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		d    dialect
	}{{"IPv4", v3IPv4}, {"IPv6", v3IPv6.global()}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			seed := uint64(1)
			if s := os.Getenv("REGENT_SEED"); s != "" {
				var err error
				if seed, err = strconv.ParseUint(s, 10, 32); err != nil {
					t.Fatal(err)
				}
			}
			t.Logf("REGENT_SEED=%d", seed)
			playTrio(setStage(t), c.d, rand.New(rand.NewPCG(seed, 0)))
		})
	}
}

// playTrio starts the three and lets the events befall them, one by one.
func playTrio(s *stage, d dialect, chance *rand.Rand) {
	// The virtual MAC belongs to all of them: FRR knows no other way, and does
	// not announce again after a contest.
	x := &trio{party: party{stage: s, seen: s.probe(d.vip())}, d: d, chance: chance}
	all := []router{newRegent(s, d.virtual(), 1, 0), newKeepalived(s, d.virtual(), 2, 0), newFRR(s, d, 3, 0)}
	for i, rank := range chance.Perm(len(all)) {
		m := &member{router: all[i], priority: 100 + 50*rank}
		x.members = append(x.members, m)
		m.start(m.priority)
	}
	x.settle()
	for range rounds {
		x.next()
		x.settle()
	}
	x.routers = nil
	for _, m := range x.members {
		x.routers = append(x.routers, m)
	}
	x.checkLogs()
	s.checkFrames([]string{d.virtualMAC().String()})
}

// A trio is a party that things happen to.
type trio struct {
	party
	d       dialect
	members []*member
	chance  *rand.Rand
}

// A member is a router and what has befallen it.
type member struct {
	router
	priority int
	plight   plight
}

// lag is FRR's for everybody, since it may be master for a moment in between.
func (m *member) lag() time.Duration { return 3 * time.Second }

// A plight keeps a router from being master.
type plight int

const (
	well plight = iota
	crashed
	resigned
	unplugged
	frozen
)

// best returns who has to be master, leaving one member out of account.
func (x *trio) best(but *member) *member {
	var best *member
	for _, m := range x.members {
		if m != but && m.plight == well && (best == nil || m.priority > best.priority) {
			best = m
		}
	}
	return best
}

// next lets something happen to a member: to one that is well if another one
// can stand in for it.
func (x *trio) next() {
	x.Helper()
	m := x.members[x.chance.IntN(len(x.members))]
	for m.plight == well && x.best(m) == nil {
		m = x.members[x.chance.IntN(len(x.members))]
	}
	if m.plight != well {
		x.mend(m)
		return
	}
	heir := x.best(m)
	silence := x.d.down(heir.priority, x.d.interval)
	x.harm(m, plight(1+x.chance.IntN(int(frozen))), silence, x.d.skew(heir.priority, x.d.interval))
}

// harm does something to a member that is well. If that is the master, the
// address is silent until the others miss it, or know that it has resigned.
func (x *trio) harm(m *member, p plight, silence, skew time.Duration) {
	x.Helper()
	if m != x.best(nil) {
		silence, skew = 0, 0
	}
	m.plight = p
	switch p {
	case crashed:
		x.event(m.name()+" crashes", silence, m.crash)
	case resigned:
		x.event(m.name()+" resigns", skew, m.resign)
	case unplugged:
		x.event(m.name()+" loses its link", silence, m.base().unplug)
	case frozen:
		x.event(m.name()+" freezes", silence, func() { m.base().signal(syscall.SIGSTOP) })
	}
}

// mend makes a member well again. Whatever it says before it has heard the
// others, the master's next advert sets the switch right.
func (x *trio) mend(m *member) {
	x.Helper()
	was := m.plight
	m.plight = well
	switch was {
	case crashed, resigned:
		x.event(m.name()+" starts", x.d.interval, func() { m.start(m.priority) })
	case unplugged:
		x.event(m.name()+" has its link again", x.d.interval, m.revive)
	case frozen:
		x.event(m.name()+" thaws", x.d.interval, func() { m.base().signal(syscall.SIGCONT) })
	}
}

// settle waits until the best one is the only master. Who is frozen cannot
// give its addresses up.
func (x *trio) settle() {
	x.Helper()
	x.routers = nil
	for _, m := range x.members {
		if m.plight != frozen {
			x.routers = append(x.routers, m)
		}
	}
	best := x.best(nil)
	x.rules(best, uint8(best.priority))
}
