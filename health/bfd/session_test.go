package bfd

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A pair is two sessions and the path between them, in virtual time.
type pair struct {
	t      *testing.T
	now    time.Duration
	sides  [2]*Session
	wire   []flight
	lost   func(from int, p Packet) bool
	asleep [2]time.Duration // until when a side does nothing
	sent   [2][]sent
}

type flight struct {
	to      int
	arrives time.Duration
	packet  Packet
}

type sent struct {
	at time.Duration
	Packet
}

const transit = 100 * time.Microsecond

// usual is what most tests set: 50 ms both ways, three packets.
func usual() Settings {
	return Settings{
		Neighbor: netip.MustParseAddr("192.0.2.2"), MinTx: 50 * time.Millisecond, MinRx: 50 * time.Millisecond,
		IdleTx: time.Second, Multiplier: 3, TTL: 255,
	}
}

func newPair(t *testing.T, a, b Settings, seed uint64) *pair {
	r := rand.New(rand.NewPCG(seed, 1))
	p := &pair{t: t, lost: func(int, Packet) bool { return false }}
	p.sides = [2]*Session{NewSession(a, 7, r.Float64, 0), NewSession(b, 42, r.Float64, 0)}
	return p
}

// run lets time pass until the given moment.
func (p *pair) run(until time.Duration) {
	p.t.Helper()
	for steps := 0; ; steps++ {
		if steps > 1_000_000 {
			p.t.Fatalf("the sessions never rest (%v)", p.now)
		}
		next := until
		for i, s := range p.sides {
			next = min(next, max(s.Due(), p.asleep[i], p.now))
		}
		for _, f := range p.wire {
			next = min(next, max(f.arrives, p.asleep[f.to], p.now))
		}
		p.now = next
		if p.now >= until {
			return
		}
		p.work()
	}
}

// work does what is due: a side that wakes up looks at its timers first, which
// is the worse order.
func (p *pair) work() {
	for i, s := range p.sides {
		if p.asleep[i] > p.now {
			continue
		}
		for packet, due := s.Tick(p.now); due; packet, due = s.Tick(p.now) {
			p.sent[i] = append(p.sent[i], sent{p.now, packet})
			if !p.lost(i, packet) {
				p.wire = append(p.wire, flight{1 - i, p.now + transit, packet})
			}
		}
	}
	var still []flight
	for _, f := range p.wire {
		if f.arrives > p.now || p.asleep[f.to] > p.now {
			still = append(still, f)
			continue
		}
		packet, err := Parse(f.packet.Append(nil))
		if err != nil {
			p.t.Fatalf("%+v: %v", f.packet, err)
		}
		p.sides[f.to].Hear(p.now, packet)
	}
	p.wire = still
}

func (p *pair) states() string { return fmt.Sprint(p.sides[0].State(), " ", p.sides[1].State()) }

func (p *pair) want(states string) {
	p.t.Helper()
	if got := p.states(); got != states {
		p.t.Fatalf("at %v: %s, want %s", p.now, got, states)
	}
}

// since returns what a side has sent from a moment on.
func (p *pair) since(side int, from time.Duration) (after []sent) {
	for _, s := range p.sent[side] {
		if s.at >= from {
			after = append(after, s)
		}
	}
	return after
}

func TestSessionsComeUp(t *testing.T) {
	p := newPair(t, usual(), usual(), 1)
	p.want("Down Down")
	if why := p.sides[0].Why().Error(); why != "192.0.2.2 has not come up yet" {
		t.Error(why)
	}
	p.run(100 * time.Millisecond) // both speak at once, and each answers with its news
	p.want("Up Up")
	if p.sides[0].Why() != nil {
		t.Error(p.sides[0].Why())
	}
}

// RFC 5880 §6.8.7: while up, the slower wish decides, less up to a quarter.
func TestIntervalIsThatOfTheSlowerWish(t *testing.T) {
	b := usual()
	b.MinRx = 200 * time.Millisecond
	p := newPair(t, usual(), b, 2)
	p.run(time.Second)
	p.run(21 * time.Second)
	for side, least := range []time.Duration{150 * time.Millisecond, 37500 * time.Microsecond} {
		packets := p.since(side, time.Second)
		for i, s := range packets[1:] {
			if gap := s.at - packets[i].at; gap < least || gap > least*4/3 {
				t.Fatalf("side %d: %v between two packets", side, gap)
			}
		}
	}
}

// Not faster than once in idle_tx (1 s at least) while not up (§6.8.3).
func TestWhoIsNotUpSpeaksSeldom(t *testing.T) {
	p := newPair(t, usual(), usual(), 3)
	p.lost = func(int, Packet) bool { return true }
	p.run(20 * time.Second)
	p.want("Down Down")
	if n := len(p.sent[0]); n < 20 || n > 28 {
		t.Errorf("%d packets in 20 s", n)
	}
	if d := p.sent[0][5].MinTx; d != time.Second {
		t.Errorf("announces %v", d)
	}
}

// §6.8.4: the other side's multiplier times the slower of its wish and ours.
func TestSilenceIsNoticedAfterTheDetectionTime(t *testing.T) {
	b := usual()
	b.Multiplier = 4
	p := newPair(t, usual(), b, 4)
	p.run(2 * time.Second)
	p.want("Up Up")
	var last time.Duration
	p.lost = func(int, Packet) bool { return true }
	for _, s := range p.sent[1] {
		last = s.at + transit
	}
	p.run(last + 200*time.Millisecond - time.Microsecond)
	if p.sides[0].State() != Up {
		t.Fatal("given up too early")
	}
	p.run(last + 200*time.Millisecond + time.Microsecond)
	if p.sides[0].State() != Down {
		t.Fatal("still believed in")
	}
	if why := p.sides[0].Why().Error(); why != "192.0.2.2 is silent" {
		t.Error(why)
	}
	p.run(5 * time.Second)
	sent := p.since(0, 4*time.Second)
	if p := sent[len(sent)-1]; p.Diagnostic != DetectionTimeExpired || p.Yours != 0 || p.State != Down {
		t.Errorf("says %+v", p)
	}
	p.lost = func(int, Packet) bool { return false }
	p.run(7 * time.Second)
	p.want("Up Up")
}

// Who is not heard is told so.
func TestOneWayIsNoWay(t *testing.T) {
	p := newPair(t, usual(), usual(), 5)
	p.run(2 * time.Second)
	p.want("Up Up")
	p.lost = func(from int, _ Packet) bool { return from == 0 }
	p.run(2200 * time.Millisecond)
	p.want("Down Down")
	if why := p.sides[0].Why().Error(); why != "192.0.2.2 no longer hears this side" {
		t.Error(why)
	}
	p.run(10 * time.Second)
	if p.sides[1].State() == Up || p.sides[0].State() == Up {
		t.Fatalf("up over one direction: %s", p.states())
	}
}

// A single lost packet, or two of three, mean nothing.
func TestLossBelowTheMultiplierIsNothing(t *testing.T) {
	p := newPair(t, usual(), usual(), 6)
	p.run(2 * time.Second)
	n := 0
	p.lost = func(from int, _ Packet) bool {
		if from == 1 {
			n++
		}
		return from == 1 && n%3 != 0
	}
	for p.now < 30*time.Second {
		p.run(p.now + time.Millisecond)
		p.want("Up Up")
	}
}

// §6.8.16: who shuts down says so.
func TestFarewell(t *testing.T) {
	p := newPair(t, usual(), usual(), 7)
	p.run(time.Second)
	bye := p.sides[1].Farewell()
	if bye.State != AdminDown || bye.Diagnostic != AdministrativelyDown || bye.Yours != 7 {
		t.Errorf("says %+v", bye)
	}
	p.sides[0].Hear(p.now, bye)
	if p.sides[0].State() != Down {
		t.Fatal(p.states())
	}
	if why := p.sides[0].Why().Error(); why != "192.0.2.2 has shut the session down" {
		t.Error(why)
	}
}

func TestPassiveWaits(t *testing.T) {
	passive := usual()
	passive.Passive = true
	p := newPair(t, passive, passive, 8)
	p.run(10 * time.Second)
	if n := len(p.sent[0]) + len(p.sent[1]); n != 0 {
		t.Errorf("%d packets", n)
	}
	p = newPair(t, passive, usual(), 8)
	p.run(2 * time.Second)
	p.want("Up Up")
}

// §6.5: a Poll goes on until it is answered, at once and with a Final.
func TestPollIsAnswered(t *testing.T) {
	p := newPair(t, usual(), usual(), 9)
	deaf := true
	p.lost = func(from int, q Packet) bool { return deaf && from == 1 && q.Final }
	p.run(time.Second)
	p.want("Up Up")
	for _, s := range p.since(0, 500*time.Millisecond) {
		if !s.Poll && !s.Final {
			t.Fatal("gave up asking")
		}
	}
	deaf = false
	p.run(1200 * time.Millisecond)
	for _, s := range p.since(0, 1100*time.Millisecond) {
		if s.Poll {
			t.Fatal("still asks")
		}
	}
	for _, s := range append(p.sent[0], p.sent[1]...) {
		if s.Poll && s.Final {
			t.Fatal("asks and answers in one packet")
		}
	}
}

// §6.8.7: nothing but answers to who wants to hear nothing, or is up in demand mode.
func TestSomeWantToHearNothing(t *testing.T) {
	for name, change := range map[string]func(*Packet){
		"required min rx 0": func(p *Packet) { p.MinRx = 0 },
		"demand mode":       func(p *Packet) { p.Demand = true },
	} {
		s := NewSession(usual(), 7, func() float64 { return 0 }, 0)
		hear := func(now time.Duration, p Packet) {
			p.Mine, p.Yours, p.Multiplier, p.MinTx, p.MinRx = 42, 7, 3, time.Second, 50*time.Millisecond
			change(&p)
			s.Hear(now, p)
		}
		now := time.Millisecond
		drain := func() (all []Packet) {
			for p, due := s.Tick(now); due; p, due = s.Tick(now) {
				all = append(all, p)
			}
			return all
		}
		hear(now, Packet{State: Down})
		drain()
		hear(now, Packet{State: Init})
		drain()
		hear(now, Packet{State: Up, Final: true})
		drain()
		now = 2 * time.Second
		if all := drain(); len(all) != 0 {
			t.Errorf("%s: says %+v", name, all)
		}
		hear(now, Packet{State: Up, Poll: true})
		if all := drain(); len(all) != 1 || !all[0].Final {
			t.Errorf("%s: answers %+v", name, all)
		}
	}
}

// Who was stalled does not take that for the other's silence.
func TestOwnStallIsForgiven(t *testing.T) {
	p := newPair(t, usual(), usual(), 10)
	p.run(2 * time.Second)
	p.lost = func(from int, _ Packet) bool { return from == 1 && p.now > 2100*time.Millisecond }
	p.asleep[0] = 2240 * time.Millisecond
	p.run(2245 * time.Millisecond)
	if p.sides[0].State() != Up {
		t.Fatal("judged by what it could not have heard")
	}
	p.run(3 * time.Second)
	if p.sides[0].State() == Up {
		t.Fatal("forgiven for ever")
	}
}

// Over any bad line, no side is up for long while the other is not, and when
// the line is good again both are.
func TestAnyLine(t *testing.T) {
	seeds := 200
	if s, err := strconv.Atoi(os.Getenv("REGENT_SEEDS")); err == nil {
		seeds = s / 10
	}
	for seed := range uint64(seeds) {
		r := rand.New(rand.NewPCG(seed, 2))
		a, b := usual(), usual()
		for _, set := range []*Settings{&a, &b} {
			set.MinTx = time.Duration(1+r.IntN(300)) * time.Millisecond
			set.MinRx = time.Duration(1+r.IntN(300)) * time.Millisecond
			set.Multiplier = uint8(1 + r.IntN(5))
		}
		b.Passive = r.IntN(3) == 0
		p := newPair(t, a, b, seed)
		loss := [2]float64{r.Float64(), r.Float64()}
		p.lost = func(from int, _ Packet) bool { return r.Float64() < loss[from] }
		slowest := 5 * 300 * time.Millisecond
		var apart time.Duration // since when only one is up
		for end := 20 * time.Second; p.now < end; {
			p.run(p.now + 10*time.Millisecond)
			if strings.Count(p.states(), "Up") != 1 {
				apart = p.now
			}
			if p.now-apart > 5*time.Second+slowest {
				t.Fatalf("seed %d: %s for %v", seed, p.states(), p.now-apart)
			}
			if p.now > end/2 {
				loss = [2]float64{}
			}
		}
		p.want("Up Up")
	}
}

// §6.8.7: the interval follows the other side's wish at once, not after the old one.
func TestAFasterWishCountsAtOnce(t *testing.T) {
	s := NewSession(usual(), 7, func() float64 { return 1 }, 0)
	hear := func(state State, wish time.Duration) {
		s.Hear(0, Packet{State: state, Final: true, Mine: 42, Yours: 7, Multiplier: 3, MinTx: time.Second, MinRx: wish})
		for _, due := s.Tick(0); due; _, due = s.Tick(0) {
		}
	}
	hear(Down, 10*time.Second)
	hear(Up, 10*time.Second)
	hear(Up, 10*time.Second)
	if due := s.Due(); due != 3*time.Second { // it would expire before it spoke
		t.Fatalf("due at %v", due)
	}
	hear(Up, time.Second)
	if due := s.Due(); due != time.Second {
		t.Errorf("due at %v", due)
	}
}
