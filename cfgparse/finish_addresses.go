package cfgparse

import (
	"fmt"

	"regent/cfgparse/syntax"
	"regent/netif"
	"regent/vrrp"
)

// finishAddresses gathers what the instance owns.
func (l *loader) finishAddresses(d *draft) {
	if len(d.vips) == 0 {
		switch {
		case d.NoAddresses:
		case d.version == vrrp.V3 || d.Strict:
			l.refuse(d.line("virtual_ipaddress"), syntax.General, "virtual_ipaddress { ADDR... }, or no_virtual_ipaddress", "vrrp_instance %s has no virtual_ipaddress", quote(d.Name))
		default:
			l.complain(d.line("virtual_ipaddress"), syntax.General, "virtual_ipaddress { ADDR... }", "it owns nothing", "vrrp_instance %s has no virtual_ipaddress", quote(d.Name))
		}
	}
	limit := l.maxAddresses(d)
	if len(d.vips) > limit {
		over := d.vips[limit:]
		l.complain(over[0].at, syntax.General, fmt.Sprintf("at most %d addresses", limit), "the rest is owned, but not advertised", "the adverts of %s cannot hold %d addresses", quote(d.Name), len(d.vips))
		d.evips = append(d.evips, over...)
		d.vips = d.vips[:limit]
	}
	for _, a := range d.vips {
		d.Advertised = append(d.Advertised, a.Prefix.Addr())
		d.Estate.Addresses = append(d.Estate.Addresses, a.Address)
	}
	for _, a := range d.evips {
		d.Estate.Addresses = append(d.Estate.Addresses, a.Address)
	}
	d.Profile.Addresses = d.Advertised
}

// ethernetMTU is what a link is thought to carry that nobody has seen.
const ethernetMTU = 1500

// maxAddresses is how many addresses an advert holds on its link. keepalived
// takes 14 bytes more off, for an Ethernet header that the MTU does not count.
func (l *loader) maxAddresses(d *draft) int {
	mtu := ethernetMTU
	if l.env.MTU != nil {
		if n := l.env.MTU(d.Port.Interface); n > 0 {
			mtu = n
		}
	}
	room, size := mtu-14-20-8, 4
	if d.family == netif.IPv6 {
		room, size = mtu-14-40-8, 16
	} else if d.version == vrrp.V2 || d.Router.BothVersions {
		room -= 8
	}
	version, signs := d.version, len(d.Auth.Keys) > 0 && d.Auth.Mode != vrrp.ReceiveOnly
	if d.Router.BothVersions {
		version = vrrp.V2 // the longer one
	}
	return max(1, min(255, room/size, vrrp.MostAddresses(version, d.family == netif.IPv6, mtu, signs)))
}
