package daemon

import (
	"maps"
	"slices"

	"regent/netif"
)

// guard makes the host drop what is sent to the addresses of routers that only
// forward (no_accept, B-23), whoever has them now: nothing must slip in between
// an address and its rule.
func (d *Daemon) guard() {
	want := make(map[netif.Refusal]bool)
	for _, r := range d.routers {
		if r.Accept || r.profile.Owner {
			continue
		}
		for _, a := range r.Estate.Addresses {
			refusal := netif.Refusal{Addr: a.Prefix.Addr()}
			if refusal.Addr.Is6() && refusal.Addr.IsLinkLocalUnicast() {
				l := d.links[d.device(r, a)]
				if l == nil {
					continue
				}
				refusal.Link = l.Index
			}
			want[refusal] = true
		}
	}
	if maps.Equal(want, d.guarded) {
		return
	}
	missing := func(from, in map[netif.Refusal]bool) []netif.Refusal {
		return slices.DeleteFunc(slices.Collect(maps.Keys(from)), func(r netif.Refusal) bool { return in[r] })
	}
	d.steward.give(order{do: guard, refuse: missing(want, d.guarded), accept: missing(d.guarded, want)})
	d.guarded = want
}
