package daemon

import (
	"regent/cfgparse"
	"regent/cmd/internal/notify"
	"regent/fsm"
)

// A Notifier tells others what happens to routers and groups. It does not wait.
type Notifier interface{ Tell(notify.Event) }

// states are the conditions that others are told of.
var states = map[Condition]notify.State{Backup: notify.Backup, Master: notify.Master, Fault: notify.Fault}

// inform tells others that something has happened to a router, and why.
func (d *Daemon) inform(r *router, state notify.State, why string) {
	d.notifier.Tell(event(r, state, why))
}

func event(r *router, state notify.State, why string) notify.Event {
	return notify.Event{
		Kind: notify.Instance, Name: r.Name, State: state,
		Priority: int(r.group.machine.Status(r.member).Priority), Notify: r.tell, Reason: why,
	}
}

// informOf tells others of a group's new state, after those of its members: a
// group has the state that all of them have.
func (d *Daemon) informOf(g *group) {
	if g.name == "" || g.held {
		return
	}
	now := g.members[0].shown
	for _, m := range g.members {
		if m.shown != now {
			return
		}
	}
	d.informOfGroup(g, now)
}

// informOfGroup tells of a group's state, if it is new.
func (d *Daemon) informOfGroup(g *group, now Condition) {
	if state, ok := states[now]; ok && now != g.shown {
		g.shown = now
		d.notifier.Tell(notify.Event{Kind: notify.Group, Name: g.name, State: state, Notify: g.tell})
	}
}

// informOfState tells of a router's new state. Only when both begin does its group
// come before it, as in keepalived, where one that first waits for a script has begun.
func (d *Daemon) informOfState(r *router, why string) {
	if g := r.group; g.name != "" && g.shown == Init && !g.late {
		d.informOfGroup(g, r.shown)
	}
	d.inform(r, states[r.shown], why)
}

// informPriority tells of a new effective priority, to who has asked for it
// (notify_priority_changes: the instance decides, else its group, else all).
func (d *Daemon) informPriority(r *router) {
	wanted := d.tellPriorities
	for _, n := range []*cfgparse.Notify{r.group.tell, r.tell} {
		if n != nil && n.PriorityChanges != nil {
			wanted = *n.PriorityChanges
		}
	}
	switch {
	case !wanted:
	case r.state == fsm.Master:
		d.inform(r, notify.MasterPriority, "")
	default:
		d.inform(r, notify.BackupPriority, "")
	}
}

// informOfTheEnd tells that the daemon ends: of all routers, then of all groups.
func (d *Daemon) informOfTheEnd() {
	var groups []*group
	for _, r := range d.routers {
		d.inform(r, notify.Stop, "")
		if g := r.group; g.name != "" && r == g.members[0] {
			groups = append(groups, g)
		}
	}
	for _, g := range groups {
		d.notifier.Tell(notify.Event{Kind: notify.Group, Name: g.name, State: notify.Stop, Notify: g.tell})
	}
}

// informAgain tells the readers of FIFOs what they would know had they been there
// before: every state, as it is (fifo_write_vrrp_states_on_reload).
func (d *Daemon) informAgain() {
	for _, r := range d.routers {
		if state, ok := states[r.shown]; ok {
			e := event(r, state, "")
			e.Known = true
			d.notifier.Tell(e)
		}
	}
	for _, r := range d.routers {
		g := r.group
		if state, ok := states[g.shown]; ok && g.name != "" && r == g.members[0] {
			d.notifier.Tell(notify.Event{Kind: notify.Group, Name: g.name, State: state, Notify: g.tell, Known: true})
		}
	}
}
