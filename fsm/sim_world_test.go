package fsm_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"time"

	"regent/fsm"
	"regent/vrrp"
)

// A world is a few hosts on one LAN, or on several when each host has a member
// on each, in sync groups. Time passes from one moment to the next, and
// everything in it follows from the seed.
type world struct {
	rng     *rand.Rand
	now     fsm.Time
	agenda  agenda
	hosts   []*host
	lans    []lan
	groups  [][]int // of LANs: how every host groups its members
	version uint8
	laws    laws

	delay time.Duration // the longest that a packet takes
	late  time.Duration // the longest that a host takes to notice a deadline
	loss  float64       // probability
	twice float64       // probability that a packet comes twice
	stray float64       // probability that an outdated deadline comes all the same

	breach error
	log    *strings.Builder // nil: nobody reads it
	out    []fsm.Action
}

// A lan is one network with a client on it.
type lan struct {
	side     []int // of each host; hosts on different sides do not hear each other
	believed *host // whom the client would send to; nil: it cannot be said
}

// A host runs one router on each LAN.
type host struct {
	id      int
	configs []fsm.Config
	addrs   []netip.Addr
	verdict []fsm.Verdict
	group   *conduct // nil: the host is down
	started bool
	wakes   []int // generation of the last Wake of each member
	asleep  bool  // it notices nothing until it awakes
	mail    []moment
}

// fit says whether a host ought to take part on a LAN.
func (h *host) fit(lan int) bool {
	if h.group == nil || !h.started {
		return false
	}
	for _, mate := range h.group.routers[lan].team.members {
		if v := h.verdict[mate]; v.Fault || v.Wait {
			return false
		}
	}
	return true
}

// A moment is something that will happen.
type moment struct {
	at   fsm.Time
	seq  int // moments of one instant happen in the order they were planned
	kind kind
	host *host
	lan  int
	wake int       // deadline: its generation
	life *conduct  // deadline: whose it is; a host that came back is another
	told fsm.Heard // packet
}

type kind uint8

const (
	packet kind = iota
	deadline
	awake
	idle // nothing; the laws look around
)

func (w *world) plan(m moment) {
	w.agenda.push(m)
}

// pass lets time pass.
func (w *world) pass(d time.Duration) {
	end := w.now.Add(d)
	w.plan(moment{at: end, kind: idle})
	for w.breach == nil {
		m := w.agenda.pop()
		w.now = m.at
		if w.breach = w.laws.check(w); w.breach != nil {
			return
		}
		switch m.kind {
		case packet:
			w.deliver(m)
		case deadline:
			w.expire(m)
		case awake:
			w.awake(m.host)
		case idle:
			if m.at == end {
				return
			}
		}
	}
}

// deliver brings a packet to a host.
func (w *world) deliver(m moment) {
	switch h := m.host; {
	case h.group == nil:
	case h.asleep:
		h.mail = append(h.mail, m)
	case w.version == vrrp.V2 && h.configs[m.lan].Priority == vrrp.Owner:
	default:
		w.step(h, m.lan, m.told)
	}
}

// expire brings a deadline to a host; now and then one that is out of date,
// because a timer that was moved may have been on its way (T-10).
func (w *world) expire(m moment) {
	h := m.host
	if h.group == nil || h.group != m.life {
		return
	}
	if m.wake != h.wakes[m.lan] && w.rng.Float64() >= w.stray {
		return
	}
	if h.asleep {
		h.mail = append(h.mail, m)
		return
	}
	w.step(h, m.lan, fsm.Expire{})
}

// awake hands a host what came while it slept: packets first (T-11).
func (w *world) awake(h *host) {
	mail := h.mail
	h.asleep, h.mail = false, nil
	w.note("host %d awakes", h.id)
	w.assess(false)
	for _, k := range []kind{packet, deadline} {
		for _, m := range mail {
			switch {
			case m.kind != k:
			case k == packet:
				w.deliver(m)
			default:
				w.expire(m)
			}
		}
	}
}

// step lets an event happen to one member, and does what it says.
func (w *world) step(h *host, lan int, ev fsm.Event) {
	if w.breach != nil {
		return
	}
	out, err := h.group.step(w.now, lan, ev, w.out[:0])
	if w.log != nil {
		w.note("host %d lan %d: %s", h.id, lan, describe(ev))
	}
	w.obey(h, out, err)
}

// obey does what the members of a host have answered.
func (w *world) obey(h *host, out []fsm.Action, err error) {
	w.out = out
	if w.log != nil {
		for _, a := range out {
			w.note("host %d lan %d:   %s", h.id, a.Router, tell(a))
		}
	}
	if err != nil {
		w.breach = fmt.Errorf("host %d: %w", h.id, err)
		return
	}
	for _, a := range out {
		switch a.Do {
		case fsm.Advertise:
			w.send(h, a.Router, a.Priority)
		case fsm.Announce:
			w.teach(h, a.Router)
		case fsm.Wake:
			h.wakes[a.Router]++
			if a.At != fsm.Never {
				w.plan(moment{at: a.At.Add(w.upTo(w.late)), kind: deadline, host: h, lan: a.Router, wake: h.wakes[a.Router], life: h.group})
			}
		}
	}
}

// send brings an advert to everybody who can hear it.
func (w *world) send(h *host, lan int, priority uint8) {
	c := &h.configs[lan]
	if c.VirtualMAC && priority != vrrp.Resign {
		w.teach(h, lan)
	}
	for _, to := range w.hosts {
		if to == h || w.lans[lan].side[to.id] != w.lans[lan].side[h.id] {
			continue
		}
		for copies := 1; copies > 0; copies-- {
			if w.twice > 0 && w.rng.Float64() < w.twice {
				copies++
			}
			if w.loss > 0 && w.rng.Float64() < w.loss {
				continue
			}
			w.plan(moment{
				at: w.now.Add(w.upTo(w.delay)), kind: packet, host: to, lan: lan,
				told: fsm.Heard{Source: h.addrs[lan], Priority: priority, Interval: c.Interval},
			})
		}
	}
}

// teach tells the client, who sits on side 0 and remembers the last word.
func (w *world) teach(h *host, lan int) {
	if l := &w.lans[lan]; l.side[h.id] == 0 {
		l.believed = h
	}
}

// forget makes what the client believes unforeseeable: the router that it
// believes in has gone without a trace.
func (w *world) forget(h *host) {
	for i := range w.lans {
		if h == nil || w.lans[i].believed == h {
			w.lans[i].believed = nil
		}
	}
}

func (w *world) upTo(d time.Duration) time.Duration {
	return time.Duration(w.rng.Int64N(int64(d) + 1))
}

func (w *world) note(format string, args ...any) {
	if w.log != nil {
		fmt.Fprintf(w.log, "%14v ", time.Duration(w.now))
		fmt.Fprintf(w.log, format+"\n", args...)
	}
}

func describe(ev fsm.Event) string {
	switch ev := ev.(type) {
	case fsm.Heard:
		return fmt.Sprintf("heard %v priority %d interval %v", ev.Source, ev.Priority, ev.Interval)
	case fsm.Judged:
		return fmt.Sprintf("judged %+v", ev.Verdict)
	case fsm.Configured:
		return fmt.Sprintf("configured %+v", ev.Config)
	case fsm.Addressed:
		return fmt.Sprintf("addressed %v", ev.Primary)
	}
	return strings.ToLower(strings.TrimPrefix(fmt.Sprintf("%T", ev), "fsm."))
}

// An agenda is a heap of moments, the next one first.
type agenda struct {
	moments []moment
	seq     int
}

func (a *agenda) less(i, j int) bool {
	m, n := &a.moments[i], &a.moments[j]
	return m.at < n.at || m.at == n.at && m.seq < n.seq
}

func (a *agenda) push(m moment) {
	a.seq++
	m.seq = a.seq
	a.moments = append(a.moments, m)
	for i := len(a.moments) - 1; i > 0 && a.less(i, (i-1)/2); i = (i - 1) / 2 {
		a.moments[i], a.moments[(i-1)/2] = a.moments[(i-1)/2], a.moments[i]
	}
}

// pop takes the next moment; there is always one while time passes.
func (a *agenda) pop() moment {
	first, last := a.moments[0], len(a.moments)-1
	a.moments[0] = a.moments[last]
	a.moments = a.moments[:last]
	for i := 0; ; {
		next := i
		for _, child := range [2]int{2*i + 1, 2*i + 2} {
			if child < last && a.less(child, next) {
				next = child
			}
		}
		if next == i {
			return first
		}
		a.moments[i], a.moments[next] = a.moments[next], a.moments[i]
		i = next
	}
}
