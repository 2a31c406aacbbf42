package daemon

import (
	"fmt"

	"regent/netif"
	"regent/vrrp"
)

// oversize says why a router's adverts cannot leave by a link: they are longer
// than its MTU, and an advert is never cut into pieces (W-12, W-27). A master
// whose adverts do not leave would soon not be the only one. The configuration
// was checked against an MTU that may since have changed, or was not known.
func (r *router) oversize(l *link) string {
	if l == nil || l.MTU == 0 {
		return ""
	}
	v6, version := r.Port.Family == netif.IPv6, r.Router.Version
	if r.Router.BothVersions {
		version = vrrp.V2 // the longer one
	}
	if most := vrrp.MostAddresses(version, v6, l.MTU, r.profile.Proof.Signs()); len(r.Advertised) > most {
		return fmt.Sprintf("an advert of its %d addresses does not fit the MTU %d of %s, which has room for %d",
			len(r.Advertised), l.MTU, l.Name, most)
	}
	return ""
}
