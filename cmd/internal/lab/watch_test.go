package lab

import (
	"net/netip"
	"slices"
	"testing"
)

func TestTheAddressLogSeesEveryChange(t *testing.T) {
	l := open(t)
	a := host(t, l, "a", Port{Name: "eth0", Segment: "lan"})
	w, err := a.WatchAddresses()
	if err != nil {
		t.Fatal(err)
	}
	if err := a.AddAddress("eth0", "192.0.2.1/24"); err != nil {
		t.Fatal(err)
	}
	if err := a.RemoveAddress("eth0", "192.0.2.1/24"); err != nil {
		t.Fatal(err)
	}
	addr := netip.MustParseAddr("192.0.2.1")
	until(t, l, "the address was seen to come and go", func() bool {
		events, err := w.Events()
		if err != nil {
			t.Fatal(err)
		}
		events = slices.DeleteFunc(events, func(e AddressEvent) bool { return e.Addr != addr }) // eth0 makes itself another
		return len(events) == 2 && events[0].Added && !events[1].Added
	})
}
