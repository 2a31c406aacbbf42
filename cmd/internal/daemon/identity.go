package daemon

import (
	"fmt"
	"net/netip"
	"slices"

	"regent/cfgparse"
	"regent/netif"
	"regent/vrrp"
)

// An identity is what makes a router the same one after a reload, which goes on
// as it is: where its adverts and its addresses are to be found. Its name does
// not: renaming a router changes nothing. Nor do its peers, or the version in
// which it speaks to them.
type identity struct {
	device string
	family netif.Family
	vrid   uint8
	group  netip.Addr // invalid: unicast
	source netip.Addr // of a unicast router
	vmac   string     // what tells one device with a virtual MAC from another
}

func identityOf(in *cfgparse.Instance) identity {
	id := identity{
		device: in.Port.Interface, family: in.Port.Family,
		vrid: in.VRID, group: in.Port.Group,
	}
	if !id.group.IsValid() {
		id.source = in.Port.Source
	}
	if v := in.VMAC; v.Kind != netif.Parent {
		id.vmac = fmt.Sprint(v.Kind, v.Name, v.MAC, v.Mode, v.Address)
	}
	return id
}

// heirs finds for each instance of a configuration the router that becomes it,
// nil where there is none, and returns the routers that are left. Unicast
// routers may have the same identity and differ in their peers alone; among
// those a peer in common counts, and then the name after all.
func heirs(routers []*router, instances []cfgparse.Instance) (became, left []*router) {
	old := make(map[identity][]*router, len(routers))
	for _, r := range routers {
		id := identityOf(r.Instance)
		old[id] = append(old[id], r)
	}
	became = make([]*router, len(instances))
	for _, alike := range []func(r *router, in *cfgparse.Instance) bool{
		func(r *router, in *cfgparse.Instance) bool {
			return slices.ContainsFunc(r.profile.Peers, func(p vrrp.Peer) bool { return in.Profile.HasPeer(p.Addr) })
		},
		func(r *router, in *cfgparse.Instance) bool { return r.Name == in.Name },
		func(*router, *cfgparse.Instance) bool { return true },
	} {
		for i := range instances {
			if became[i] != nil {
				continue
			}
			id := identityOf(&instances[i])
			if n := slices.IndexFunc(old[id], func(r *router) bool { return alike(r, &instances[i]) }); n >= 0 {
				became[i] = old[id][n]
				old[id] = slices.Delete(old[id], n, n+1)
			}
		}
	}
	for _, r := range routers {
		if slices.Contains(old[identityOf(r.Instance)], r) {
			left = append(left, r)
		}
	}
	return became, left
}
