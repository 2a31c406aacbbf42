package daemon

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"regent/netif"
)

// BenchmarkLinkReport is what it costs the loop, among 2,000 masters on ten
// links, that one of the links has got 5,000 more addresses, and lost them.
func BenchmarkLinkReport(b *testing.B) {
	d, _ := many(b, 2000)
	d.now = d.now.Add(time.Hour)
	d.expire()
	d.flush()
	few := d.links["eth0"].Link
	much := few
	much.Addresses = slices.Clone(few.Addresses)
	for i := range 5000 {
		addr := netip.AddrFrom4([4]byte{198, 19, byte(i >> 8), byte(i)})
		much.Addresses = append(much.Addresses, netif.LinkAddress{Prefix: netip.PrefixFrom(addr, 32), Secondary: true, Ours: true})
	}
	b.ReportAllocs()
	for b.Loop() {
		d.linked([]netif.Link{much})
		d.linked([]netif.Link{few})
	}
}
