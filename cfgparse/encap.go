package cfgparse

import (
	"net/netip"
	"strconv"
	"strings"

	"regent/netif"
)

// encap reads a tunnel.
func (r *routeReader) encap() *netif.Encap {
	e := &netif.Encap{Kind: r.argument("encap")}
	switch e.Kind {
	case "mpls":
		for _, label := range strings.Split(r.argument("mpls"), "/") {
			n, err := strconv.ParseUint(label, 0, 20)
			if err != nil {
				r.fail("LABEL[/LABEL...], each up to 1048575", "bad MPLS label %s", quote(label))
				break
			}
			e.Labels = append(e.Labels, uint32(n))
		}
	case "ila":
		a, err := netip.ParseAddr(r.argument("ila") + "::")
		if err != nil {
			r.fail("a locator of four groups", "bad ILA locator")
			break
		}
		b := a.As16()
		for _, octet := range b[:8] {
			e.Locator = e.Locator<<8 | uint64(octet)
		}
	case "ip", "ip6":
		r.tunnel(e)
	default:
		r.fail("ip, ip6, mpls or ila", "unknown encapsulation %s", quote(e.Kind))
	}
	return e
}

func (r *routeReader) tunnel(e *netif.Encap) {
	for r.more() {
		switch w := r.peek(); w {
		case "id":
			r.take()
			e.ID = r.number(w, 0, 1<<63)
		case "dst":
			r.take()
			e.Dst = r.address(w)
		case "src":
			r.take()
			e.Src = r.address(w)
		case "tos", "tc":
			r.take()
			e.TOS = uint8(r.name(w, "rt_dsfield", 255))
		case "ttl", "hoplimit":
			r.take()
			e.TTL = uint8(r.number(w, 0, 255))
		case "flags":
			r.take()
			e.Flags = uint16(r.number(w, 0, 1<<16-1))
		default:
			return // an option of the route
		}
	}
}
