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

// reported takes the result of a check that runs beside the loop.
func (d *Daemon) reported(report health.Report) {
	for _, i := range d.board.Post(report) {
		d.judge(d.routers[i], report)
	}
}

// judgeLinks tells the board how every interface and source stands, and judges
// the routers for whom that changes something.
func (d *Daemon) judgeLinks() {
	for _, s := range d.sights {
		d.reported(health.Report{Kind: s.Kind, Name: s.Name, Result: d.look(s)})
	}
}

// look looks at an interface or a source as if a check had been run.
func (d *Daemon) look(s sighting) health.Result {
	if s.Kind == health.Source {
		if s.router.primary.IsValid() {
			return health.Result{Outcome: health.Good}
		}
		return health.Result{Outcome: health.NoAddress}
	}
	switch l, ok := d.links[s.Name]; {
	case !ok:
		return health.Result{Outcome: health.Absent}
	case !l.Up:
		return health.Result{Outcome: health.Down}
	case !l.Running:
		return health.Result{Outcome: health.NoCarrier}
	default:
		return health.Result{Outcome: health.Good}
	}
}

// judge tells a router's group what health says of it now; because is the
// report that made it look.
func (d *Daemon) judge(r *router, because health.Report) {
	before := r.verdict
	r.verdict = d.board.Verdict(r.index)
	if r.state != fsm.Initialize && before.Delta != r.verdict.Delta && !r.verdict.Fault {
		d.explainPriority(r, before, because)
	}
	if !r.joined && r.link != 0 {
		return // it starts when it can hear
	}
	d.step(r, fsm.Judged{Verdict: fsm.Verdict{
		Delta: r.verdict.Delta, Fault: r.verdict.Fault, Wait: r.verdict.Wait,
	}})
	if !r.begun {
		r.begun = true
		d.step(r, fsm.Start{})
	}
	d.show(r, nil)
}

// explainPriority logs why a router's priority changes.
func (d *Daemon) explainPriority(r *router, before health.Verdict, because health.Report) {
	reason, ok := d.board.Reason(r.index, because.Kind, because.Name)
	if !ok || r.profile.Owner {
		return
	}
	was, is := clamp(r.Router.Priority, before.Delta), clamp(r.Router.Priority, r.verdict.Delta)
	if was != is {
		d.log.Info("Changing effective priority", "instance", r.Name, "from", was, "to", is, "reason", reason.String())
	}
}

// clamp applies a delta to a priority as the state machine does (S-45).
func clamp(priority uint8, delta int) int {
	return min(max(int(priority)+delta, 1), 254)
}

// show logs the condition of a router when it has changed; cause is the state
// machine's, nil when health alone has something to say.
func (d *Daemon) show(r *router, cause *fsm.Cause) {
	now := condition(r.state, r.verdict, d.groupFault(r))
	reasons := ""
	if now == Fault {
		reasons = faults(r.verdict)
	}
	if now == r.shown && reasons == r.why {
		return
	}
	was := r.shown
	r.shown, r.why = now, reasons
	switch {
	case now == Init:
		d.log.Info("Waiting for the first result of a check", "instance", r.Name)
		return
	case now == Fault && reasons == "":
		reasons = "the sync group follows one of its members"
	case now == Fault:
	case cause != nil:
		reasons = cause.String()
	}
	verb := "Entering"
	if was == now {
		verb = "Staying in"
	}
	d.log.Info(verb+" "+now.String()+" STATE", "instance", r.Name, "was", was.String(), "reason", reasons)
}

// groupFault reports whether another member keeps a router's group from
// taking part.
func (d *Daemon) groupFault(r *router) bool {
	return slices.ContainsFunc(r.group.members, func(m *router) bool { return m.verdict.Fault })
}

// faults lists what keeps a router from taking part.
func faults(v health.Verdict) string {
	var s []string
	for _, reason := range v.Faults() {
		s = append(s, reason.String())
	}
	return strings.Join(s, "; ")
}
