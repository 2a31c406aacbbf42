package daemon

import (
	"slices"

	"regent/cfgparse"
	"regent/fsm"
	"regent/health"
	"regent/netif"
	"regent/vrrp"
)

// compose returns who shares a fate after a reload: first the members of each
// sync group of a configuration, which may be none, then every other router by
// itself.
func (d *Daemon) compose(groups []cfgparse.Group) (sets [][]*router) {
	names := make(map[string]*router, len(d.routers))
	for _, r := range d.routers {
		names[r.settings().Name] = r
	}
	grouped := make(map[*router]bool)
	for _, g := range groups {
		var members []*router
		for _, name := range g.Members {
			if r := names[name]; r != nil {
				members = append(members, r)
				grouped[r] = true
			}
		}
		sets = append(sets, members)
	}
	for _, r := range d.routers {
		if !grouped[r] {
			sets = append(sets, []*router{r})
		}
	}
	return sets
}

// united reports whether routers are a group already.
func united(members []*router) bool {
	return len(members) > 0 && members[0].group != nil && slices.Equal(members[0].group.members, members)
}

// disband ends the groups, of these routers, that are none any more, each as a
// whole: else those that stay longer would begin, or become masters, because
// another one no longer keeps them from that. An address that a master has from
// now on that does not end stays where it is.
func (d *Daemon) disband(sets [][]*router, routers []*router) {
	stays := make(map[*group]bool)
	for _, members := range sets {
		if united(members) {
			stays[members[0].group] = true
		}
	}
	var ending []*group
	for _, r := range routers {
		if g := r.group; !stays[g] && !g.ending {
			g.ending = true
			ending = append(ending, g)
		}
	}
	for _, g := range ending {
		for _, r := range g.members {
			r.holds.release = slices.DeleteFunc(r.holds.release, func(c netif.Change) bool { return d.inherited(r, c) })
		}
		d.halt(g)
	}
}

// regroup puts the routers into the sync groups of a configuration. A group
// whose members stay the same goes on; the members of any other start anew,
// because a group decides as one from its beginning.
func (d *Daemon) regroup(groups []cfgparse.Group, sets [][]*router) {
	for i, g := range groups {
		members := sets[i]
		owner := slices.ContainsFunc(members, func(r *router) bool { return r.settings().Router.Priority == vrrp.Owner })
		for _, r := range members {
			in := r.settings()
			in.Tracks = health.InGroup(in.Tracks, g.Tracks, g.KeepWeights, owner)
		}
		if len(members) > 0 {
			d.unite(members)
			tell := g.Notify
			members[0].group.name, members[0].group.tell = g.Name, &tell
		}
	}
	for _, alone := range sets[len(groups):] {
		d.unite(alone)
		alone[0].group.name, alone[0].group.tell = "", nil
	}
}

// unite makes a group of routers, unless they are one already.
func (d *Daemon) unite(members []*router) {
	if united(members) {
		for _, r := range members {
			r.Tracks = r.settings().Tracks
		}
		return
	}
	configs := make([]fsm.Config, len(members))
	for i, r := range members {
		if r.group != nil { // it has ended: see disband
			r.begun = false
			r.count = r.counters() // its old state machine counts no more (M-61)
		}
		r.adopt()
		configs[i] = r.Router
	}
	g := &group{members: members, machine: fsm.NewGroup(configs...)}
	for i, r := range members {
		r.group, r.member = g, i
		if r.fault {
			g.faults++
		}
		if r.primary.IsValid() {
			d.step(r, fsm.Addressed{Primary: r.primary})
		}
	}
}
