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
		if r.profile.Owner {
			d.refuseQuestions(r, want)
			continue
		}
		if r.Accept {
			continue
		}
		for _, a := range r.Estate.Addresses {
			refusal := netif.Refusal{Addr: a.Prefix.Addr()}
			if refusal.Addr.Is6() && refusal.Addr.IsLinkLocalUnicast() {
				l, _ := d.place(r, a)
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
	d.steward.give(order{do: guard, refuse: without(want, d.guarded), accept: without(d.guarded, want)})
	d.guarded = want
}

// without returns the keys of one set that are not in another.
func without[K comparable](from, in map[K]bool) []K {
	return slices.DeleteFunc(slices.Collect(maps.Keys(from)), func(k K) bool { return in[k] })
}
