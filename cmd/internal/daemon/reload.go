package daemon

import (
	"reflect"
	"slices"

	"regent/cfgparse"
	"regent/cmd/internal/notify"
	"regent/fsm"
	"regent/health"
	"regent/netif"
	"regent/vrrp"
)

// Reload replaces the configuration while the daemon runs, from any goroutine;
// it is the daemon's from then on, which overwrites its keys when they go (H-46).
// Routers that stay the same notice nothing; those that change keep state and
// counters; what one router gives to another never leaves its link.
func (d *Daemon) Reload(cfg *cfgparse.Config) {
	d.tell(func(d *Daemon) { d.configure(cfg) })
}

// configure makes the daemon run a configuration: its first, or another one.
func (d *Daemon) configure(cfg *cfgparse.Config) {
	if d.ended {
		return
	}
	became, left := heirs(d.routers, cfg.Instances)
	d.routers = nil
	var fresh, kept []*router
	changed := 0
	for i := range cfg.Instances {
		in := &cfg.Instances[i]
		r := became[i]
		if r == nil {
			r = newRouter(*in)
			d.serial++
			r.serial = d.serial
			d.timers.add(&r.timer)
			d.timers.add(&r.audit.timer)
			fresh = append(fresh, r)
		} else {
			if !sameSettings(&r.Instance, in) {
				changed++
			}
			r.next = in
			kept = append(kept, r)
		}
		r.index = i
		d.routers = append(d.routers, r)
	}
	d.generation++
	d.groups, d.checks = cfg.Groups, checksOf(cfg)
	d.vmacPrefix, d.annexPrefix = cfg.Global.VMACPrefix, cfg.Global.VMACAddrPrefix
	d.tellPriorities = cfg.Global.Defaults.PriorityChanges
	d.logUnknown = cfg.Global.LogUnknownVRIDs
	d.spacing = netif.Spacing{ARP: cfg.Global.Announce.Interval4, NA: cfg.Global.Announce.Interval6}
	d.garpGroups = cfg.Garp
	d.space()
	d.furnish(cfg.Static)
	d.findHomes()
	d.promoting = promotingOf(cfg)
	d.delay(cfg.Delays)
	d.promote()
	d.own()
	for _, r := range left {
		d.retire(r)
	}
	d.regroup(cfg.Groups)
	for _, r := range kept {
		d.change(r)
	}
	d.depend(d.checks)
	if !d.cleaned {
		return // the first links bring everything to life
	}
	d.guard()
	d.seat()
	d.uphold(true)
	d.resettle()
	for _, r := range fresh {
		if !r.profile.Owner { // nothing of it may be there while it is no master
			d.steward.give(r.toRelease())
		}
	}
	d.demote()
	if cfg.Global.Notify.RewriteOnReload {
		d.informAgain()
	}
	d.log.Info("reloaded", "instances", len(d.routers), "new", len(fresh), "changed", changed, "removed", len(left))
}

// resettle makes every router fit its links and its checks again.
func (d *Daemon) resettle() {
	for _, r := range d.routers {
		d.settle(r)
	}
	d.look(d.usedLinks())
	for _, r := range d.routers {
		d.judge(r, health.Report{})
	}
}

// sameSettings reports whether nothing of a router's settings has changed but
// where they stand in the text.
func sameSettings(a, b *cfgparse.Instance) bool {
	x, y := *a, *b
	x.Origin, y.Origin = cfgparse.Origin{}, cfgparse.Origin{}
	x.Notify, y.Notify = cfgparse.Notify{}, cfgparse.Notify{} // commands know their place, too
	x.Router.VirtualMAC, y.Router.VirtualMAC = false, false   // the daemon works these out
	x.Router.SharedMAC, y.Router.SharedMAC = false, false
	x.Tracks, y.Tracks = nil, nil // the health board compares these
	return reflect.DeepEqual(x, y)
}

// retire ends a router that is no longer configured. An address that another
// master has from now on stays where it is.
func (d *Daemon) retire(r *router) {
	r.holds.release = slices.DeleteFunc(r.holds.release, func(c netif.Change) bool { return d.inherited(r, c) })
	d.step(r, fsm.Stop{})
	d.inform(r, notify.Deleted, "")
	d.move(r, 0)
	d.abandon(r)
	d.timers.remove(&r.timer)
	d.timers.remove(&r.audit.timer)
	r.profile.Proof.Clear()
	r.Auth.Clear()
	d.steward.give(order{router: r, do: forget})
}

// inherited reports whether what a router, or nobody (nil), gives up belongs to
// another master, or has become static.
func (d *Daemon) inherited(r *router, c netif.Change) bool {
	where := estate{d.names[c.Link], c.Address.Prefix.Addr()}
	if _, static := d.fixtures.at(where); static && r != nil {
		return true
	}
	heir := d.owner[where]
	return heir != nil && heir != r && heir.state == fsm.Master
}

// own notes who owns each address after this.
func (d *Daemon) own() {
	d.owner = make(map[estate]*router)
	for _, r := range d.routers {
		for _, a := range r.settings().Estate.Addresses {
			d.owner[estate{d.device(r, a), a.Prefix.Addr()}] = r
		}
	}
	for _, l := range d.links {
		d.findSources(l)
	}
}

// change gives a router its new settings while it runs (S-44, S-46, S-47).
func (d *Daemon) change(r *router) {
	router := r.Router
	r.adopt()
	if r.Router != router {
		d.step(r, fsm.Configured{Config: r.Router})
	}
}

// adopt takes over the settings of a reload.
func (r *router) adopt() {
	if r.next == nil {
		return
	}
	proof := r.profile.Proof
	r.Auth.Clear()
	r.Instance, r.next = *r.next, nil
	r.resolved = false
	r.equip()
	if proof != nil && r.profile.Proof != nil { // marks and sequence survive, H-32
		proof.Configure(r.profile.Auth, r.Router.Interval, r.profile.Peers)
		r.profile.Proof.Clear()
		r.profile.Proof = proof
	} else {
		proof.Clear()
	}
}

// settings returns what the router is to run with after a reload.
func (r *router) settings() *cfgparse.Instance {
	if r.next != nil {
		return r.next
	}
	return &r.Instance
}

// regroup puts the routers into the sync groups of a configuration. A group
// whose members stay the same goes on; the members of any other start anew,
// because a group decides as one from its beginning.
func (d *Daemon) regroup(groups []cfgparse.Group) {
	names := make(map[string]*router, len(d.routers))
	for _, r := range d.routers {
		names[r.settings().Name] = r
	}
	grouped := make(map[*router]bool)
	for _, g := range groups {
		var members []*router
		owner := false
		for _, name := range g.Members {
			if r := names[name]; r != nil {
				members = append(members, r)
				grouped[r] = true
				owner = owner || r.settings().Router.Priority == vrrp.Owner
			}
		}
		for _, r := range members {
			in := r.settings()
			in.Tracks = health.InGroup(in.Tracks, g.Tracks, g.KeepWeights, owner)
		}
		d.unite(members)
		if len(members) > 0 {
			tell := g.Notify
			members[0].group.name, members[0].group.tell = g.Name, &tell
		}
	}
	for _, r := range d.routers {
		if !grouped[r] {
			d.unite([]*router{r})
		}
	}
}

// unite makes a group of routers, unless they are one already.
func (d *Daemon) unite(members []*router) {
	if len(members) == 0 || members[0].group != nil && slices.Equal(members[0].group.members, members) {
		for _, r := range members {
			r.Tracks = r.settings().Tracks
		}
		return
	}
	configs := make([]fsm.Config, len(members))
	for i, r := range members {
		if r.group != nil {
			d.step(r, fsm.Stop{})
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
