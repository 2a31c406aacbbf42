package netif

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"regent/vrrp"
)

const vrid = 51

var (
	virtual4 = vrrp.VirtualMAC(false, vrid)
	virtual6 = vrrp.VirtualMAC(true, vrid)
)

func isVirtual(mac []byte) bool { return bytes.Equal(mac, virtual4) || bytes.Equal(mac, virtual6) }

// fromVirtual collects the frames from a virtual MAC that arrive before a
// frame that h sends now.
func (t *tap) fromVirtual(h *Host, link int) (frames [][]byte) {
	t.s.t.Helper()
	sentinel := net.HardwareAddr{2, 0, 0, 0, 0xFE, byte(time.Now().UnixNano())}
	if err := h.Announce([]Announcement{{Link: link, MAC: sentinel, Addr: netip.MustParseAddr("198.51.100.1")}}); err != nil {
		t.s.t.Fatal(err)
	}
	t.next(func(f []byte) bool {
		if isVirtual(f[6:12]) {
			frames = append(frames, bytes.Clone(f))
		}
		return bytes.Equal(f[6:12], sentinel)
	})
	return frames
}

// learned tells whether the bridge has seen a virtual MAC.
func (s *space) learned() bool {
	s.t.Helper()
	ns, err := s.netlink.NeighList(0, unix.AF_BRIDGE)
	s.must(err)
	return slices.ContainsFunc(ns, func(n netlink.Neigh) bool { return isVirtual(n.HardwareAddr) })
}

// B-6, B-11: no frame leaves with the virtual MAC while the device is made,
// configured, and again a Backup's; the bridge never learns it. On a router,
// whose links join more groups than a host's.
func TestBackupSendsNothingFromTheVirtualMAC(t *testing.T) {
	bridge, hosts := lan(t, 1)
	a := hosts[0]
	a.do(func() error {
		return errorsOf(writeSysctl("net/ipv6/conf/all/forwarding", "1"), writeSysctl("net/ipv4/ip_forward", "1"))
	})
	h, tap := a.host(), bridge.tap("port1")
	parent := a.index("eth0")
	four, six := a.device(IPv4), a.device(IPv6)
	made := a.make(h, four, six)
	links := []int{made[0].Link.Index, made[1].Link.Index}
	changes := []Change{
		{Link: links[0], Address: Address{Prefix: prefix("192.0.2.20/24")}},
		{Link: links[1], Address: Address{Prefix: prefix("fe80::20/64")}},
		{Link: links[1], Address: Address{Prefix: prefix("2001:db8::20/64")}},
	}
	silent := func(when string) {
		t.Helper()
		for _, f := range tap.fromVirtual(h, parent) {
			t.Errorf("%s: % x", when, f)
		}
	}
	silent("a fresh device")
	if bridge.learned() {
		t.Error("the bridge has learned the virtual MAC")
	}

	a.good(h.RaiseDevices(links))
	a.good(h.Change(changes))
	// A master speaks: its membership reports are seen, so silence means something.
	tap.next(func(f []byte) bool { return isVirtual(f[6:12]) })
	bridge.until("the bridge to learn", bridge.learned)

	a.good(h.LowerDevices(links))
	tap.fromVirtual(h, parent) // what left before
	for i := range changes {
		changes[i].Remove = true
	}
	a.good(h.Change(changes))
	silent("a Backup again")
	a.good(h.RemoveDevices(links))
	silent("a removed device")
}

// B-10, B-14: a master answers for its address with the virtual MAC alone, and
// for the router's own address with the physical one alone, also to probes
// that have no address yet, and with the strictest path filter of the host.
func TestMasterAnswersARPWithTheVirtualMAC(t *testing.T) {
	for _, c := range []struct{ name, knob string }{
		{"as the kernel comes", ""},
		{"with a strict path filter", "net/ipv4/conf/all/rp_filter"},
		{"with its own filter on the parent", "net/ipv4/conf/eth0/rp_filter"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, hosts := lan(t, 2)
			a, client := hosts[0], hosts[1]
			if c.knob != "" {
				a.do(func() error { return writeSysctl(c.knob, "1") })
			}
			h := a.host()
			m := a.make(h, a.device(IPv4))[0].Link
			a.good(h.RaiseDevices([]int{m.Index}))
			a.good(h.Change([]Change{{Link: m.Index, Address: Address{Prefix: prefix("192.0.2.20/24")}}}))
			physical, mine := a.linkNamed(h, "eth0").MAC, client.link("eth0").Attrs().HardwareAddr

			tap := client.tap("eth0")
			// Both devices work in order, so the second answer of each shows that
			// it has had its say on the question before.
			for _, q := range []struct{ sender, target string }{
				{"192.0.2.2", "192.0.2.20"}, {"192.0.2.2", "192.0.2.1"}, {"0.0.0.0", "192.0.2.20"}, {"0.0.0.0", "192.0.2.1"},
				{"192.0.2.2", "192.0.2.20"}, {"192.0.2.2", "192.0.2.1"},
			} {
				tap.send("eth0", arpRequest(t, mine, q.sender, q.target))
			}
			answers := map[string]int{}
			for answers["192.0.2.20"] < 3 || answers["192.0.2.1"] < 3 {
				f := tap.next(func(f []byte) bool { return isARP(f, 2) && bytes.Equal(f[:6], mine) })
				sender, ip := net.HardwareAddr(f[22:28]), net.IP(f[28:32]).String()
				answers[ip]++
				want := map[string]net.HardwareAddr{"192.0.2.20": virtual4, "192.0.2.1": physical}[ip]
				if !bytes.Equal(sender, want) || !bytes.Equal(f[6:12], want) {
					t.Errorf("%s is at %v, from %v, want %v", ip, sender, f[6:12], want)
				}
			}
			if answers["192.0.2.20"] > 3 || answers["192.0.2.1"] > 3 {
				t.Errorf("answers %v", answers)
			}
		})
	}
}

// B-23: the address works: a client's datagram arrives and the answer goes
// back, under a strict path filter too. The host's own question for the
// client's MAC does not name the virtual router's address with the physical
// MAC, which would move it.
func TestMasterIsReached(t *testing.T) {
	_, hosts := lan(t, 2)
	a, client := hosts[0], hosts[1]
	a.do(func() error { return writeSysctl("net/ipv4/conf/all/rp_filter", "1") })
	h := a.host()
	made := a.make(h, a.device(IPv4), a.device(IPv6))
	a.good(h.RaiseDevices([]int{made[0].Link.Index, made[1].Link.Index}))
	a.good(h.Change([]Change{
		{Link: made[0].Link.Index, Address: Address{Prefix: prefix("192.0.2.20/32")}},
		{Link: made[1].Link.Index, Address: Address{Prefix: prefix("2001:db8::20/64")}},
	}))
	tap := client.tap("eth0")
	for _, c := range []struct {
		vip, peer string
		mac       net.HardwareAddr
	}{{"192.0.2.20", "192.0.2.2", virtual4}, {"2001:db8::20", "2001:db8::2", virtual6}} {
		var server, caller net.PacketConn
		a.do(func() (err error) { server, err = net.ListenPacket("udp", net.JoinHostPort(c.vip, "7")); return err })
		defer server.Close()
		client.do(func() (err error) { caller, err = net.ListenPacket("udp", net.JoinHostPort(c.peer, "7")); return err })
		defer caller.Close()
		// The server speaks first, and must ask for the client's MAC.
		exchange(t, server, caller)
		exchange(t, caller, server)
		client.until("the client to know "+c.vip, func() bool {
			ns, err := client.netlink.NeighList(client.index("eth0"), netlink.FAMILY_ALL)
			client.must(err)
			for _, n := range ns {
				if n.IP.String() == c.vip && n.HardwareAddr != nil {
					if !bytes.Equal(n.HardwareAddr, c.mac) {
						t.Errorf("%s is at %v", c.vip, n.HardwareAddr)
					}
					return true
				}
			}
			return false
		})
	}
	for _, f := range tap.all() {
		if isARP(f, 1) && net.IP(f[28:32]).String() == "192.0.2.20" && !bytes.Equal(f[22:28], virtual4) {
			t.Errorf("asked in the name of the virtual address from %v", net.HardwareAddr(f[22:28]))
		}
	}
}

// B-12, V-20, W-15, V-23, Q-19: a master answers solicitations for its IPv6
// addresses with the virtual MAC and the router flag; the device never has a
// link-local address of its MAC's making.
func TestMasterAnswersSolicitations(t *testing.T) {
	_, hosts := lan(t, 2)
	a, client := hosts[0], hosts[1]
	a.do(func() error { return writeSysctl("net/ipv6/conf/all/forwarding", "1") })
	h := a.host()
	m := a.make(h, a.device(IPv6))[0].Link
	a.good(h.RaiseDevices([]int{m.Index}))
	if l := a.linkNamed(h, m.Name); len(l.Addresses) != 0 {
		t.Errorf("it has addresses: %v", l.Addresses)
	}
	a.good(h.Change([]Change{
		{Link: m.Index, Address: Address{Prefix: prefix("fe80::20/64")}},
		{Link: m.Index, Address: Address{Prefix: prefix("2001:db8::20/64")}},
	}))
	for target, want := range map[string]net.HardwareAddr{
		"fe80::20": virtual6, "2001:db8::20": virtual6, "2001:db8::1": a.linkNamed(h, "eth0").MAC,
	} {
		client.resolve(target)
		client.until("the neighbour "+target, func() bool {
			ns, err := client.netlink.NeighList(client.index("eth0"), netlink.FAMILY_V6)
			client.must(err)
			i := slices.IndexFunc(ns, func(n netlink.Neigh) bool { return n.IP.String() == target && n.HardwareAddr != nil })
			if i < 0 {
				return false
			}
			if !bytes.Equal(ns[i].HardwareAddr, want) || ns[i].Flags&netlink.NTF_ROUTER == 0 {
				t.Errorf("%s: %+v, want a router at %v", target, ns[i], want)
			}
			return true
		})
	}
}

// What a killed predecessor left is adopted, under its name and brought down;
// what looks alike but is not is left alone.
func TestDevicesAreAdopted(t *testing.T) {
	_, hosts := lan(t, 1)
	a := hosts[0]
	var first *Host
	a.do(func() (err error) { first, err = Open(nil); return err })
	d := a.device(IPv4)
	d.Name = "gateway"
	old := a.make(first, d)[0]
	a.good(first.RaiseDevices([]int{old.Link.Index}))
	a.must(first.Close())
	a.must(a.netlink.LinkAdd(&netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: "vrrp.51"}}))

	h := a.host()
	made := a.make(h, a.device(IPv4), a.device(IPv6))
	if m := made[0]; !m.Adopted || m.Link.Index != old.Link.Index || m.Link.Name != "gateway" || m.Link.Up {
		t.Errorf("adopted %+v, want %+v", m, old)
	}
	if m := made[1]; m.Adopted || m.Link.Name != "vrrp6.51" || !bytes.Equal(m.Link.MAC, virtual6) || m.Link.Up {
		t.Errorf("made %+v", m)
	}
	links := []int{made[0].Link.Index, made[1].Link.Index}
	a.good(h.RemoveDevices(links))
	a.good(h.RemoveDevices(links)) // gone is gone
	all, err := h.Links()
	a.must(err)
	for _, l := range all {
		if l.Kind == "macvlan" {
			t.Errorf("%s is left", l.Name)
		}
	}
}

// What is configured for a device is what it has; what cannot be has an error
// of its own, and the others are made.
func TestDevicesAsConfigured(t *testing.T) {
	_, hosts := lan(t, 1)
	a := hosts[0]
	a.must(a.netlink.LinkSetGroup(a.link("eth0"), 7))
	h := a.host()
	own, grouped, clash, orphan := a.device(IPv4), a.device(IPv4), a.device(IPv6), a.device(IPv4)
	own.Name, own.MAC = "wan", mac("02:00:00:00:00:77")
	grouped.VRID, grouped.Group = 52, 9
	clash.Name = "lo"
	orphan.Parent = 999
	made, errs := h.MakeDevices([]Device{own, grouped, clash, orphan})
	want := []string{"<nil>", "<nil>", "make lo on eth0: file exists", "make vrrp.51 on link 999: no such device"}
	for i := range want {
		if i >= len(errs) || fmt.Sprint(errs[i]) != want[i] {
			t.Fatalf("errors %v, want %q", errs, want)
		}
	}
	if l := made[0].Link; l.Name != "wan" || l.MAC.String() != "02:00:00:00:00:77" || l.Group != 7 || l.Parent != own.Parent {
		t.Errorf("own: %+v", l)
	}
	if l := made[1].Link; l.Name != "vrrp.52" || l.Group != 9 || !bytes.Equal(l.MAC, vrrp.VirtualMAC(false, 52)) {
		t.Errorf("with a group: %+v", l)
	}
	if err := fmt.Sprint(h.RaiseDevices([]int{made[0].Link.Index, 999})); err != "[<nil> bring up link 999: no such device]" {
		t.Error(err)
	}
}

// An ipvlan has its parent's MAC, which a master answers with. Where the kernel
// has none, the error says so by name.
func TestIPVLAN(t *testing.T) {
	_, hosts := lan(t, 2)
	a, client := hosts[0], hosts[1]
	h := a.host()
	d := a.device(IPv4)
	d.Kind, d.Mode = IPVLAN, "private"
	made, errs := h.MakeDevices([]Device{d})
	if errs != nil && errors.Is(errs[0], unix.EOPNOTSUPP) {
		if got := errs[0].Error(); got != "make ipvlan vrrp.51 on eth0: operation not supported" {
			t.Error(got)
		}
		return
	}
	a.good(errs)
	m := made[0].Link
	physical := a.linkNamed(h, "eth0").MAC
	if m.Kind != "ipvlan" || m.Name != "vrrp.51" || !bytes.Equal(m.MAC, physical) || m.Up {
		t.Errorf("made %+v", m)
	}
	a.good(h.RaiseDevices([]int{m.Index}))
	a.good(h.Change([]Change{{Link: m.Index, Address: Address{Prefix: prefix("192.0.2.20/24")}}}))
	tap, mine := client.tap("eth0"), client.link("eth0").Attrs().HardwareAddr
	tap.send("eth0", arpRequest(t, mine, "192.0.2.2", "192.0.2.20"))
	answer := tap.next(func(f []byte) bool { return isARP(f, 2) && bytes.Equal(f[:6], mine) })
	if !bytes.Equal(answer[22:28], physical) {
		t.Errorf("it is at %v", net.HardwareAddr(answer[22:28]))
	}
	if again, errs := h.MakeDevices([]Device{d}); errs != nil || !again[0].Adopted || again[0].Link.Index != m.Index {
		t.Errorf("adopted %+v, %v", again, errs)
	}
	a.good(h.RemoveDevices([]int{m.Index}))
}

// B-20, B-21: a master forwards what is sent to the virtual MAC, a Backup
// neither forwards nor accepts it.
func TestForwardingByTheVirtualMAC(t *testing.T) {
	_, hosts := lan(t, 2)
	a, client, beyond := hosts[0], hosts[1], newSpace(t)
	veth(a, "eth1", beyond, "eth0")
	a.add("eth1", "198.51.100.1/24")
	beyond.add("eth0", "198.51.100.2/24")
	beyond.add("eth0", "198.51.100.3/24")
	beyond.ip("route add default via 198.51.100.1")
	a.do(func() error { return writeSysctl("net/ipv4/ip_forward", "1") })
	h := a.host()
	m := a.make(h, a.device(IPv4))[0].Link
	// One way leads through the virtual MAC, the other through the physical one.
	client.ip("neigh add 192.0.2.20 lladdr " + virtual4.String() + " dev eth0 nud permanent")
	client.ip("neigh add 192.0.2.21 lladdr " + virtual4.String() + " dev eth0 nud permanent")
	client.ip("neigh add 192.0.2.1 lladdr " + a.linkNamed(h, "eth0").MAC.String() + " dev eth0 nud permanent")
	client.ip("route add 198.51.100.2 via 192.0.2.20")
	client.ip("route add 198.51.100.3 via 192.0.2.1")
	far, near := beyond.ear(client), a.ear(client)
	a.add("eth0", "192.0.2.21/24") // accepted by its MAC, not by its link
	for _, master := range []bool{false, true, false} {
		change, want := h.LowerDevices, "[]"
		if master {
			change = h.RaiseDevices
		}
		a.good(change([]int{m.Index}))
		if master {
			want = "[198.51.100.2]"
		}
		if got := fmt.Sprint(far.hears("198.51.100.3", "198.51.100.2")); got != want {
			t.Errorf("master %v: forwarded %s, want %s", master, got, want)
		}
		if got := len(near.hears("192.0.2.1", "192.0.2.21")); got != map[bool]int{true: 1}[master] {
			t.Errorf("master %v: accepted %d", master, got)
		}
	}
}

// What a takeover costs beside the loop: the device up and 20 addresses on it.
func BenchmarkTakeover(b *testing.B) {
	_, hosts := lan(b, 1)
	a := hosts[0]
	h := a.host()
	m := a.make(h, a.device(IPv4))[0].Link
	changes := many(m.Index, 20)
	for b.Loop() {
		a.good(h.RaiseDevices([]int{m.Index}))
		a.good(h.Change(changes))
		b.StopTimer()
		a.good(h.LowerDevices([]int{m.Index}))
		gone := slices.Clone(changes)
		for i := range gone {
			gone[i].Remove = true
		}
		a.good(h.Change(gone))
		b.StartTimer()
	}
}

func BenchmarkMake100Devices(b *testing.B) {
	_, hosts := lan(b, 1)
	a := hosts[0]
	h := a.host()
	var devices []Device
	for i := range 100 {
		d := a.device(IPv4)
		d.VRID = uint8(i + 1)
		devices = append(devices, d)
	}
	for b.Loop() {
		var links []int
		for _, m := range a.make(h, devices...) {
			links = append(links, m.Link.Index)
		}
		b.StopTimer()
		a.good(h.RemoveDevices(links))
		b.StartTimer()
	}
}
