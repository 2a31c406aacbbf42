package main_test

import (
	"bytes"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/google/gopacket/layers"
)

// B-27: a host that sends through the virtual router what has a shorter way is
// told so by nobody with IPv4, where the kernel might name another address of
// the router's as the source, and with IPv6 by the virtual router's link-local
// address, which is the gateway that the host knows, from the virtual MAC. What
// it sends is forwarded all the same.
func TestRedirects(t *testing.T) {
	t.Parallel()
	w := setTwins(t)
	w.must(w.client.AddAddress("eth0", "203.0.113.201/24"))
	w.must(w.client.AddAddress("eth0", "2001:db8:1::201/64"))
	w.a.run()
	w.reign(w.a)
	begun := time.Now()
	for _, c := range []struct {
		from, to string
		via      net.HardwareAddr
	}{
		{"203.0.113.200", "203.0.113.201", vmac4},
		{"2001:db8:1::200", "2001:db8:1::201", vmac6},
	} {
		from, to := netip.MustParseAddr(c.from), netip.MustParseAddr(c.to)
		w.until("a to forward to "+c.to, func() bool {
			w.must(w.client.Inject("eth0", w.echoFrom(from, to, c.via)))
			for _, f := range w.a.sent(begun) {
				if _, dst := ends(f); dst == to {
					return true
				}
			}
			return false
		})
	}
	redirects := 0
	for _, f := range w.a.sent(begun) {
		src, _ := ends(f)
		switch {
		case isICMP(f.Data, 1, layers.ICMPv4TypeRedirect):
			t.Errorf("%v redirects the client", src)
		case isICMP(f.Data, 58, layers.ICMPv6TypeRedirect):
			redirects++
			if src != vipLocal || !bytes.Equal(f.From(), vmac6) {
				t.Errorf("%v redirects the client, from %v", src, f.From())
			}
		}
	}
	if redirects == 0 {
		t.Error("the kernel redirects nobody with IPv6, so nothing is proved")
	}
	if got, err := w.a.Setting("net/ipv4/conf/all/send_redirects"); err != nil || got != "0" {
		t.Errorf("send_redirects of all links is %s, %v", got, err)
	}
	w.a.stop()
	if got, err := w.a.Setting("net/ipv4/conf/all/send_redirects"); err != nil || got != "1" {
		t.Errorf("after the end send_redirects of all links is %s, %v", got, err)
	}
}

// isICMP tells whether a frame is of a protocol, without options in its IP
// header, and of a type.
func isICMP(b []byte, protocol byte, kind uint8) bool {
	at := 14 + 20
	if protocol == 58 {
		at = 14 + 40
	}
	return len(b) > at && (b[12] == 8 && b[13] == 0 && b[23] == protocol || b[12] == 0x86 && b[20] == protocol) && b[at] == kind
}
