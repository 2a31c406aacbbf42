package health

import "slices"

// A Board holds the latest standing of every check and knows who follows it.
// It is for one goroutine.
type Board struct {
	entries map[key]*entry
	tracks  [][]Track // of each router
}

type key struct {
	kind Kind
	name string
}

// An entry is one check and how it stands.
type entry struct {
	check   Check
	streak  streak
	decided Result // what made it stand as it does
	of      int    // how many results like it that took
	last    Result
	routers []int // who follows it, ascending
}

// A Verdict is the health of one router. Delta is the plain sum of what its
// checks contribute: clamping the priority comes after (S-45), so that of two
// checks that overshoot both must recover.
type Verdict struct {
	Delta   int
	Fault   bool     // some check keeps it in FAULT
	Wait    bool     // some check has no result yet that the router waits for
	Reasons []Reason // every check that is not up, or that contributes, in order
}

// Faults returns the reasons that keep the router in FAULT.
func (v Verdict) Faults() []Reason {
	return slices.DeleteFunc(slices.Clone(v.Reasons), func(r Reason) bool { return !r.Fault })
}

// A Standing is how one check is doing, for who asks after it.
type Standing struct {
	Check    Check
	Known    bool   // it has a result, or init_fail stands in for one
	Up       bool   // how it stands
	Decided  Result // the result that made it so
	Last     Result // the latest result, which may not have turned it yet
	Count    int    // results against its standing, in a row,
	Of       int    // of the number that turns it
	Followed []int  // the routers that depend on it
}

// NewBoard returns the board of these checks; tracks[i] is what router i
// depends on. A check that is tracked but not listed, such as a link, needs no
// settings and is added.
func NewBoard(checks []Check, tracks [][]Track) *Board {
	b := &Board{}
	b.Replace(checks, tracks)
	return b
}

// Replace makes the board that of a new configuration. A check keeps its
// standing if it is still the same: a script if command and user are, a check
// without one if it asks the same and takes the same for good.
func (b *Board) Replace(checks []Check, tracks [][]Track) {
	old := b.entries
	b.entries = make(map[key]*entry, len(checks))
	b.tracks = tracks
	for _, c := range checks {
		b.add(c, old)
	}
	for router, ts := range tracks {
		for _, t := range ts {
			k := key{t.Kind, t.Name}
			if b.entries[k] == nil {
				b.add(Check{Kind: t.Kind, Name: t.Name}, old)
			}
			e := b.entries[k]
			if n := len(e.routers); n == 0 || e.routers[n-1] != router {
				e.routers = append(e.routers, router)
			}
		}
	}
}

func (b *Board) add(c Check, old map[key]*entry) {
	k := key{c.Kind, c.Name}
	e := &entry{check: c, streak: newStreak(c.Rise, c.Fall, c.InitFail)}
	if c.InitFail {
		e.decided = Result{Outcome: Assumed}
	}
	if o := old[k]; o != nil && !o.streak.fresh && o.check.same(&c) {
		e.streak, e.decided, e.of, e.last = o.streak, o.decided, o.of, o.last
		e.streak.adjust(c.Rise, c.Fall)
	}
	b.entries[k] = e
}

// same reports whether results of c say something of d.
func (c *Check) same(d *Check) bool {
	return c.Kind == d.Kind && c.Name == d.Name && slices.Equal(c.Command, d.Command) && c.Probe.Same(d.Probe) &&
		c.Shell == d.Shell && c.User == d.User && c.Group == d.Group &&
		c.File.Path == d.File.Path && c.Process.same(&d.Process) && c.BFD == d.BFD
}

// Post records a report and returns the routers whose verdict may be another
// now, in ascending order.
func (b *Board) Post(r Report) []int {
	e := b.entries[key{r.Kind, r.Name}]
	if e == nil || r.from != nil && !r.from.same(&e.check) {
		return nil
	}
	e.last = r.Result
	ok := r.Result.up()
	of := e.streak.needs(ok)
	if !e.streak.add(ok) && !e.betterKnown(r.Result) {
		return nil
	}
	e.decided, e.of = r.Result, of
	return slices.Clone(e.routers)
}

// betterKnown reports whether r, which does not turn the standing, still says
// more than what decided it. A link has one condition at a time, and a file one
// number. A script's failures are told by those that took it down, except after
// init_fail, when there were none.
func (e *entry) betterKnown(r Result) bool {
	if e.check.Kind != Script {
		return !r.says(e.decided)
	}
	return e.decided.Outcome == Assumed && r.Outcome != Good
}

// Verdict sums up what a router's checks say, from their present standing.
func (b *Board) Verdict(router int) Verdict {
	var v Verdict
	for _, t := range b.tracks[router] {
		r := b.reason(t)
		v.Delta += r.Delta
		v.Fault = v.Fault || r.Fault
		v.Wait = v.Wait || r.Wait
		if !r.Up || r.Fault || r.Delta != 0 {
			v.Reasons = append(v.Reasons, r)
		}
	}
	return v
}

// Reason returns what a check means for a router at present, and false if the
// router does not follow it.
func (b *Board) Reason(router int, kind Kind, name string) (Reason, bool) {
	for _, t := range b.tracks[router] {
		if t.Kind == kind && t.Name == name {
			return b.reason(t), true
		}
	}
	return Reason{}, false
}

// Cause returns the first check of a router that adds something else to its
// priority than it did before, and false if there is none: the cause of a change.
func (b *Board) Cause(router int, before Verdict) (Reason, bool) {
	for _, t := range b.tracks[router] {
		if r := b.reason(t); r.Delta != before.delta(t) {
			return r, true
		}
	}
	return Reason{}, false
}

// delta returns what a check adds to the priority.
func (v Verdict) delta(t Track) int {
	for _, r := range v.Reasons {
		if r.Track == t {
			return r.Delta
		}
	}
	return 0
}

func (b *Board) reason(t Track) Reason {
	e := b.entries[key{t.Kind, t.Name}]
	r := Reason{Track: t, Result: e.decided, Up: e.streak.up(), Of: e.of}
	switch {
	case e.streak.fresh:
		r.Wait = t.Weight == 0 || t.Kind.prompt()
	case t.Weight == 0:
		r.Fault = r.Up == t.Reverse
	case t.Kind == File:
		r.Delta, r.Fault = product(r.Result.Number, t)
	case r.Up == (t.Weight > 0):
		r.Delta = t.Weight
		if t.Reverse {
			r.Delta = -t.Weight
		}
	}
	return r
}

// prompt reports whether a check of this kind has its first result as soon as it is
// set up. A router waits for that one whatever its weight, so that it begins with
// the priority that it will have: keepalived reads files and counts processes
// before its routers start, and a session is down until it has come up.
func (k Kind) prompt() bool { return k == File || k == Process || k == BFD }

// product is what the number in a file contributes. It can be FAULT: that is
// how keepalived reads a number that would take every priority away.
func product(number int, t Track) (delta int, fault bool) {
	p := number * t.Weight
	if t.Reverse {
		p = -p
	}
	if p <= -254 {
		return 0, true
	}
	return min(p, 253), false
}

// Standing returns how a check is doing, and false if there is none such.
func (b *Board) Standing(kind Kind, name string) (Standing, bool) {
	e := b.entries[key{kind, name}]
	if e == nil {
		return Standing{}, false
	}
	s := Standing{
		Check: e.check, Known: !e.streak.fresh, Up: e.streak.up(),
		Decided: e.decided, Last: e.last, Followed: slices.Clone(e.routers),
	}
	s.Count, s.Of = e.streak.progress()
	return s, true
}
