package daemon

import (
	"slices"

	"regent/netif"
)

// An annex is a device with a virtual MAC for those addresses of a router that
// are not where its adverts are: on another link, or of the other family
// (use_vmac of an address, use_vmac_addr). It goes up and down with the router.
type annex struct {
	place  annexPlace
	parent int        // index of the link that it is on, or is asked for; 0: there is none
	device netif.Link // Index 0: not made, or not yet
	failed error      // why it could not be made
}

// An annexPlace tells the annexes of a router apart.
type annexPlace struct {
	link   string // by name
	family netif.Family
}

// annexPlaceOf returns where the annex of an address is.
func (r *router) annexPlaceOf(a netif.Address) annexPlace {
	link := a.Interface
	if link == "" {
		link = r.Port.Interface
	}
	return annexPlace{link, netif.FamilyOf(a.Prefix.Addr())}
}

// annexOf returns the annex of an address, nil if it has none.
func (r *router) annexOf(a netif.Address) *annex {
	if !a.VMAC {
		return nil
	}
	return r.annexAt(r.annexPlaceOf(a))
}

func (r *router) annexAt(p annexPlace) *annex {
	if i := slices.IndexFunc(r.annexes, func(x *annex) bool { return x.place == p }); i >= 0 {
		return r.annexes[i]
	}
	return nil
}

// extend makes the annexes of a router what its addresses and the links ask
// for: those that are missing are ordered, those too many are removed.
func (d *Daemon) extend(r *router) {
	wanted := make(map[annexPlace]bool)
	for _, a := range r.Estate.Addresses {
		if !a.VMAC {
			continue
		}
		p := r.annexPlaceOf(a)
		wanted[p] = true
		if r.annexAt(p) == nil {
			r.annexes = append(r.annexes, &annex{place: p})
		}
	}
	for _, x := range r.annexes {
		parent := 0
		if l := d.links[x.place.link]; l != nil && wanted[x.place] {
			parent = l.Index
		}
		if parent != x.parent {
			d.close(r, x)
			d.found(r, x, parent)
		}
	}
	r.annexes = slices.DeleteFunc(r.annexes, func(x *annex) bool { return !wanted[x.place] })
}

// found orders an annex on a link, by its index.
func (d *Daemon) found(r *router, x *annex, parent int) {
	x.parent = parent
	if parent == 0 {
		return
	}
	d.steward.give(order{router: r, do: build, link: parent, device: d.annex(r, x.place, parent), built: func(d *Daemon, made netif.Made, err error) { d.annexed(r, x, parent, made, err) }})
}

// annex is the device that a router is to have in a place.
func (d *Daemon) annex(r *router, p annexPlace, parent int) *netif.Device {
	return &netif.Device{
		VMAC: netif.VMAC{Kind: netif.MACVLAN}, Parent: parent, Family: p.family, VRID: r.VRID, Prefix: d.annexPrefix,
	}
}

// close removes an annex, if it is there.
func (d *Daemon) close(r *router, x *annex) {
	if x.device.Index != 0 {
		d.steward.give(order{router: r, do: raze, unmake: x.device.Index})
		d.unseat(r, x.device.Index)
		r.resolved = false
	}
	x.parent, x.device, x.failed = 0, netif.Link{}, nil
}

// abandon removes all annexes of a router that has given up its addresses.
func (d *Daemon) abandon(r *router) {
	for _, x := range r.annexes {
		d.close(r, x)
	}
	r.annexes = nil
}

// annexed is the steward's answer about an annex.
func (d *Daemon) annexed(r *router, x *annex, parent int, made netif.Made, err error) {
	if x.parent != parent || r.annexAt(x.place) != x { // it is not wanted there any more
		if err == nil {
			d.steward.give(order{router: r, do: raze, unmake: made.Link.Index})
		}
		return
	}
	x.device, x.failed = made.Link, err
	d.retryAfter(r, err)
	if err == nil {
		d.settled(r, made)
	}
	d.judge(r)
}

// unhoused returns why some addresses of a router have no device to live on,
// nil if all that could be made were.
func (r *router) unhoused() error {
	for _, x := range r.annexes {
		if x.failed != nil {
			return x.failed
		}
	}
	return nil
}

// devices returns the devices that a router's addresses live on, which are up
// while it is master.
func (r *router) devices() []int {
	var all []int
	if r.device.Index != 0 && r.VMAC.Kind == netif.MACVLAN { // an ipvlan is always up
		all = append(all, r.device.Index)
	}
	for _, x := range r.annexes {
		if x.device.Index != 0 {
			all = append(all, x.device.Index)
		}
	}
	return all
}

// devices returns the devices that routers are going to ask for on the links that
// there are. A predecessor's are used again.
func (d *Daemon) devices() (all []netif.Device) {
	for _, r := range d.routers {
		if l := d.home(r); l != nil && r.housed() {
			all = append(all, *d.house(r, l.Index))
		}
		for _, a := range r.Estate.Addresses {
			if p := r.annexPlaceOf(a); a.VMAC && d.links[p.link] != nil {
				all = append(all, *d.annex(r, p, d.links[p.link].Index))
			}
		}
	}
	return all
}
