package main_test

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"regent/cmd/internal/lab"
)

// scattered is a router whose addresses are on two links and of both families,
// each of them with a virtual MAC of its own.
func scattered(priority int, global, instance, line string) string {
	return fmt.Sprintf(`
global_defs {
	%s
}
vrrp_instance V4 {
	interface eth0
	version 3
	virtual_router_id %d
	priority %d
	advert_int 0.3
	use_vmac
	%s
	garp_master_repeat 2
	garp_master_delay 0
	virtual_ipaddress {
		192.0.2.100/24
	}
	virtual_ipaddress_excluded {
		198.51.100.100/24 dev eth1 %s
		198.51.100.101/24 dev eth1 %s
		2001:db8::100/64 %s
	}
}
`, global, vrid, priority, instance, line, line, line)
}

var scatteredVIPs = []netip.Addr{vip, netip.MustParseAddr("198.51.100.100"), netip.MustParseAddr("198.51.100.101"), vip6}

// use_vmac_addr, and use_vmac in the line of an address: it lives on a device
// with the virtual MAC of its family, on the link that it is on, up with the
// master and down with the Backup (B-6), and is announced (B-1, B-4) and found
// (B-10, B-12) by that MAC there. A device that somebody removes is made again.
// Nothing is left in the end.
func TestVirtualMACsOfAddresses(t *testing.T) {
	for _, c := range []struct{ name, global, instance, line, device string }{
		{"use_vmac_addr", "", "use_vmac_addr", "", "vrrp.51"},
		{"use_vmac of the line", "vmac_addr_prefix addr", "", "use_vmac", "addr.51"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := setTwins(t)
			run := func(n *twin) {
				n.Proc = w.start(regentd, n.Host, scattered(n.priority, c.global, c.instance+"\n\t"+n.waits, c.line))
			}
			beyond := map[*twin]*lab.Capture{}
			for _, n := range []*twin{w.a, w.b} {
				var err error
				beyond[n], err = n.CaptureOnly("eth1", everything)
				w.must(err)
			}
			reigns := func(of, other *twin, since time.Time) {
				t.Helper()
				w.until(of.Host.Name+" reigns", func() bool {
					there, err := w.Learned("beyond", vmac4)
					w.must(err)
					return of.Has(scatteredVIPs...) && other.Count(scatteredVIPs...) == 0 &&
						w.at(vmac4) == of.Host && w.at(vmac6) == of.Host && there == of.Host
				})
				for _, v := range []string{"198.51.100.100", "198.51.100.101", "2001:db8::100"} {
					w.until(v+" is announced", func() bool { return w.claimed(netip.MustParseAddr(v), since) })
				}
			}
			begun := time.Now()
			run(w.a)
			w.until("a has the addresses", func() bool { return w.a.Has(scatteredVIPs...) })
			run(w.b)
			w.until("b is Backup", func() bool { return w.b.Said("Entering BACKUP STATE") })
			reigns(w.a, w.b, begun)
			w.resolve(w.far, "198.51.100.100", vmac4)
			w.resolve(w.client, "192.0.2.100", vmac4)
			w.resolve(w.client, "2001:db8::100", vmac6)

			for _, device := range []string{"vrrp.51", w.deviceOn("eth1")} {
				w.must(w.a.Remove(device))
				w.until(device+" is back, with its addresses", func() bool { return w.a.Has(scatteredVIPs...) })
			}
			if !strings.HasPrefix(w.deviceOn("eth1"), strings.TrimSuffix(c.device, ".51")) {
				t.Errorf("the device on eth1 is called %s", w.deviceOn("eth1"))
			}

			for _, f := range beyond[w.b].Frames() {
				if f.Out && isVirtual(f.From()) {
					t.Errorf("the Backup speaks from the virtual MAC: % x", f.Data)
				}
			}
			begun = time.Now()
			w.a.stop()
			if left := w.macvlans(w.a); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
			reigns(w.b, w.a, begun)
			w.resolve(w.far, "198.51.100.101", vmac4)
		})
	}
}

// claimed reports whether an address was announced by its virtual MAC, on
// whatever link, after a time.
func (w *twins) claimed(v netip.Addr, since time.Time) bool {
	for _, c := range []*lab.Capture{w.wire, w.beyond} {
		for _, claim := range c.Claims() {
			if claim.Addr == v && claim.At.After(since) {
				if !isVirtual(claim.MAC) {
					w.Errorf("%v is announced from %v", v, claim.MAC)
				}
				return true
			}
		}
	}
	return false
}

// resolve lets a host find an address, which must have a MAC address.
func (w *twins) resolve(h *lab.Host, addr string, mac net.HardwareAddr) {
	w.Helper()
	v := netip.MustParseAddr(addr)
	p, err := h.Probe(w.Context(), v, 20*time.Millisecond)
	w.must(err)
	defer p.Close()
	var got net.HardwareAddr
	w.until(addr+" answers "+h.Name, func() bool {
		got, err = h.Neighbor(v)
		return err == nil && got != nil && p.Answers(time.Time{})
	})
	if !bytes.Equal(got, mac) {
		w.Errorf("%s finds %s at %v, want %v", h.Name, addr, got, mac)
	}
}

// macvlans lists the devices of a router with their links, as iproute2 does.
func (w *twins) macvlans(n *twin) []string {
	w.Helper()
	out, err := n.Run(w.Context(), "ip", "-o", "-brief", "link", "show", "type", "macvlan")
	w.must(err)
	return strings.Fields(out)
}

// deviceOn returns the name of a's device on a link.
func (w *twins) deviceOn(link string) string {
	w.Helper()
	all := w.macvlans(w.a)
	i := slices.IndexFunc(all, func(word string) bool { return strings.HasSuffix(word, "@"+link) })
	if i < 0 {
		w.Fatalf("no device on %s among %v", link, all)
	}
	name, _, _ := strings.Cut(all[i], "@")
	return name
}
