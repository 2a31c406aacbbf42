package netif

import (
	"net/netip"
	"testing"
)

// B-7: when the kernel has been given IPv6 addresses, they can be reached, one
// and many, also the link-local one, before anything is announced; without a
// carrier, too.
func TestAddressesCanBeReachedAtOnce(t *testing.T) {
	s, other := newSpace(t), newSpace(t)
	veth(s, "near", other, "far")
	near, h := s.index("near"), s.host()
	var changes []Change
	for i := range byte(100) {
		addr := netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, 15: i + 1})
		if i == 0 {
			addr = netip.MustParseAddr("fe80::100")
		}
		changes = append(changes, Change{Link: near, Address: Address{Prefix: netip.PrefixFrom(addr, 64)}})
	}
	for round := range 20 {
		if round == 10 {
			other.must(other.netlink.LinkSetDown(other.link("far")))
			s.until("the carrier to be lost", func() bool { return !s.linkNamed(h, "near").Running })
		}
		for i := range changes {
			changes[i].Remove = false
		}
		if errs := h.Change(changes); errs != nil {
			t.Fatal(errs)
		}
		for _, c := range changes {
			if !h.changes.reaches(c.Address.Prefix.Addr(), near) {
				t.Fatalf("round %d: %v cannot be reached", round, c.Address.Prefix)
			}
		}
		for i := range changes {
			changes[i].Remove = true
		}
		if errs := h.Change(changes); errs != nil {
			t.Fatal(errs)
		}
		if h.changes.reaches(changes[7].Address.Prefix.Addr(), near) {
			t.Fatal("what was removed can be reached")
		}
	}
}
