package daemon

import (
	"reflect"
	"slices"

	"regent/cfgparse"
	"regent/cmd/internal/notify"
	"regent/fsm"
	"regent/netif"
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
	c := d.enlist(cfg.Instances)
	hold(c.left)
	hold(d.routers)
	d.generation++
	d.takeSettings(cfg)
	d.own()
	for _, r := range c.left {
		d.retire(r)
	}
	d.regroup(cfg.Groups)
	for _, r := range c.kept {
		d.change(r)
	}
	d.depend(d.checks)
	if !d.cleaned {
		d.conclude()
		return // the first links bring everything to life
	}
	d.guard()
	d.seat()
	d.uphold(true)
	d.resettle()
	for _, r := range c.fresh {
		if !r.profile.Owner { // nothing of it may be there while it is no master
			d.steward.give(r.toRelease())
		}
	}
	d.demote()
	d.conclude()
	if cfg.Global.Notify.RewriteOnReload {
		d.informAgain()
	}
	d.log.Info("reloaded", "instances", len(d.routers), "new", len(c.fresh), "changed", c.changed, "removed", len(c.left))
}

// A census tells what becomes of the routers at a reload.
type census struct {
	fresh, kept, left []*router
	changed           int // of those that are kept
}

// enlist makes the routers of a daemon those of a configuration. Those that are
// kept have their new settings in store.
func (d *Daemon) enlist(instances []cfgparse.Instance) (c census) {
	became, left := heirs(d.routers, instances)
	c.left = left
	d.routers = nil
	for i := range instances {
		in, r := &instances[i], became[i]
		if r == nil {
			r = d.newRouter(in)
			c.fresh = append(c.fresh, r)
		} else {
			if !sameSettings(r.Instance, in) {
				c.changed++
			}
			r.next = in
			c.kept = append(c.kept, r)
		}
		r.index = i
		d.routers = append(d.routers, r)
	}
	return c
}

// takeSettings takes over what a configuration says of no single router.
func (d *Daemon) takeSettings(cfg *cfgparse.Config) {
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
}

// resettle makes every router fit its links and its checks again.
func (d *Daemon) resettle() {
	for _, r := range d.routers {
		d.settle(r)
	}
	d.look(d.usedLinks())
	for _, r := range d.routers {
		d.judge(r)
	}
}

// sameSettings reports whether nothing of a router's settings has changed but
// where they stand in the text.
func sameSettings(a, b *cfgparse.Instance) bool {
	x, y := *a, *b
	x.Origin, y.Origin = cfgparse.Origin{}, cfgparse.Origin{}
	x.Notify, y.Notify = cfgparse.Notify{}, cfgparse.Notify{} // commands know their place, too
	x.Tracks, y.Tracks = nil, nil                             // the health board compares these
	return reflect.DeepEqual(x, y)
}

// retire ends a router that is no longer configured (S-20, S-30). An address
// that a master has from now on stays where it is.
func (d *Daemon) retire(r *router) {
	r.holds.release = slices.DeleteFunc(r.holds.release, func(c netif.Change) bool { return d.inherited(r, c) })
	d.step(r, fsm.Stop{})
	d.inform(r, notify.Deleted, "")
	d.move(r, 0)
	d.abandon(r)
	d.timers.remove(&r.timer)
	d.timers.remove(&r.audit.timer)
	d.timers.remove(&r.retry.timer)
	r.profile.Proof.Clear()
	r.Auth.Clear()
	d.steward.give(order{router: r, do: forget})
}

// inherited reports whether what a router, or nobody (nil), gives up belongs to
// another master, or has become static.
func (d *Daemon) inherited(r *router, c netif.Change) bool {
	where := ifaddr{d.names[c.Link], c.Address.Prefix.Addr()}
	if _, static := d.fixtures.at(where); static && r != nil {
		return true
	}
	heir := d.owner[where]
	return heir != nil && heir != r && heir.state == fsm.Master
}

// own notes who owns each address after this.
func (d *Daemon) own() {
	d.owner = make(map[ifaddr]*router)
	for _, r := range d.routers {
		for _, a := range r.settings().Estate.Addresses {
			d.owner[ifaddr{d.device(r, a), a.Prefix.Addr()}] = r
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
	r.Instance, r.next = r.next, nil
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
	return r.Instance
}
