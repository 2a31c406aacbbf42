package netif

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// B-1, B-4, P-13 to P-15: announcements as they come out of the cable.
func TestAnnounce(t *testing.T) {
	a, b := newSpace(t), newSpace(t)
	veth(a, "eth0", b, "eth0")
	veth(a, "eth1", b, "eth1")
	h := a.host()
	tap := b.tap("eth0")
	a.must(a.netlink.LinkSetDown(a.link("eth1")))
	broken := announcements[0].a
	broken.Link = a.index("eth1")
	none := announcements[0].a
	none.Link, none.MAC = a.index("eth0"), nil
	var all []Announcement
	for _, c := range announcements {
		c.a.Link = a.index("eth0")
		all = append(all, c.a, broken, none)
	}
	for i, err := range h.Announce(all) {
		switch i % 3 {
		case 0:
			if err != nil {
				t.Error(err)
			}
		case 1:
			if !strings.HasPrefix(fmt.Sprint(err), "announce 192.0.2.20 on eth1: network is down") || !errors.Is(err, unix.ENETDOWN) {
				t.Errorf("error %v", err)
			}
		default:
			if !strings.HasPrefix(fmt.Sprint(err), "announce 192.0.2.20 on eth0: invalid hardware address") {
				t.Errorf("error %v", err)
			}
		}
	}
	for _, c := range announcements {
		source := c.a.MAC
		got := tap.next(func(f []byte) bool { return bytes.Equal(f[6:12], source) })
		if want := unhex(t, c.frame); !bytes.Equal(got, want) {
			t.Errorf("%s:\n got %x\nwant %x", c.name, got, want)
		}
	}
}

// Announcements teach a neighbour in truth.
func TestAnnouncementsTeachTheNeighbour(t *testing.T) {
	a, b := newSpace(t), newSpace(t)
	veth(a, "eth0", b, "eth0")
	b.add("eth0", "192.0.2.2/24")
	b.add("eth0", "2001:db8::2/64")
	old := mac("02:00:00:00:00:99")
	for _, ip := range []string{"192.0.2.20", "2001:db8::20"} {
		b.must(b.netlink.NeighSet(&netlink.Neigh{LinkIndex: b.index("eth0"), State: netlink.NUD_STALE,
			IP: netip.MustParseAddr(ip).AsSlice(), HardwareAddr: old}))
	}
	h := a.host()
	l := a.linkNamed(h, "eth0")
	for _, ip := range []string{"192.0.2.20", "2001:db8::20"} {
		addr := netip.MustParseAddr(ip)
		if errs := h.Announce([]Announcement{{Link: l.Index, MAC: l.MAC, Addr: addr}}); errs != nil {
			t.Fatal(errs)
		}
		b.until("the neighbour to learn "+ip, func() bool {
			ns, err := b.netlink.NeighList(b.index("eth0"), netlink.FAMILY_ALL)
			b.must(err)
			return slices.ContainsFunc(ns, func(n netlink.Neigh) bool {
				return n.IP.String() == ip && n.HardwareAddr.String() == l.MAC.String()
			})
		})
	}
}

func BenchmarkAnnounce(b *testing.B) {
	x, y := newSpace(b), newSpace(b)
	veth(x, "eth0", y, "eth0")
	h := x.host()
	l := x.linkNamed(h, "eth0")
	var all []Announcement
	for i := range 256 {
		all = append(all, Announcement{Link: l.Index, MAC: l.MAC, Addr: netip.AddrFrom4([4]byte{198, 18, 0, byte(i)})})
	}
	for i := 0; i < b.N; i += len(all) {
		if errs := h.Announce(all); errs != nil {
			b.Fatal(errs)
		}
	}
}
