package main_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"regent/cmd/internal/lab"
)

// R-14, V-2: with version 2 two routers that disagree about the interval do not
// believe each other. Both become master, and both say why.
func TestVersion2IntervalMismatch(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		peer maker
		says string
	}{
		{"keepalived", newKeepalived, "advertisement interval mismatch"},
		{"FRR", newFRR, "advertisement interval"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := setStage(t)
			// Regent is the slower one, because keepalived's own timer starts anew with
			// every advert that it hears, believed or not.
			regent, peer := newRegent(s, v2IPv4.every(2*time.Second), 1, 2), c.peer(s, v2IPv4, 2, 1)
			for _, r := range []router{peer, regent} {
				r.start(100)
				s.until(r.name()+" is master", func() bool { return r.owns(true) })
			}
			both := time.Now()
			for _, r := range []router{regent, peer} {
				s.until(r.name()+" stays master", func() bool { return adverts(s.wire, r.src(), both) > 2 })
			}
			for r, says := range map[router]string{regent: "interval", peer: c.says} {
				s.until(r.name()+" complains", func() bool { return strings.Contains(r.log(), says) })
			}
		})
	}
}

// adverts counts what a router has advertised since a time.
func adverts(wire *lab.Capture, src netip.Addr, since time.Time) int {
	n := 0
	for _, a := range wire.Adverts() {
		if a.VRID == vrid && a.Src == src && a.At.After(since) {
			n++
		}
	}
	return n
}
