package main_test

import (
	"fmt"
	"strings"
	"testing"
)

// W-27, W-12: a link that can no longer carry an advert in one piece is a fault
// with a name, and no advert is sent in several.
func TestALinkThatIsTooNarrow(t *testing.T) {
	t.Parallel()
	s := setStage(t)
	h := s.host("router", "192.0.2.1/24")
	var addrs strings.Builder
	for i := range 20 {
		fmt.Fprintf(&addrs, "        192.0.2.%d/24\n", 101+i)
	}
	p := s.start(regentd, h, instance("eth0", 200, "0.2", "virtual_ipaddress {\n"+addrs.String()+"    }"))
	s.until("the router is master", func() bool { return h.Has(vip) && p.Said("Entering MASTER STATE") })
	mtu := func(size string) {
		t.Helper()
		_, err := h.Run(s.Context(), "ip", "link", "set", "eth0", "mtu", size)
		s.must(err)
	}
	mtu("111") // one byte less than header, advert and 21 addresses
	s.until("that is a fault", func() bool {
		return p.Said("Entering FAULT STATE", "an advert of its 21 addresses does not fit the MTU 111 of eth0, which has room for 20")
	})
	s.until("the addresses are gone", func() bool { return !h.Has(vip) })
	mtu("112")
	s.until("the router is master again", func() bool { return h.Has(vip) })
	for _, a := range s.wire.Adverts() {
		if n := len(a.Frame.Data); n != 14+112 {
			t.Errorf("a frame of %d bytes", n)
		}
	}
}
