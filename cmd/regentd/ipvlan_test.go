package main_test

import "testing"

// use_ipvlan where the kernel has no ipvlan: the router stays in FAULT and says
// why, by name. Where it has one, the router becomes master.
func TestIPVLAN(t *testing.T) {
	t.Parallel()
	s := setStage(t)
	h := s.host("router", "192.0.2.1/24")
	p := s.start(regentd, h, instance("eth0", 150, "0.2", "use_ipvlan 192.0.2.51/24"))
	s.until("it says what it can do", func() bool {
		return p.Said("Entering FAULT STATE", "make ipvlan vrrp.51 on eth0: operation not supported") || h.Has(vip)
	})
}
