package netif

import (
	"fmt"
	"strings"
	"testing"

	"regent/vrrp"
)

// Memberships go far beyond what one socket may hold, count their users, and
// end with the last.
func TestMembershipsBeyondOneSocket(t *testing.T) {
	s, peer := newSpace(t), newSpace(t)
	w := s.wire(1 << 20)
	const links = 50
	var indexes []int
	for i := range links {
		veth(s, fmt.Sprintf("eth%d", i), peer, fmt.Sprintf("eth%d", i))
		index := s.index(fmt.Sprintf("eth%d", i))
		indexes = append(indexes, index)
		s.must(w.Join(index, vrrp.Group4))
		s.must(w.Join(index, vrrp.Group6))
	}
	if n := len(w.groups.holders[IPv4]); n != 3 {
		t.Errorf("%d sockets hold %d IPv4 memberships, want 3", n, links)
	}
	other := peer.wire(1 << 20)
	for i := range links {
		name := fmt.Sprintf("eth%d", i)
		other.Queue(advert(peer.index(name), "192.0.2.9", "224.0.0.18", name))
	}
	other.Flush()
	seen := map[int]bool{}
	for _, p := range hear(t, w, links) {
		seen[p.Link] = true
	}
	if len(seen) != links {
		t.Errorf("heard on %d links", len(seen))
	}

	first := indexes[0]
	s.must(w.Join(first, vrrp.Group4))
	s.must(w.Leave(first, vrrp.Group4))
	if !s.member(first) {
		t.Error("left a group that has a user")
	}
	s.must(w.Leave(first, vrrp.Group4))
	if s.member(first) {
		t.Error("still a member after the last Leave")
	}
	if err := w.Leave(first, vrrp.Group4); err == nil {
		t.Error("left twice")
	}
	s.must(w.Join(first, vrrp.Group4)) // takes the place that is free
	if n := len(w.groups.holders[IPv4]); n != 3 || !s.member(first) {
		t.Errorf("%d sockets, member %v", n, s.member(first))
	}

	// A link that is gone is left without an error.
	s.must(s.netlink.LinkDel(s.link("eth7")))
	s.must(w.Leave(indexes[7], vrrp.Group4))
	s.must(w.Leave(indexes[7], vrrp.Group6))
	if err := w.Join(indexes[7], vrrp.Group4); err == nil {
		t.Error("joined on a link that is gone")
	}
}

// member tells whether a link listens to the IPv4 group.
func (s *space) member(index int) (yes bool) {
	s.t.Helper()
	s.do(func() error {
		b, err := readProc("net/igmp")
		inside := false
		for line := range strings.Lines(string(b)) {
			f := strings.Fields(line)
			if !strings.HasPrefix(line, "\t") {
				inside = len(f) > 0 && f[0] == fmt.Sprint(index)
			} else if inside && f[0] == "120000E0" {
				yes = true
			}
		}
		return err
	})
	return yes
}
