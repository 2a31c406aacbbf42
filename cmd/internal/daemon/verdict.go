package daemon

import (
	"slices"
	"strings"

	"regent/fsm"
	"regent/health"
)

// A sighting is a check that the loop answers itself, from what it knows of
// the links: an interface, or the source of a router.
type sighting struct {
	health.Track
	router *router // one of those that want it
}

// reported takes the result of a check.
func (d *Daemon) reported(report health.Report) {
	for _, i := range d.board.Post(report) {
		d.judge(d.routers[i], report)
	}
}

// look tells the board how these links and the sources on them stand, as if
// checks had been run, and then judges the routers for whom that changes
// something, once each: a link that is gone has taken its addresses along.
func (d *Daemon) look(links []string) {
	var changed []int // routers
	because := make(map[int]health.Report)
	for _, link := range links {
		for _, s := range d.uses[link].sights {
			report := health.Report{Kind: s.Kind, Name: s.Name, Result: d.see(s)}
			for _, i := range d.board.Post(report) {
				if _, known := because[i]; !known {
					because[i] = report
					changed = append(changed, i)
				}
			}
		}
	}
	for _, i := range changed {
		d.judge(d.routers[i], because[i])
	}
}

// see returns what is to be seen of a link, or of a router's source.
func (d *Daemon) see(s sighting) health.Result {
	if s.Kind == health.Source {
		if d.seesSource(s) {
			return health.Result{Outcome: health.Good}
		}
		return health.Result{Outcome: health.NoAddress}
	}
	return health.Result{Outcome: d.standing(s.Name)}
}

// judge tells a router's group what health says of it now; because is the
// report that made it look.
func (d *Daemon) judge(r *router, because health.Report) {
	before := r.verdict
	r.verdict = d.board.Verdict(r.index)
	moved := d.explainPriority(r, before, because)
	if r.link != 0 && !r.joined && r.deaf == nil {
		return // it begins when it can hear
	}
	fault := r.verdict.Fault || r.deaf != nil || r.toolong != "" || r.unhoused() != nil || r.FaultWithoutPeers
	others := d.blame(r, fault)
	d.step(r, fsm.Judged{Verdict: fsm.Verdict{Delta: r.verdict.Delta, Fault: fault, Wait: r.verdict.Wait}})
	if !r.begun {
		r.begun = true
		d.step(r, fsm.Start{})
	}
	d.show(r, nil)
	if others {
		for _, m := range r.group.members {
			d.show(m, nil)
		}
	}
	if moved {
		d.informPriority(r)
	}
	d.informOf(r.group)
}

// blame notes whether a router is at fault and reports whether that changes
// what the others of its group are.
func (d *Daemon) blame(r *router, fault bool) (others bool) {
	if r.fault == fault {
		return false
	}
	r.fault = fault
	if fault {
		r.group.faults++
		return r.group.faults == 1
	}
	r.group.faults--
	return true // what they were told may name this one
}

// explainPriority logs why a router's priority changes, and reports whether it
// does.
func (d *Daemon) explainPriority(r *router, before health.Verdict, because health.Report) (moved bool) {
	was, is := clamp(r.Router.Priority, before.Delta), clamp(r.Router.Priority, r.verdict.Delta)
	if was == is || r.profile.Owner {
		return false
	}
	if reason, ok := d.board.Reason(r.index, because.Kind, because.Name); ok {
		d.about(r).Info("Changing effective priority", "from", was, "to", is, "reason", reason.String())
	}
	return true
}

// clamp applies a delta to a priority as the state machine does (S-45).
func clamp(priority uint8, delta int) int {
	return min(max(int(priority)+delta, 1), 254)
}

// show logs the condition of a router when it has changed; cause is the state
// machine's, nil when health alone has something to say. A router that has not
// begun has nothing to show.
func (d *Daemon) show(r *router, cause *fsm.Cause) {
	if !r.begun {
		return
	}
	now := condition(r.state, r.group.faults > 0)
	why := ""
	switch now {
	case Fault:
		why = r.group.complaint(r)
	case Init:
		why = r.waits()
	}
	if now == r.shown && why == r.why {
		return
	}
	was := r.shown
	r.shown, r.why = now, why
	if cause != nil && why == "" {
		why = r.group.explain(*cause)
	}
	verb := "Entering"
	if was == now {
		verb = "Staying in"
	}
	if now != Init && was != now {
		d.informOfState(r, why)
	}
	d.about(r).Info(verb+" "+now.String()+" STATE", "was", was.String(), "reason", why)
}

// complaint says what keeps a router from taking part: its own faults, or else
// those of the member that its group follows.
func (g *group) complaint(r *router) string {
	if r.fault {
		return r.faults()
	}
	for _, m := range g.members {
		if m.fault {
			return "the sync group follows " + m.Name + ": " + m.faults()
		}
	}
	return ""
}

// explain says why the state machine has acted.
func (g *group) explain(c fsm.Cause) string {
	if c.Reason != fsm.GroupFollowed {
		return c.String()
	}
	c.Reason = c.Because
	return "the sync group follows " + g.members[c.Member].Name + ": " + c.String()
}

// faults lists what keeps a router itself from taking part.
func (r *router) faults() string {
	var s []string
	for _, reason := range r.verdict.Faults() {
		s = append(s, reason.String())
	}
	if r.FaultWithoutPeers {
		s = append(s, "it has no unicast peers (unicast_fault_no_peer)")
	}
	if r.deaf != nil {
		s = append(s, "it cannot hear adverts: "+r.deaf.Error())
	}
	if r.toolong != "" {
		s = append(s, r.toolong)
	}
	if err := r.unhoused(); err != nil {
		s = append(s, "its addresses have no place: "+err.Error())
	}
	return strings.Join(s, "; ")
}

// waits says what a router waits for that nothing keeps from taking part. When
// it is only for the others of its group to begin, that is not worth a word.
func (r *router) waits() string {
	if reason := waiting(r.verdict); reason != "" {
		return reason
	}
	for _, m := range r.group.members {
		if reason := waiting(m.verdict); reason != "" {
			return "the sync group follows " + m.Name + ": " + reason
		}
	}
	if r.Router.StartDelay > 0 {
		return "the startup delay is not over"
	}
	return ""
}

// waiting returns the first check without a result that a router needs.
func waiting(v health.Verdict) string {
	i := slices.IndexFunc(v.Reasons, func(r health.Reason) bool { return r.Wait })
	if i < 0 {
		return ""
	}
	return v.Reasons[i].String()
}
