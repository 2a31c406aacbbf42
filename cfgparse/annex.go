package cfgparse

import (
	"regent/cfgparse/syntax"
	"regent/netif"
)

// finishAnnexes decides which addresses of an instance live on a device with a
// virtual MAC that is not the instance's own: those that ask for it, and with
// use_vmac_addr all that are on another link or of the other family.
func (l *loader) finishAnnexes(d *draft) {
	for _, block := range [][]addressLine{d.vips, d.evips} {
		for i := range block {
			a := &block[i]
			elsewhere := a.Interface != "" && a.Interface != d.Port.Interface
			foreign := netif.FamilyOf(a.Prefix.Addr()) != d.family
			if d.VMAC.Each && (elsewhere || foreign) {
				a.VMAC = true
			}
			if !a.VMAC {
				continue
			}
			if d.VMAC.Kind == netif.MACVLAN && !elsewhere && !foreign { // that is the instance's own
				a.VMAC, a.Interface = false, ""
				continue
			}
			if a.Interface == "" && d.Port.Interface == "" {
				l.complain(a.at, syntax.General, "dev IF", "the address has no virtual MAC", "use_vmac of address %s, which has no interface", a.Prefix.Addr())
				a.VMAC = false
			}
		}
	}
}

// A residence is where a virtual MAC lives: one device on a link can have it.
type residence struct {
	link   string
	family netif.Family
	vrid   uint8
}

// checkResidences finds the virtual MACs that two instances want on the same
// link. The addresses of the second one do without.
func (l *loader) checkResidences() {
	owner := map[residence]*draft{}
	for _, d := range l.drafts {
		if d.VMAC.Kind == netif.MACVLAN && d.VMAC.MAC == nil {
			owner[residence{d.Port.Interface, d.family, d.VRID}] = d
		}
	}
	for _, d := range l.drafts {
		for i := range d.Estate.Addresses {
			a := &d.Estate.Addresses[i]
			if !a.VMAC {
				continue
			}
			home := residence{a.Interface, netif.FamilyOf(a.Prefix.Addr()), d.VRID}
			if home.link == "" {
				home.link = d.Port.Interface
			}
			if other := owner[home]; other != nil && other != d {
				l.complain(d.At, syntax.General, "another virtual_router_id for one of them", "the address is on "+home.link+" itself",
					"the virtual MAC of address %s on %s is that of vrrp_instance %s", a.Prefix.Addr(), home.link, quote(other.Name))
				a.VMAC = false
				continue
			}
			owner[home] = d
		}
	}
}
