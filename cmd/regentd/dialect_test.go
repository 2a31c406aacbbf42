package main_test

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"regent/vrrp"
)

const vrid = 51

// A dialect is how a router speaks the protocol: everything of its
// configuration that the router at the other end may have to agree with.
type dialect struct {
	version  int
	interval time.Duration  // advert_int
	addrs    []netip.Prefix // the virtual addresses, in order
	vmac     bool           // use_vmac
	unicast  bool           // unicast_peer
	message  bool           // v3_checksum_as_v2: no pseudo-header
	old      bool           // old_unicast_checksum: the group's
	again    time.Duration  // garp_master_delay, if it matters
	lines    []string       // further lines of the vrrp_instance
}

var (
	v3IPv4 = dialect{version: 3, interval: 200 * time.Millisecond, addrs: prefixes("192.0.2.100/24")}
	v3IPv6 = dialect{version: 3, interval: 200 * time.Millisecond, addrs: prefixes("fe80::100/64", "2001:db8::100/64")}
	v2IPv4 = dialect{version: 2, interval: time.Second, addrs: prefixes("192.0.2.100/24")}
)

func prefixes(texts ...string) []netip.Prefix {
	var all []netip.Prefix
	for _, t := range texts {
		all = append(all, netip.MustParsePrefix(t))
	}
	return all
}

// every is the dialect with another interval.
func (d dialect) every(interval time.Duration) dialect {
	d.interval = interval
	return d
}

// with is the dialect with further lines in the vrrp_instance.
func (d dialect) with(lines ...string) dialect {
	d.lines = append(slices.Clip(d.lines), lines...)
	return d
}

// virtual is the dialect with a virtual MAC.
func (d dialect) virtual() dialect {
	d.vmac = true
	return d.with("use_vmac")
}

// fromBase is the dialect with a virtual MAC from which no advert comes, so
// that adverts do not teach the switch where it is. The old master may still
// have the address when the new one announces it, and answer the announcement,
// which is an ARP request, from the virtual MAC: then the switch is wrong until
// the second burst. regent sends one more message soon after; keepalived does not.
func (d dialect) fromBase() dialect {
	d = d.virtual().with("vmac_xmit_base", "garp_master_delay 1")
	d.again = time.Second
	return d
}

// alone is the dialect spoken to one peer and not to the group.
func (d dialect) alone() dialect {
	d.unicast = true
	return d
}

// summed is the dialect with checksums over the message alone.
func (d dialect) summed() dialect {
	d.message = true
	return d.with("v3_checksum_as_v2")
}

// aged is the dialect with the checksums of old unicast routers.
func (d dialect) aged() dialect {
	d.old = true
	return d.with("old_unicast_checksum")
}

// many is the dialect with n addresses, a link-local one not counted.
func (d dialect) many(n int) dialect {
	d.addrs = slices.Clip(d.addrs)
	for last := d.addrs[len(d.addrs)-1]; n > 1; n-- {
		last = netip.PrefixFrom(last.Addr().Next(), last.Bits())
		d.addrs = append(d.addrs, last)
	}
	return d
}

// global is the dialect without a link-local address, as FRR lists them.
func (d dialect) global() dialect {
	d.addrs = slices.DeleteFunc(slices.Clone(d.addrs), func(p netip.Prefix) bool { return p.Addr().IsLinkLocalUnicast() })
	return d
}

func (d dialect) is6() bool { return d.addrs[0].Addr().Is6() }

// vip is the address that the client asks for.
func (d dialect) vip() netip.Addr { return d.global().addrs[0].Addr() }

// ips returns the virtual addresses without their prefix lengths.
func (d dialect) ips() []netip.Addr {
	var all []netip.Addr
	for _, p := range d.addrs {
		all = append(all, p.Addr())
	}
	return all
}

func (d dialect) virtualMAC() net.HardwareAddr {
	return vrrp.VirtualMAC(d.is6(), vrid)
}

// skew is how long a router waits for another one of its kind that resigned
// (T-1, T-3); the interval is the master's.
func (d dialect) skew(priority int, interval time.Duration) time.Duration {
	if d.version == 2 {
		interval = time.Second
	}
	return time.Duration(256-priority) * interval / 256
}

// down is how long a router waits for a master that is silent (T-2, T-4); the
// interval is the master's.
func (d dialect) down(priority int, interval time.Duration) time.Duration {
	return 3*interval + d.skew(priority, interval)
}

// conf writes the configuration of router number self, for one other at most.
func (d dialect) conf(priority, self, other int) string {
	var addresses []string
	for _, a := range d.addrs {
		addresses = append(addresses, a.String())
	}
	lines := slices.Clone(d.lines)
	if d.unicast {
		lines = append(lines, fmt.Sprintf("unicast_src_ip %s\n    unicast_peer {\n        %s\n    }",
			own(self, d.is6()).Addr(), own(other, d.is6()).Addr()))
	}
	return fmt.Sprintf(`
vrrp_instance VI_1 {
    interface eth0
    version %d
    virtual_router_id %d
    priority %d
    advert_int %g
    %s
    virtual_ipaddress {
        %s
    }
}
`, d.version, vrid, priority, d.interval.Seconds(), strings.Join(lines, "\n    "), strings.Join(addresses, "\n        "))
}

// own is the real address of a router by its number.
func own(n int, is6 bool) netip.Prefix {
	if is6 {
		return netip.MustParsePrefix(fmt.Sprintf("2001:db8::%d/64", n))
	}
	return netip.MustParsePrefix(fmt.Sprintf("192.0.2.%d/24", n))
}
