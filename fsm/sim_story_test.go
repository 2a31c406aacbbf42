package fsm_test

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"time"

	"regent/fsm"
	"regent/vrrp"
)

// play draws a world and its story from a seed: hosts, disturbances and calms,
// and a long peace at the end.
func play(seed uint64, log *strings.Builder) error {
	w := draw(rand.New(rand.NewPCG(seed, 5798)), log)
	for _, h := range w.hosts {
		if w.rng.IntN(4) > 0 {
			w.boot(h)
		}
	}
	for n := 2 + w.rng.IntN(14); n > 0 && w.breach == nil; n-- {
		w.disturb()
		switch w.rng.IntN(8) {
		case 0: // at once
		case 1:
			w.pass(w.laws.unsettled(w) + w.upTo(2*w.laws.patience))
		default:
			w.pass(w.upTo(2 * w.laws.patience))
		}
	}
	w.heal()
	for _, h := range w.hosts {
		switch w.rng.IntN(8) {
		case 0: // as it is
		default:
			w.boot(h)
			w.judge(h, fsm.Verdict{Delta: h.verdict[0].Delta})
		}
	}
	w.pass(w.laws.unsettled(w) + 6*w.laws.interval)
	return w.breach
}

// draw makes the hosts of a world.
func draw(rng *rand.Rand, log *strings.Builder) *world {
	w := &world{rng: rng, log: log, version: vrrp.V3, lans: make([]lan, 1)}
	if rng.IntN(3) == 0 {
		w.version = vrrp.V2
	}
	if rng.IntN(3) == 0 {
		w.lans = make([]lan, 2+rng.IntN(2))
	}
	intervals := w.intervals()
	down := []int{0, 0, 3, 5, 2}[rng.IntN(5)]
	if down == 2 && !w.laws.wild {
		intervals = intervals[:1] // two short intervals might not outlast a long one
	}
	w.delay = intervals[0] / time.Duration(20+rng.IntN(2000))
	w.late = intervals[0] / time.Duration(20+rng.IntN(2000))
	w.stray = float64(rng.IntN(2)) / 4
	hold, start := intervals[0]*time.Duration(rng.IntN(8)), intervals[0]*time.Duration(rng.IntN(3))
	vmac, lastWord, owner := rng.IntN(3) == 0, rng.IntN(2) == 0, false

	n := 2 + rng.IntN(6)
	for id := range n {
		c := fsm.Config{
			Version: w.version, Priority: uint8(1 + rng.IntN(254)), Interval: pick(rng, intervals),
			NoPreempt: rng.IntN(4) == 0, DownAdverts: down,
			SilentToLower: rng.IntN(4) == 0, ReplyToLower: rng.IntN(2) == 0, LastWord: lastWord,
			VirtualMAC: vmac,
			Announce:   fsm.Announcing{Repeat: rng.IntN(6), LowerRepeat: rng.IntN(6)},
		}
		if rng.IntN(4) == 0 {
			c.PreemptDelay = hold
		}
		if rng.IntN(4) == 0 {
			c.StartDelay = start
		}
		if rng.IntN(4) == 0 {
			c.Priority = 100 // ties
		}
		if rng.IntN(12) == 0 && (w.version == vrrp.V3 || !owner) { // two owners of version 2 ignore each other
			c.Priority, owner = vrrp.Owner, true
		}
		if rng.IntN(4) == 0 {
			c.Announce.Delay, c.Announce.Refresh, c.Announce.LowerDelay = w.some(intervals), w.some(intervals), w.some(intervals)
		}
		h := &host{id: id, verdict: make([]fsm.Verdict, len(w.lans)), wakes: make([]int, len(w.lans))}
		for lan := range w.lans {
			h.configs = append(h.configs, c)
			h.addrs = append(h.addrs, w.address(id, lan))
		}
		w.hosts = append(w.hosts, h)
		w.note("host %d: %v, %+v", id, h.addrs, c)
	}
	for i := range w.lans {
		w.lans[i].side = make([]int, n)
	}

	w.laws.settled = make([]*host, len(w.lans))
	w.laws.interval = longest(intervals)
	w.laws.patience = time.Duration(max(down, 3))*w.laws.interval + max(w.laws.interval, time.Second)
	w.laws.hold, w.laws.start = hold, start
	w.laws.teaches = vmac || lastWord
	w.note("version %d, %d lans, intervals %v, %d down adverts, delay %v, late %v, wild %t",
		w.version, len(w.lans), intervals, down, w.delay, w.late, w.laws.wild)
	return w
}

// intervals draws what hosts may have as their interval, the shortest first.
// Version 2 wants the same everywhere.
func (w *world) intervals() []time.Duration {
	if w.version == vrrp.V2 {
		return []time.Duration{pick(w.rng, []time.Duration{time.Second, 2 * time.Second, 255 * time.Second})}
	}
	i := pick(w.rng, []time.Duration{10 * time.Millisecond, 100 * time.Millisecond, time.Second, 5 * time.Second})
	switch w.rng.IntN(6) {
	case 0: // three short intervals outlast a long one
		return []time.Duration{i, i * 3 / 2, 2 * i}
	case 1:
		w.laws.wild = true
		return []time.Duration{i, 2 * i, 8 * i}
	}
	return []time.Duration{i}
}

// some draws a time of a few intervals, or none.
func (w *world) some(intervals []time.Duration) time.Duration {
	return pick(w.rng, intervals) * time.Duration(w.rng.IntN(4))
}

// address returns a host's address on a LAN: the same order on each, so that
// ties of a group end the same way everywhere.
func (w *world) address(id, lan int) netip.Addr {
	a := netip.MustParseAddr("198.51.100.10").As4()
	a[2], a[3] = a[2]+byte(lan), a[3]+byte(id*37%7*30)
	return netip.AddrFrom4(a)
}

// disturb lets one thing go wrong, or right, or just otherwise.
func (w *world) disturb() {
	h := w.hosts[w.rng.IntN(len(w.hosts))]
	steady := false
	switch w.rng.IntN(15) {
	case 0, 1:
		w.split()
	case 2:
		w.loss, w.twice = w.rng.Float64()*0.7, w.rng.Float64()*0.3
		w.note("the network loses %.0f %% and doubles %.0f %%", 100*w.loss, 100*w.twice)
	case 3, 4:
		w.heal()
	case 5:
		w.crash(h)
		steady = true
	case 6, 7:
		w.boot(h)
		steady = true
	case 8:
		w.halt(h)
		steady = true
	case 9:
		w.judge(h, fsm.Verdict{Delta: w.rng.IntN(121) - 60})
	case 10:
		v := h.verdict[0]
		v.Fault, v.Wait = w.rng.IntN(3) > 0, w.rng.IntN(4) == 0
		w.judgeOne(h, w.rng.IntN(len(w.lans)), v)
		steady = true
	case 11:
		w.judge(h, fsm.Verdict{Delta: h.verdict[0].Delta})
		steady = true
	case 12:
		w.reload(h)
	case 13:
		w.sleep(h, w.upTo(2*w.laws.patience))
	case 14:
		w.regroup()
	}
	w.assess(steady)
}

// assess tells the laws that something happened.
func (w *world) assess(steady bool) {
	w.laws.trouble = w.loss > 0 || w.twice > 0 || w.divided() || w.sleeping()
	w.laws.disturbed(w.now, steady)
}

// split divides one LAN, or all alike.
func (w *world) split() {
	side := make([]int, len(w.hosts))
	for i := range side {
		side[i] = w.rng.IntN(2)
	}
	only := w.rng.IntN(2 * len(w.lans))
	for i := range w.lans {
		if only >= len(w.lans) || only == i {
			w.rejoin(i, side)
			w.note("lan %d is divided: %v", i, side)
		}
	}
}

// rejoin puts the hosts of a LAN on other sides.
func (w *world) rejoin(lan int, side []int) {
	l := &w.lans[lan]
	copy(l.side, side)
	if h := l.believed; h != nil && h.group.routers[lan].state != fsm.Master {
		l.believed = nil // its reign has ended out of the client's sight
	}
}

// divided says whether some host is not on the client's side of its LAN.
func (w *world) divided() bool {
	for _, l := range w.lans {
		for _, s := range l.side {
			if s != 0 {
				return true
			}
		}
	}
	return false
}

func (w *world) sleeping() bool {
	for _, h := range w.hosts {
		if h.asleep {
			return true
		}
	}
	return false
}

// heal puts the network in order.
func (w *world) heal() {
	if w.loss > 0 {
		w.forget(nil) // who knows what the client has missed
	}
	w.loss, w.twice = 0, 0
	for i := range w.lans {
		w.rejoin(i, make([]int, len(w.hosts)))
	}
	for _, h := range w.hosts {
		if h.asleep {
			w.awake(h)
		}
	}
	w.note("the network is in order")
	w.assess(false)
}

func (w *world) crash(h *host) {
	w.note("host %d crashes", h.id)
	w.forget(h)
	h.group, h.started, h.asleep, h.mail = nil, false, false, nil
}

// boot starts a host that is down, or its routers if they were stopped.
func (w *world) boot(h *host) {
	if h.started || h.asleep {
		return
	}
	w.assess(true)
	if h.group == nil {
		w.note("host %d boots", h.id)
		h.group = newConduct(h.configs...)
		w.obeyGroups(h)
		for lan, a := range h.addrs {
			w.step(h, lan, fsm.Addressed{Primary: a})
			w.step(h, lan, fsm.Judged{Verdict: h.verdict[lan]})
		}
	}
	h.started = true
	for lan := range h.addrs {
		w.step(h, lan, fsm.Start{})
	}
}

// halt stops the routers of a host.
func (w *world) halt(h *host) {
	if !h.started || h.asleep {
		return
	}
	w.note("host %d stops", h.id)
	w.forget(h)
	h.started = false
	for lan := range h.addrs {
		w.step(h, lan, fsm.Stop{})
	}
}

// judge gives all members of a host one verdict.
func (w *world) judge(h *host, v fsm.Verdict) {
	for lan := range h.addrs {
		w.judgeOne(h, lan, v)
	}
	w.assess(false)
}

func (w *world) judgeOne(h *host, lan int, v fsm.Verdict) {
	h.verdict[lan] = v
	if v.Fault {
		w.forget(h)
	}
	if h.group != nil {
		w.step(h, lan, fsm.Judged{Verdict: v})
	}
}

// reload gives a host other settings, within what the laws allow for.
func (w *world) reload(h *host) {
	for lan := range h.configs {
		c := &h.configs[lan]
		if lan > 0 {
			*c = h.configs[0]
		} else {
			if c.Priority != vrrp.Owner {
				c.Priority = uint8(1 + w.rng.IntN(254))
			}
			c.NoPreempt = w.rng.IntN(4) == 0
			c.Interval = pick(w.rng, w.hosts).configs[0].Interval
		}
		if h.group != nil {
			w.step(h, lan, fsm.Configured{Config: *c})
			w.step(h, lan, fsm.Addressed{Primary: h.addrs[lan], Announce: true})
		}
	}
}

// regroup makes all hosts group their members otherwise. One after the other
// does so; who is down does when it comes back.
func (w *world) regroup() {
	if w.sleeping() {
		return
	}
	groups := make([][]int, len(w.lans))
	for lan := range w.lans {
		g := w.rng.IntN(len(groups))
		groups[g] = append(groups[g], lan)
	}
	w.groups = slices.DeleteFunc(groups, func(g []int) bool { return len(g) == 0 })
	w.note("groups %v", w.groups)
	for _, i := range w.rng.Perm(len(w.hosts)) {
		if h := w.hosts[i]; h.group != nil {
			w.obeyGroups(h)
			w.forget(h)
		}
		if w.rng.IntN(2) == 0 {
			w.assess(false)
			w.pass(w.upTo(w.laws.interval))
		}
	}
}

// obeyGroups groups the members of a host as they are to be.
func (w *world) obeyGroups(h *host) {
	if w.groups == nil || w.breach != nil {
		return
	}
	out, err := h.group.regroup(w.now, w.groups, w.out[:0])
	w.obey(h, out, err)
}

// sleep stops a host for a while; it will find its mail.
func (w *world) sleep(h *host, d time.Duration) {
	if h.group == nil || h.asleep {
		return
	}
	w.note("host %d sleeps for %v", h.id, d)
	h.asleep = true
	w.plan(moment{at: w.now.Add(d), kind: awake, host: h})
}

func pick[T any](rng *rand.Rand, from []T) T { return from[rng.IntN(len(from))] }

func longest(d []time.Duration) time.Duration {
	var m time.Duration
	for _, d := range d {
		m = max(m, d)
	}
	return m
}
