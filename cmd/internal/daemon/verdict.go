package daemon

import (
	"cmp"
	"fmt"

	"regent/fsm"
	"regent/health"
)

// A sighting is a check that the loop answers itself, from what it knows of
// the links: an interface, or the source of a router.
type sighting struct {
	health.Track
	router *router // one of those that want it
}

// reported takes the result of a check. One that is bad is told of even if it
// changes nothing for any router, as when a number is out of range.
func (d *Daemon) reported(report health.Report) {
	var reason health.Reason
	told := false
	for _, i := range d.board.Post(report) {
		moved := d.judge(d.routers[i])
		reason, _ = d.board.Reason(i, report.Kind, report.Name)
		told = told || moved || reason.Fault
	}
	if reason.Bad() && !told {
		d.log.Warn("a check fails, which changes no priority", "reason", reason.String())
	}
}

// look tells the board how these links and the sources on them stand, as if
// checks had been run, and then judges the routers for whom that changes
// something, once each: a link that is gone has taken its addresses along.
func (d *Daemon) look(links []string) {
	var changed []int // routers
	known := make(map[int]bool)
	for _, link := range links {
		for _, s := range d.uses[link].sights {
			report := health.Report{Kind: s.Kind, Name: s.Name, Result: d.see(s)}
			for _, i := range d.board.Post(report) {
				if !known[i] {
					known[i] = true
					changed = append(changed, i)
				}
			}
		}
	}
	for _, i := range changed {
		d.judge(d.routers[i])
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

// judge tells a router's group what health says of it now, and reports whether
// that has changed the priority.
func (d *Daemon) judge(r *router) (moved bool) {
	before := r.verdict
	r.verdict = d.board.Verdict(r.index)
	moved = d.explainPriority(r, before)
	r.moved = r.moved || moved && r.shown != Init // else it is told with the first state
	if r.link != 0 && !r.joined && r.deaf == nil {
		return moved // it begins when it can hear
	}
	fault := r.verdict.Fault || r.deaf != nil || r.toolong != "" || r.unhoused() != nil || r.FaultWithoutPeers
	others := d.blame(r, fault)
	d.step(r, fsm.Judged{Verdict: fsm.Verdict{Delta: r.verdict.Delta, Fault: fault, Wait: r.verdict.Wait}})
	if !r.begun {
		r.begun = true
		d.step(r, fsm.Start{})
	}
	if r.group.held {
		return moved // what follows is told when it does
	}
	d.express(r)
	if others {
		for _, m := range r.group.members {
			d.express(m)
		}
	}
	d.informOf(r.group)
	return moved
}

// express tells what health has made of a router.
func (d *Daemon) express(r *router) {
	d.show(r, nil)
	if r.moved {
		r.moved = false
		d.informPriority(r)
	}
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
func (d *Daemon) explainPriority(r *router, before health.Verdict) (moved bool) {
	was := int(fsm.Effective(r.Router.Priority, before.Delta))
	is := int(fsm.Effective(r.Router.Priority, r.verdict.Delta))
	if was == is {
		return false
	}
	if reason, ok := d.board.Cause(r.index, before); ok {
		r.shift = PriorityChange{Router: r.Name, From: was, To: is, Reason: reason}
		if peer := r.group.machine.Status(r.member).Heard; peer.Addr.IsValid() && cmp.Compare(was, int(peer.Priority)) != cmp.Compare(is, int(peer.Priority)) {
			r.shift.Rival = peer
		}
		d.about(r).Info("Changing effective priority", "from", was, "to", is, "reason", r.shift.why())
		d.publish(r.shift)
	}
	return true
}

// why says what has changed a priority and, where that may decide who is master,
// past whose:
//
//	chk_haproxy failed 2 of 2: exit status 1, weight -4; now below 192.0.2.2's 100
func (p PriorityChange) why() string {
	if !p.Rival.Addr.IsValid() {
		return p.Reason.String()
	}
	now := [...]string{"below", "equal to", "above"}[1+cmp.Compare(p.To, int(p.Rival.Priority))]
	return fmt.Sprintf("%v; now %s %v's %d", p.Reason, now, p.Rival.Addr, p.Rival.Priority)
}

// show logs the condition of a router when it has changed; cause is the state
// machine's, nil when health alone has something to say. A router that has not
// begun has nothing to show.
func (d *Daemon) show(r *router, cause *fsm.Cause) {
	if !r.begun {
		return
	}
	now := condition(r.state, r.group.faults > 0)
	var why Why
	switch now {
	case Fault:
		why = r.group.complaint(r)
	case Init:
		if why = r.waits(); why.Delayed && !r.profile.Owner {
			// keepalived calls it BACKUP from the start: scripts that are to end
			// what only a master runs need not wait (keepalived-language 4.10.2).
			now = Backup
		}
	}
	text := why.String()
	if now == r.shown && (now == Master || now == Backup || text == r.why.String()) {
		if cause != nil { // the delay is over
			r.event, r.why = lastEvent(*cause, r.why, why), r.group.explain(*cause)
		}
		return
	}
	if cause != nil {
		r.event = lastEvent(*cause, r.why, why)
		if text == "" {
			why = r.group.explain(*cause)
			text = why.String()
		}
	}
	was := r.shown
	r.shown, r.why = now, why
	if why.Waits != nil && why.Waits.Track.Kind == health.Script {
		r.group.late = true
	}
	verb := "Entering"
	if was == now {
		verb = "Staying in"
	}
	if now != Init && was != now {
		d.informOfState(r, text)
	}
	d.about(r).Info(verb+" "+now.String()+" STATE", "was", was.String(), "reason", text)
	if was != now {
		d.publish(StateChange{r.Name, was, now, why})
	}
}
