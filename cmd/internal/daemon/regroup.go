package daemon

import (
	"slices"

	"regent/cfgparse"
	"regent/fsm"
	"regent/health"
	"regent/vrrp"
)

// regroup puts the routers into the sync groups of a configuration, and every
// other one into a group by itself. Nobody's state changes by that: see conclude.
func (d *Daemon) regroup(groups []cfgparse.Group) {
	names := make(map[string]*router, len(d.routers))
	told := make(map[string]Condition) // of the groups until now, by their names
	for _, r := range d.routers {
		names[r.settings().Name] = r
		told[r.group.name] = r.group.shown
	}
	grouped := make(map[*router]bool)
	for _, settings := range groups {
		var members []*router
		for _, name := range settings.Members {
			if r := names[name]; r != nil {
				members = append(members, r)
				grouped[r] = true
			}
		}
		if len(members) > 0 {
			impose(members, settings)
			g := unite(members)
			g.rename(settings, told)
		}
	}
	for _, r := range d.routers {
		if !grouped[r] {
			g := unite([]*router{r})
			g.name, g.tell, g.shown = "", nil, Init
		}
	}
}

// impose makes what a group tracks act on each of its members.
func impose(members []*router, settings cfgparse.Group) {
	owner := slices.ContainsFunc(members, func(r *router) bool { return r.settings().Router.Priority == vrrp.Owner })
	for _, r := range members {
		in := r.settings()
		in.Tracks = health.InGroup(in.Tracks, settings.Tracks, settings.KeepWeights, owner)
	}
}

// unite returns the group of some routers: a new one, unless they are one
// already.
func unite(members []*router) *group {
	if g := members[0].group; slices.Equal(g.members, members) {
		return g
	}
	seats := make([]fsm.Seat, len(members))
	for i, r := range members {
		seats[i] = fsm.Seat{Group: r.group.machine, Router: r.member}
	}
	g := &group{members: members, machine: fsm.Regroup(seats...), held: true}
	for i, r := range members {
		r.group, r.member = g, i
		if r.fault {
			g.faults++
		}
		g.late = g.late || r.shown != Init // it begins after its member
	}
	return g
}

// rename gives a group the name and the wishes of a configuration. Others have
// been told of the state that a group of this name was in. Of one that is new
// they will be, but not that masters have come together: to them that is no
// news, as in keepalived.
func (g *group) rename(settings cfgparse.Group, told map[string]Condition) {
	g.name, g.tell = settings.Name, &settings.Notify
	was, known := told[g.name]
	if !known && !slices.ContainsFunc(g.members, func(r *router) bool { return r.shown != Master }) {
		was = Master
	}
	g.shown = was
}

// hold keeps groups from concluding anything until conclude: a reload tells much
// one after the other that counts only together. A member that is at fault by
// its old settings may not be by its new ones.
func hold(routers []*router) {
	for _, r := range routers {
		r.group.held = true
		r.group.machine.Hold()
	}
}

// conclude lets every group conclude what follows from a reload, and tells it.
func (d *Daemon) conclude() {
	for _, r := range d.routers {
		g := r.group
		if r.member > 0 {
			continue // it was done with the first member
		}
		g.held = false
		d.actions = g.machine.Settle(d.now, d.actions[:0])
		d.obey(g)
		for _, m := range g.members {
			d.express(m)
		}
		d.informOf(g)
	}
}
