package daemon

import (
	"slices"

	"regent/cfgparse"
	"regent/fsm"
	"regent/health"
	"regent/netif"
	"regent/vrrp"
)

// build makes the routers that a configuration describes.
func (d *Daemon) build(cfg *cfgparse.Config) {
	instances := make(map[string]*router, len(cfg.Instances))
	for i := range cfg.Instances {
		r := newRouter(cfg.Instances[i], i)
		instances[r.Name] = r
		d.routers = append(d.routers, r)
		d.timers.add(&r.timer)
		for _, a := range r.Estate.Addresses {
			d.owner[a.Prefix.Addr()] = r
		}
	}
	for _, g := range cfg.Groups {
		var members []*router
		for _, name := range g.Members {
			if r := instances[name]; r != nil {
				members = append(members, r)
				r.Tracks = health.InGroup(r.Tracks, g.Tracks, g.KeepWeights, r.profile.Owner)
			}
		}
		d.join(members)
	}
	for _, r := range d.routers {
		if r.group == nil {
			d.join([]*router{r})
		}
	}
	d.dependencies(cfg.Checks)
}

func newRouter(in cfgparse.Instance, index int) *router {
	r := &router{Instance: in, index: index}
	r.timer.owner = r
	r.profile = in.Profile
	r.profile.Owner = in.Router.Priority == vrrp.Owner
	r.profile.Interval = in.Router.Interval
	r.profile.Addresses = in.Advertised
	r.profile.Proof = vrrp.NewProof(in.Profile.Auth, in.Router.Interval, in.Profile.Peers)
	r.form = vrrp.Pseudo
	if in.SendMessageChecksum {
		r.form = vrrp.MessageOnly
	}
	r.to = r.destinations()
	r.built = make([]built, len(r.to))
	return r
}

// join makes a group of routers.
func (d *Daemon) join(members []*router) {
	configs := make([]fsm.Config, len(members))
	g := &group{members: members}
	for i, r := range members {
		configs[i] = r.Router
		r.group, r.member = g, i
	}
	g.machine = fsm.NewGroup(configs...)
	d.groups = append(d.groups, g)
}

// dependencies puts everything that some router depends on on the health
// board: what its configuration tracks, and what no router can do without, its
// interface, a source address and the interfaces of its addresses.
func (d *Daemon) dependencies(checks []health.Check) {
	d.checks = checks
	tracks := make([][]health.Track, len(d.routers))
	for _, r := range d.routers {
		tracks[r.index] = append(d.necessities(r), r.Tracks...)
	}
	d.board = health.NewBoard(checks, tracks)
	seen := make(map[health.Track]bool)
	for i, ts := range tracks {
		for _, t := range ts {
			sight := health.Track{Kind: t.Kind, Name: t.Name}
			if t.Kind == health.Script || seen[sight] {
				continue
			}
			seen[sight] = true
			d.sights = append(d.sights, sighting{sight, d.routers[i]})
		}
	}
}

// necessities are what a router cannot do without.
func (d *Daemon) necessities(r *router) []health.Track {
	var ts []health.Track
	need := func(t health.Track) {
		if !slices.Contains(ts, t) {
			ts = append(ts, t)
		}
	}
	if r.TrackPrimary {
		need(health.Track{Kind: health.Interface, Name: r.Port.Interface})
	}
	if !r.Port.Source.IsValid() {
		need(health.Track{Kind: health.Source, Name: sourceName(r)})
	}
	for _, a := range r.Estate.Addresses {
		if name := device(r, a); !a.NoTrack && name != r.Port.Interface {
			need(health.Track{Kind: health.Interface, Name: name})
		}
	}
	return ts
}

// sourceName names the source that a router wants, for the health board.
func sourceName(r *router) string {
	switch {
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
