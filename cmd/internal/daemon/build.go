package daemon

import (
	"slices"

	"regent/cfgparse"
	"regent/fsm"
	"regent/health"
	"regent/netif"
	"regent/vrrp"
)

// newRouter makes the router of an instance, in a group by itself.
func (d *Daemon) newRouter(in *cfgparse.Instance) *router {
	d.serial++
	r := &router{Instance: in, serial: d.serial}
	r.timer.ring = func(d *Daemon) { d.step(r, fsm.Expire{}) }
	r.audit.timer.ring = func(d *Daemon) { d.audit(r) }
	d.timers.add(&r.timer)
	d.timers.add(&r.audit.timer)
	r.retry.timer.ring = func(d *Daemon) { d.tryAgain(r) }
	d.timers.add(&r.retry.timer)
	r.equip()
	r.group = &group{machine: fsm.NewGroup(r.Router), members: []*router{r}}
	return r
}

// equip works out what follows from a router's settings.
func (r *router) equip() {
	primary := r.profile.Primary
	r.profile = r.Instance.Profile
	r.profile.Primary = primary
	r.profile.Owner = r.Router.Priority == vrrp.Owner
	r.profile.Interval = r.Router.Interval
	r.profile.Addresses = r.Advertised
	if len(r.Auth.Password) > 0 || len(r.Auth.Keys) > 0 {
		r.profile.Auth = &r.Auth
	}
	r.profile.Proof = vrrp.NewProof(r.profile.Auth, r.Router.Interval, r.profile.Peers)
	r.tell = &r.Instance.Notify
	r.chooseForm()
	r.to = r.destinations()
	r.versions = []uint8{r.Router.Version}
	if r.Router.BothVersions {
		r.versions = append(r.versions, vrrp.V2)
	}
	r.built = make([]built, len(r.to)*len(r.versions))
}

// depend puts everything that some router depends on on the health
// board: what its configuration tracks, and what no router can do without, its
// interface, a source address and the interfaces of its addresses.
func (d *Daemon) depend(checks []health.Check) {
	tracks := d.tracks()
	d.board.Replace(checks, tracks)
	d.lookouts.post(checks)
	d.relate(tracks)
}

// tracks are what the routers depend on, by their index.
func (d *Daemon) tracks() [][]health.Track {
	tracks := make([][]health.Track, len(d.routers))
	for _, r := range d.routers {
		tracks[r.index] = d.necessities(r)
		for _, t := range r.Tracks {
			if !slices.Contains(tracks[r.index], t) { // else it would be a fault twice
				tracks[r.index] = append(tracks[r.index], t)
			}
		}
	}
	return tracks
}

// relate notes which routers use each link, and what is to be seen on it. What
// may happen on any link is noted under the empty name.
func (d *Daemon) relate(tracks [][]health.Track) {
	d.uses = make(map[string]use)
	for _, r := range d.routers {
		d.use(r.Port.Interface, r)
		if r.anchored() {
			d.use(anywhere, r)
		}
		if l := d.home(r); l != nil {
			d.use(l.Name, r)
		}
		for _, a := range r.Estate.Addresses {
			d.use(d.device(r, a), r)
			if a.Interface != "" { // the link below a device, too
				d.use(a.Interface, r)
			}
		}
		for _, p := range r.Routes { // the kernel takes them from a link that goes down
			for _, name := range interfacesOf(p) {
				d.use(name, r)
			}
		}
	}
	for _, name := range d.fixtures.links() {
		d.watchFor(name)
	}
	seen := make(map[health.Track]bool)
	for i, ts := range tracks {
		for _, t := range ts {
			sight := health.Track{Kind: t.Kind, Name: t.Name}
			if seen[sight] {
				continue
			}
			seen[sight] = true
			switch r := d.routers[i]; t.Kind {
			case health.Interface:
				d.watchFor(t.Name, sighting{sight, r})
			case health.Source:
				on := r.Port.Interface
				if t.Name == anchorOf(r.Port).String() {
					on = anywhere
				}
				d.watchFor(on, sighting{sight, r})
			}
		}
	}
}

// A use is what depends on a link.
type use struct {
	routers []*router // in the order of the configuration
	sights  []sighting
}

// use notes that a router uses a link. A router's uses come one after another.
func (d *Daemon) use(link string, r *router) {
	u := d.uses[link]
	if n := len(u.routers); n == 0 || u.routers[n-1] != r {
		u.routers = append(u.routers, r)
		d.uses[link] = u
	}
}

// watchFor notes what is to be seen on a link, if only the link itself.
func (d *Daemon) watchFor(link string, s ...sighting) {
	u := d.uses[link]
	u.sights = append(u.sights, s...)
	d.uses[link] = u
}

// checksOf are the checks of a configuration that run beside the loop.
func checksOf(cfg *cfgparse.Config) []health.Check {
	checks := slices.Clone(cfg.Checks)
	for _, f := range cfg.Files {
		checks = append(checks, f.Check())
	}
	for _, p := range cfg.Processes {
		checks = append(checks, p.Check())
	}
	for _, b := range cfg.BFD {
		checks = append(checks, b.Check())
	}
	return checks
}

// necessities are what a router cannot do without.
func (d *Daemon) necessities(r *router) []health.Track {
	var ts []health.Track
	need := func(t health.Track) {
		if !slices.Contains(ts, t) {
			ts = append(ts, t)
		}
	}
	if r.anchored() {
		need(health.Track{Kind: health.Source, Name: anchorOf(r.Port).String()})
	}
	if r.Port.Interface != "" {
		if r.TrackPrimary {
			need(health.Track{Kind: health.Interface, Name: r.Port.Interface})
		}
		if !r.Port.Source.IsValid() || !r.TrackPrimary { // a link that is not there cannot be done without
			need(health.Track{Kind: health.Source, Name: sourceName(r)})
		}
	}
	others := func(name string, watched bool) {
		if watched && name != "" && name != r.Port.Interface {
			need(health.Track{Kind: health.Interface, Name: name})
		}
	}
	for _, a := range r.Estate.Addresses {
		others(a.Interface, !a.NoTrack)
	}
	for _, p := range r.Routes {
		others(p.Interface, !p.NoTrack)
	}
	for _, p := range r.Rules {
		others(p.IIF, !p.NoTrack)
		others(p.OIF, !p.NoTrack)
	}
	for _, name := range d.fixtures.trackedBy(r.Name) {
		need(health.Track{Kind: health.Interface, Name: name})
	}
	return ts
}

// sourceName names the source that a router wants, for the health board.
func sourceName(r *router) string {
	switch {
	case r.Port.Source.IsValid():
		return "interface " + r.Port.Interface // it is enough that it exists
	case r.Port.Family == netif.IPv6:
		return "link-local IPv6 address on " + r.Port.Interface
	case r.profile.Owner:
		return "IPv4 address at all on " + r.Port.Interface // its own will do
	default:
		return "IPv4 address on " + r.Port.Interface
	}
}

// ReceiveBuffer returns how large in bytes the receive buffer of the wire
// should be, for each family: it must hold what the peers send while the loop
// is held up for a few seconds, so that late timers are never taken for their
// silence.
func ReceiveBuffer(cfg *cfgparse.Config) int {
	const (
		stall  = 4    // seconds
		packet = 1024 // what the kernel counts for a small packet, and some more
		least  = 1 << 20
		most   = 256 << 20
	)
	bytes := 0.0
	for i := range cfg.Instances {
		bytes += stall * packet / cfg.Instances[i].Router.Interval.Seconds()
	}
	return int(min(max(bytes, least), most))
}
