package netif

import (
	"net/netip"
	"slices"
	"time"
)

// A Spacing is the least time between two announcements on a link, by family
// (garp_interval, gna_interval). Zero: they leave together.
type Spacing struct{ ARP, NA time.Duration }

// A Pace is the spacing of all links.
type Pace struct {
	Spacing // of links in no group (vrrp_garp_interval, vrrp_gna_interval)
	Groups  []PaceGroup
}

// A PaceGroup is links that share one spacing, each family's own (garp_group).
type PaceGroup struct {
	Spacing
	Links []int // indexes; a link is in one group at most
}

// catchUp is how much lateness a lane makes good for: a caller who wakes late,
// as all do, keeps the rate of intervals far below a millisecond.
const catchUp = time.Millisecond

// A Pacer decides when announcements leave. Links have a lane each and family,
// unless they share one (garp_group); in a lane the first announcement of
// every address comes before the second of any, whoever asked first.
//
// It knows no clock: now is an argument, and never goes back. The zero Pacer
// is ready and spaces nothing.
type Pacer struct {
	pace    Pace
	groupOf map[int]int // by link; from 1
	lanes   map[laneKey]*lane
	order   []*lane // as they came
	waiting map[waitingKey]*waiting
	eras    map[int]int // by owner: how often he was cancelled
}

// A Departure is an announcement that may leave, and whose it is.
type Departure struct {
	Announcement
	Owner int
}

type laneKey struct {
	group  int // from 1; or
	link   int
	family Family
}

type waitingKey struct {
	link int
	addr netip.Addr
}

// A lane is a queue for each number of times that an address has been
// announced; the first queue that is not empty has the next one.
type lane struct {
	key    laneKey
	rounds [][]*waiting
	last   time.Time // when one left, or should have
}

// A waiting is an address with announcements to come.
type waiting struct {
	Announcement
	owner, era int
	left       int  // announcements
	begun      bool // one has left
	gone       bool // another has taken its place
}

// SetPace replaces the pace. What waits keeps its turn, and follows the new one
// at once.
func (p *Pacer) SetPace(pace Pace) {
	p.pace, p.groupOf = pace, make(map[int]int)
	for i, g := range pace.Groups {
		for _, link := range g.Links {
			p.groupOf[link] = i + 1
		}
	}
	old := p.order
	p.lanes, p.order = make(map[laneKey]*lane), nil
	for _, o := range old {
		for round, queue := range o.rounds {
			for _, w := range queue {
				l := p.lane(w.Announcement)
				l.push(round, w)
				if l.last.Before(o.last) {
					l.last = o.last
				}
			}
		}
	}
}

// Add asks for announcements, each to be made as often as times says. An
// address that still waits does not wait twice: it begins anew, with the
// greater number.
func (p *Pacer) Add(owner int, as []Announcement, times int) {
	if times <= 0 {
		return
	}
	if p.waiting == nil {
		p.lanes, p.waiting, p.eras = map[laneKey]*lane{}, map[waitingKey]*waiting{}, map[int]int{}
	}
	for _, a := range as {
		w := &waiting{Announcement: a, owner: owner, era: p.eras[owner], left: times}
		key := waitingKey{a.Link, a.Addr}
		if old := p.waiting[key]; old != nil {
			if !p.dead(old) {
				w.left = max(times, old.left)
				if !old.begun { // it keeps its place
					*old = *w
					continue
				}
			}
			old.gone = true
		}
		p.waiting[key] = w
		p.lane(a).push(0, w)
	}
}

// Cancel drops what an owner waits for: who is no longer master announces
// nothing more (B-3).
func (p *Pacer) Cancel(owner int) {
	if p.eras != nil {
		p.eras[owner]++
	}
}

// Drop drops what an owner waits for of some addresses: it gives them up and keeps
// others.
func (p *Pacer) Drop(owner int, gone func(netip.Addr) bool) {
	for key, w := range p.waiting {
		if w.owner == owner && gone(w.Addr) {
			w.gone = true
			delete(p.waiting, key)
		}
	}
}

// Take appends to out what may leave now, in order; of each lane no more than
// one round, so that a caller who is asked for something else between two calls
// lets the first announcements of that come before the next ones of this.
func (p *Pacer) Take(now time.Time, out []Departure) []Departure {
	for _, l := range p.order {
		out = p.takeRound(l, now, out)
	}
	p.order = slices.DeleteFunc(p.order, func(l *lane) bool { return p.lanes[l.key] != l })
	return out
}

func (p *Pacer) takeRound(l *lane, now time.Time, out []Departure) []Departure {
	spacing := p.spacingOf(l.key)
	for begun := -1; ; {
		at := l.last.Add(spacing)
		if at.After(now) {
			return out // it remembers the time of the last one, if nothing else
		}
		w, round := p.first(l)
		if w == nil && begun < 0 {
			delete(p.lanes, l.key) // it has nothing to remember
		}
		if w == nil || begun >= 0 && round != begun {
			return out
		}
		begun = round
		l.rounds[round] = l.rounds[round][1:]
		out = append(out, Departure{w.Announcement, w.owner})
		w.begun = true
		if w.left--; w.left > 0 {
			l.push(round+1, w)
		} else {
			delete(p.waiting, waitingKey{w.Link, w.Addr})
		}
		l.last = at
		if at.Before(now.Add(-catchUp)) {
			l.last = now // it was idle, not late
		}
	}
}

// Next returns when Take will have something, false if nothing waits.
func (p *Pacer) Next() (at time.Time, ok bool) {
	for _, l := range p.order {
		if w, _ := p.first(l); w == nil {
			continue
		}
		if due := l.last.Add(p.spacingOf(l.key)); !ok || due.Before(at) {
			at, ok = due, true
		}
	}
	return at, ok
}

func (p *Pacer) lane(a Announcement) *lane {
	key := laneKey{group: p.groupOf[a.Link], family: FamilyOf(a.Addr)}
	if key.group == 0 {
		key.link = a.Link
	}
	l := p.lanes[key]
	if l == nil {
		l = &lane{key: key}
		p.lanes[key], p.order = l, append(p.order, l)
	}
	return l
}

func (p *Pacer) spacingOf(key laneKey) time.Duration {
	s := p.pace.Spacing
	if key.group > 0 {
		s = p.pace.Groups[key.group-1].Spacing
	}
	if key.family == IPv4 {
		return s.ARP
	}
	return s.NA
}

func (l *lane) push(round int, w *waiting) {
	for len(l.rounds) <= round {
		l.rounds = append(l.rounds, nil)
	}
	l.rounds[round] = append(l.rounds[round], w)
}

// first returns what a lane sends next and in which round, after it has
// dropped what died in front of it.
func (p *Pacer) first(l *lane) (*waiting, int) {
	for round := range l.rounds {
		queue := l.rounds[round]
		for len(queue) > 0 && p.dead(queue[0]) {
			if w := queue[0]; !w.gone {
				delete(p.waiting, waitingKey{w.Link, w.Addr})
			}
			queue = queue[1:]
		}
		l.rounds[round] = queue
		if len(queue) > 0 {
			return queue[0], round
		}
	}
	return nil, 0
}

func (p *Pacer) dead(w *waiting) bool { return w.gone || w.era != p.eras[w.owner] }
