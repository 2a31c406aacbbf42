package netif

import (
	"net/netip"
	"slices"
	"time"
)

// A Spacing is the least time between two announcements on a link, by family
// (garp_interval, gna_interval). Zero: they leave together.
type Spacing struct{ ARP, NA time.Duration }

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
	spacing Spacing // of links in no group
	groups  map[string]Spacing
	groupOf map[int]string // by link
	lanes   map[laneKey]*lane
	order   []*lane // as they came
	waiting map[waitingKey]*waiting
	eras    map[int]int // by owner: how often he was cancelled
}

type laneKey struct {
	group  string // or
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
	free   time.Time // when the next one may leave
}

// A waiting is an address with announcements to come.
type waiting struct {
	Announcement
	owner, era int
	left       int  // announcements
	begun      bool // one has left
	gone       bool // another has taken its place
}

// SetSpacing sets the spacing of links that are in no group.
func (p *Pacer) SetSpacing(s Spacing) { p.spacing = s }

// SetGroup makes links share one spacing, instead of those that shared it under
// this name before.
func (p *Pacer) SetGroup(name string, s Spacing, links []int) {
	if p.groups == nil {
		p.groups, p.groupOf = map[string]Spacing{}, map[int]string{}
	}
	for link, group := range p.groupOf {
		if group == name {
			delete(p.groupOf, link)
		}
	}
	p.groups[name] = s
	for _, link := range links {
		p.groupOf[link] = name
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

// Take appends to out what may leave now, in order.
func (p *Pacer) Take(now time.Time, out []Announcement) []Announcement {
	for _, l := range p.order {
		spacing := p.spacingOf(l.key)
		for !l.free.After(now) {
			w, round := p.first(l)
			if w == nil {
				delete(p.lanes, l.key) // it has nothing to remember
				break
			}
			l.rounds[round] = l.rounds[round][1:]
			out = append(out, w.Announcement)
			w.begun = true
			if w.left--; w.left > 0 {
				l.push(round+1, w)
			} else {
				delete(p.waiting, waitingKey{w.Link, w.Addr})
			}
			if earliest := now.Add(-catchUp); l.free.Before(earliest) {
				l.free = now // it was idle, not late
			}
			l.free = l.free.Add(spacing)
		}
	}
	p.order = slices.DeleteFunc(p.order, func(l *lane) bool { return p.lanes[l.key] != l })
	return out
}

// Next returns when Take will have something, false if nothing waits.
func (p *Pacer) Next() (at time.Time, ok bool) {
	for _, l := range p.order {
		if w, _ := p.first(l); w != nil && (!ok || l.free.Before(at)) {
			at, ok = l.free, true
		}
	}
	return at, ok
}

func (p *Pacer) lane(a Announcement) *lane {
	key := laneKey{link: a.Link, family: FamilyOf(a.Addr)}
	if group, ok := p.groupOf[a.Link]; ok {
		key.group, key.link = group, 0
	}
	l := p.lanes[key]
	if l == nil {
		l = &lane{key: key}
		p.lanes[key], p.order = l, append(p.order, l)
	}
	return l
}

func (p *Pacer) spacingOf(key laneKey) time.Duration {
	s := p.spacing
	if key.link == 0 {
		s = p.groups[key.group]
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
