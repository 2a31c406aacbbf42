package daemon

import (
	"net/netip"
	"testing"
	"time"
)

// use_ipvlan: the device is up with its own address from the beginning, which
// adverts come from; the virtual address comes and goes with the master. Both
// are announced with the parent's MAC, which the device shares.
func TestIPVLAN(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node(1).start(conf(150, "use_ipvlan inner 192.0.2.51/24"))
		own := netip.MustParseAddr("192.0.2.51")
		if !n.Has(own) {
			t.Error("the device lacks its own address")
		}
		if n.Has(vip) {
			t.Error("a Backup has the virtual address")
		}
		w.pass(10 * time.Second)
		n.is(Master)
		if !n.Has(vip) {
			t.Error("a master lacks the virtual address")
		}
		for _, a := range w.segment.Adverts() {
			if a.Envelope.Src != own || a.MAC != nil {
				t.Errorf("an advert comes from %v and %v", a.Envelope.Src, a.MAC)
			}
		}
		n.stop()
		if n.Has(own) || n.Has(vip) {
			t.Error("something is left")
		}
	})
}
