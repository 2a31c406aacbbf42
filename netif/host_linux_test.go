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

func prefix(s string) netip.Prefix { return netip.MustParsePrefix(s) }

// linkNamed returns a link as the host sees it.
func (s *space) linkNamed(h *Host, name string) Link {
	s.t.Helper()
	links, err := h.Links()
	s.must(err)
	i := slices.IndexFunc(links, func(l Link) bool { return l.Name == name })
	if i < 0 {
		s.t.Fatalf("no %s among %v", name, links)
	}
	return links[i]
}

func TestLinks(t *testing.T) {
	a, b := newSpace(t), newSpace(t)
	veth(a, "eth0", b, "eth0")
	a.must(a.netlink.LinkSetHardwareAddr(a.link("eth0"), mac("02:00:00:00:00:01")))
	a.must(a.netlink.LinkSetMTU(a.link("eth0"), 1400))
	a.add("eth0", "192.0.2.1/24")
	a.add("eth0", "198.51.100.1/25")
	a.add("eth0", "192.0.2.2/24")
	a.add("eth0", "2001:db8::1/64")
	a.linkLocal("eth0")
	h := a.host()

	lo, eth := a.linkNamed(h, "lo"), a.linkNamed(h, "eth0")
	if !lo.Loopback || !lo.Up || lo.Multicast {
		t.Errorf("loopback: %+v", lo)
	}
	if eth.Index != a.index("eth0") || !eth.Up || !eth.Running || eth.NoARP || eth.Loopback || !eth.Multicast ||
		eth.Gone || eth.MTU != 1400 || eth.MAC.String() != "02:00:00:00:00:01" {
		t.Errorf("eth0: %+v", eth)
	}
	var got []string
	for _, x := range eth.Addresses[:4] {
		got = append(got, fmt.Sprint(x.Prefix, x.Secondary))
	}
	// IPv4 first, and primary before secondary; the daemon's own address is
	// the first of its family.
	want := []string{"192.0.2.1/24 false", "198.51.100.1/25 false", "192.0.2.2/24 true", "2001:db8::1/64 false"}
	if !slices.Equal(got, want) {
		t.Errorf("addresses %v, want %v", got, want)
	}
	b.must(b.netlink.LinkSetDown(b.link("eth0")))
	a.until("carrier to be lost", func() bool { l := a.linkNamed(h, "eth0"); return l.Up && !l.Running })
	a.must(a.netlink.LinkSetARPOff(a.link("eth0")))
	if l := a.linkNamed(h, "eth0"); !l.NoARP {
		t.Errorf("eth0 without ARP: %+v", l)
	}
}

// An address whose duplicate detection runs is tentative, and one whose
// detection failed says so.
func TestTentativeAndFailedAddresses(t *testing.T) {
	a, b := newSpace(t), newSpace(t)
	veth(a, "eth0", b, "eth0")
	a.linkLocal("eth0")
	b.add("eth0", "2001:db8::1/64")
	h := a.host()
	a.do(func() error { return writeSysctl("net/ipv6/conf/eth0/accept_dad", "1") })
	add := Change{Link: a.index("eth0"), Address: Address{Prefix: prefix("2001:db8::1/64"), DetectDuplicates: true}}
	if errs := h.Change([]Change{add}); errs != nil {
		t.Fatal(errs)
	}
	find := func() LinkAddress {
		l := a.linkNamed(h, "eth0")
		i := slices.IndexFunc(l.Addresses, func(x LinkAddress) bool { return x.Prefix == add.Address.Prefix })
		if i < 0 {
			t.Fatalf("not there: %+v", l)
		}
		return l.Addresses[i]
	}
	if x := find(); !x.Tentative && !x.Failed {
		t.Errorf("right after adding: %+v", x)
	}
	a.until("duplicate detection to fail", func() bool { return find().Failed })
}

// The options of an address line become what the kernel shows.
func TestAddressOptions(t *testing.T) {
	a, b := newSpace(t), newSpace(t)
	veth(a, "eth0", b, "eth0")
	a.linkLocal("eth0")
	h := a.host()
	eth := a.index("eth0")
	for _, c := range []struct {
		name    string
		address Address
		check   func(x netlink.Addr) bool
	}{
		{"plain IPv4 has no broadcast", Address{Prefix: prefix("192.0.2.1/24")}, func(x netlink.Addr) bool {
			return x.Broadcast == nil && x.Scope == 0 && x.Label == "eth0" && x.Flags&unix.IFA_F_PERMANENT != 0
		}},
		{"label, scope and broadcast", Address{
			Prefix: prefix("192.0.2.65/26"), Label: "eth0:vip", Scope: 253, Broadcast: netip.MustParseAddr("192.0.2.127"),
		}, func(x netlink.Addr) bool {
			return x.Label == "eth0:vip" && x.Scope == 253 && x.Broadcast.String() == "192.0.2.127"
		}},
		{"peer", Address{Prefix: prefix("192.0.2.129/32"), Peer: prefix("198.51.100.7/32")}, func(x netlink.Addr) bool {
			return x.Peer != nil && x.Peer.String() == "198.51.100.7/32"
		}},
		{"no prefix route", Address{Prefix: prefix("198.51.100.1/24"), NoPrefixRoute: true}, func(x netlink.Addr) bool {
			return x.Flags&unix.IFA_F_NOPREFIXROUTE != 0
		}},
		{"deprecated IPv4", Address{Prefix: prefix("203.0.113.1/24"), HasPreferred: true}, func(x netlink.Addr) bool {
			return x.Flags&unix.IFA_F_DEPRECATED != 0
		}},
		{"autojoin", Address{Prefix: prefix("224.1.2.3/32"), AutoJoin: true}, func(x netlink.Addr) bool {
			return x.Flags&unix.IFA_F_MCAUTOJOIN != 0
		}},
		{"B-5 plain IPv6 runs no duplicate detection", Address{Prefix: prefix("2001:db8:0:1::1/64")}, func(x netlink.Addr) bool {
			return x.Flags&unix.IFA_F_NODAD != 0 && x.Flags&(unix.IFA_F_TENTATIVE|unix.IFA_F_DEPRECATED) == 0
		}},
		{"duplicate detection on demand", Address{Prefix: prefix("2001:db8:0:2::1/64"), DetectDuplicates: true}, func(x netlink.Addr) bool {
			return x.Flags&unix.IFA_F_NODAD == 0
		}},
		{"a single IPv6 address is deprecated", Address{Prefix: prefix("2001:db8:0:3::1/128")}, func(x netlink.Addr) bool {
			return x.Flags&unix.IFA_F_DEPRECATED != 0 && x.PreferedLft == 0
		}},
		{"unless a lifetime says otherwise", Address{Prefix: prefix("2001:db8:0:4::1/128"), HasPreferred: true, Preferred: forever}, func(x netlink.Addr) bool {
			return x.Flags&unix.IFA_F_DEPRECATED == 0
		}},
		{"IPv6 lifetime", Address{Prefix: prefix("2001:db8:0:5::1/64"), HasPreferred: true, Preferred: 600}, func(x netlink.Addr) bool {
			return x.PreferedLft > 500 && x.PreferedLft <= 600
		}},
		{"home and mngtmpaddr", Address{Prefix: prefix("2001:db8:0:6::1/64"), Home: true, ManageTemp: true}, func(x netlink.Addr) bool {
			return x.Flags&unix.IFA_F_HOMEADDRESS != 0 && x.Flags&unix.IFA_F_MANAGETEMPADDR != 0
		}},
		{"IPv6 peer", Address{Prefix: prefix("2001:db8:0:7::1/128"), Peer: prefix("2001:db8:0:7::2/128")}, func(x netlink.Addr) bool {
			return x.Peer != nil && x.Peer.IP.String() == "2001:db8:0:7::2"
		}},
	} {
		find := func() (*netlink.Addr, bool) {
			as, err := a.netlink.AddrList(a.link("eth0"), netlink.FAMILY_ALL)
			a.must(err)
			for _, x := range as {
				if x.IP.String() == c.address.Prefix.Addr().String() {
					return &x, true
				}
			}
			return nil, false
		}
		if errs := h.Change([]Change{{Link: eth, Address: c.address}}); errs != nil {
			t.Errorf("%s: %v", c.name, errs)
			continue
		}
		if x, ok := find(); !ok || !c.check(*x) {
			t.Errorf("%s: kernel has %+v", c.name, x)
		}
		// What the list of links says is enough to remove it.
		l := a.linkNamed(h, "eth0")
		i := slices.IndexFunc(l.Addresses, func(x LinkAddress) bool { return x.Prefix.Addr() == c.address.Prefix.Addr() })
		if i < 0 || !l.Addresses[i].Ours {
			t.Errorf("%s: not marked in %+v", c.name, l.Addresses)
			continue
		}
		if errs := h.Change([]Change{{Link: eth, Address: l.Addresses[i].Address(), Remove: true}}); errs != nil {
			t.Errorf("%s: %v", c.name, errs)
		}
		if x, ok := find(); ok {
			t.Errorf("%s: still there: %+v", c.name, x)
		}
	}
}

// B-29: what a killed predecessor left is known by its mark, and only that.
func TestLeftoversAreRecognised(t *testing.T) {
	a, b := newSpace(t), newSpace(t)
	veth(a, "eth0", b, "eth0")
	a.add("eth0", "192.0.2.1/24")
	a.add("eth0", "2001:db8::1/64")
	eth := a.index("eth0")
	var first *Host
	a.do(func() (err error) { first, err = Open(nil); return err })
	if errs := first.Change([]Change{
		{Link: eth, Address: Address{Prefix: prefix("192.0.2.20/32")}},
		{Link: eth, Address: Address{Prefix: prefix("2001:db8::20/128")}},
	}); errs != nil {
		t.Fatal(errs)
	}
	a.must(first.Close())

	h := a.host()
	var ours []Change
	for _, x := range a.linkNamed(h, "eth0").Addresses {
		if x.Ours {
			ours = append(ours, Change{Link: eth, Address: x.Address(), Remove: true})
		}
	}
	if len(ours) != 2 || ours[0].Address.Prefix != prefix("192.0.2.20/32") || ours[1].Address.Prefix != prefix("2001:db8::20/128") {
		t.Fatalf("leftovers %+v", ours)
	}
	if errs := h.Change(ours); errs != nil {
		t.Fatal(errs)
	}
	for _, x := range a.linkNamed(h, "eth0").Addresses {
		if x.Ours {
			t.Errorf("still there: %v", x)
		}
	}
}

// An error has its own slot and says what failed; what is as it was asked to
// be is no error; the others are carried out.
func TestChangeTellsEachError(t *testing.T) {
	a, b := newSpace(t), newSpace(t)
	veth(a, "eth0", b, "eth0")
	h := a.host()
	eth := a.index("eth0")
	add := func(link int, p string) Change { return Change{Link: link, Address: Address{Prefix: prefix(p)}} }
	remove := func(link int, p string) Change {
		return Change{Link: link, Address: Address{Prefix: prefix(p)}, Remove: true}
	}
	label := add(eth, "192.0.2.9/24")
	label.Address.Label = "a label that is too long"

	if errs := h.Change([]Change{add(eth, "192.0.2.1/24"), add(eth, "192.0.2.1/24"), add(eth, "2001:db8::1/64"),
		add(eth, "2001:db8::1/64"), remove(eth, "192.0.2.77/24"), remove(eth, "2001:db8::77/64"),
		remove(999, "192.0.2.1/24"), remove(999, "2001:db8::1/64")}); errs != nil {
		t.Errorf("harmless changes: %v", errs)
	}
	errs := h.Change([]Change{
		add(eth, "192.0.2.2/32"),
		add(999, "192.0.2.3/24"),
		label,
		add(eth, "2001:db8::2/64"),
		add(999, "2001:db8::3/64"),
		remove(eth, "192.0.2.1/24"),
	})
	var got []string
	for i, err := range errs {
		if err != nil {
			got = append(got, fmt.Sprintf("%d %v", i, err))
		}
	}
	want := []string{
		"1 add 192.0.2.3/24 to link 999: no such device",
		"2 add 192.0.2.9/24 to eth0: numerical result out of range",
		"4 add 2001:db8::3/64 to link 999: no such device",
	}
	if len(errs) != 6 || !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
	if !errors.Is(errs[1], unix.ENODEV) {
		t.Error("the cause is not wrapped")
	}
	for p, there := range map[string]bool{"192.0.2.1/24": false, "192.0.2.2/32": true, "2001:db8::2/64": true} {
		if found := a.has(h, p); found != there {
			t.Errorf("%s: there %v, want %v", p, found, there)
		}
	}
	if errs := h.Change(nil); errs != nil {
		t.Error(errs)
	}
}

func (s *space) has(h *Host, p string) bool {
	s.t.Helper()
	return slices.ContainsFunc(s.linkNamed(h, "eth0").Addresses, func(x LinkAddress) bool { return x.Prefix == prefix(p) })
}

// Without the right each change has its error, however many there are.
func TestChangeWithoutPrivilege(t *testing.T) {
	a, b := newSpace(t), newSpace(t)
	veth(a, "eth0", b, "eth0")
	h := a.host()
	changes := many(a.index("eth0"), 3*netlinkBatch)
	var errs []error
	a.do(func() error {
		if err := keepCapabilities(unix.CAP_NET_RAW); err != nil {
			return err
		}
		errs = h.Change(changes)
		return nil
	})
	if len(errs) != len(changes) {
		t.Fatalf("%d errors for %d changes", len(errs), len(changes))
	}
	for i, err := range errs {
		want := fmt.Sprintf("add %v to eth0: operation not permitted", changes[i].Address.Prefix)
		if err == nil || err.Error() != want {
			t.Fatalf("change %d: %v, want %q", i, err, want)
		}
	}
}

// many returns the addition of n addresses.
func many(link, n int) (changes []Change) {
	for i := range n {
		a := netip.AddrFrom4([4]byte{198, 18, byte(i >> 8), byte(i)})
		changes = append(changes, Change{Link: link, Address: Address{Prefix: netip.PrefixFrom(a, 32)}})
	}
	return changes
}

// Batches neither lose nor reorder: each address is added and removed again.
func TestChangeOfManyAddresses(t *testing.T) {
	a, b := newSpace(t), newSpace(t)
	veth(a, "eth0", b, "eth0")
	h := a.host()
	changes := many(a.index("eth0"), 1000)
	if errs := h.Change(changes); errs != nil {
		t.Fatal(errs)
	}
	l := a.linkNamed(h, "eth0")
	l.Addresses = slices.DeleteFunc(l.Addresses, func(x LinkAddress) bool { return !x.Ours })
	for i, x := range l.Addresses {
		if x.Prefix != changes[i].Address.Prefix {
			t.Fatalf("address %d is %v, want %v", i, x.Prefix, changes[i].Address.Prefix)
		}
	}
	// Remove, add, remove in one call: the last word counts, for all of them.
	var turns []Change
	for _, c := range changes {
		r := c
		r.Remove = true
		turns = append(turns, r, c, r)
	}
	if errs := h.Change(turns); errs != nil {
		t.Fatal(errs)
	}
	for _, x := range a.linkNamed(h, "eth0").Addresses {
		if x.Ours {
			t.Fatalf("%v is left of %d added", x.Prefix, len(l.Addresses))
		}
	}
}

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
	sent, err := h.Announce(all)
	if sent != 3 {
		t.Errorf("sent %d", sent)
	}
	if n := strings.Count(fmt.Sprint(err), "announce 192.0.2.20 on eth1: network is down"); n != 3 || !errors.Is(err, unix.ENETDOWN) {
		t.Errorf("errors %v", err)
	}
	if n := strings.Count(fmt.Sprint(err), "announce 192.0.2.20 on eth0: invalid hardware address"); n != 3 {
		t.Errorf("errors %v", err)
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
		if n, err := h.Announce([]Announcement{{Link: l.Index, MAC: l.MAC, Addr: addr}}); n != 1 || err != nil {
			t.Fatal(n, err)
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

func BenchmarkChange5000(b *testing.B) {
	x, y := newSpace(b), newSpace(b)
	veth(x, "eth0", y, "eth0")
	h := x.host()
	add := many(x.index("eth0"), 5000)
	remove := slices.Clone(add)
	for i := range remove {
		remove[i].Remove = true
	}
	for b.Loop() {
		if errs := h.Change(add); errs != nil {
			b.Fatal(errs)
		}
		if errs := h.Change(remove); errs != nil {
			b.Fatal(errs)
		}
	}
	b.ReportMetric(float64(b.N*2*len(add))/b.Elapsed().Seconds(), "changes/s")
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
		if _, err := h.Announce(all); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLinks(b *testing.B) {
	x, y := newSpace(b), newSpace(b)
	veth(x, "eth0", y, "eth0")
	h := x.host()
	for b.Loop() {
		if _, err := h.Links(); err != nil {
			b.Fatal(err)
		}
	}
}
