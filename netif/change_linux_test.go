package netif

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

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
