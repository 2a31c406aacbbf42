package netif

import (
	"fmt"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// knob reads a knob in the namespace, by its path below net.
func (s *space) knob(name string) (value int) {
	s.t.Helper()
	s.do(func() (err error) { value, err = readKnob("/proc/sys/net/" + name); return err })
	return value
}

// The parent of devices is quiet while it has any, and afterwards as it was,
// unless somebody else has had a say.
func TestParentsSettingsAreRestored(t *testing.T) {
	_, hosts := lan(t, 1)
	a := hosts[0]
	a.do(func() error { return writeSysctl("net/ipv4/conf/eth0/arp_announce", "1") })
	h := a.host()
	other := a.device(IPv4)
	other.VRID++
	made := a.make(h, a.device(IPv4), other)
	check := func(when string, ignore, announce int) {
		t.Helper()
		if i, n := a.knob("ipv4/conf/eth0/arp_ignore"), a.knob("ipv4/conf/eth0/arp_announce"); i != ignore || n != announce {
			t.Errorf("%s: arp_ignore %d, arp_announce %d, want %d and %d", when, i, n, ignore, announce)
		}
	}
	check("with two devices", 1, 2)
	a.good(h.RemoveDevices([]int{made[0].Link.Index}))
	check("with one", 1, 2)
	a.good(h.RemoveDevices([]int{made[1].Link.Index}))
	check("with none", 0, 1)

	made = a.make(h, a.device(IPv4))
	a.do(func() error { return writeSysctl("net/ipv4/conf/eth0/arp_ignore", "2") })
	a.good(h.RemoveDevices([]int{made[0].Link.Index}))
	check("changed by others", 2, 1)

	// What is strict enough stays.
	made = a.make(h, a.device(IPv4))
	check("strict already", 2, 2)
	a.good(h.RemoveDevices([]int{made[0].Link.Index}))
	check("strict as before", 2, 1)
}

// A device's own settings, by family; forwarding is the parent's.
func TestDeviceSettings(t *testing.T) {
	_, hosts := lan(t, 1)
	a := hosts[0]
	a.do(func() error {
		return errorsOf(writeSysctl("net/ipv4/conf/all/rp_filter", "1"), writeSysctl("net/ipv6/conf/eth0/forwarding", "1"),
			writeSysctl("net/ipv4/conf/eth0/forwarding", "1"))
	})
	h := a.host()
	a.make(h, a.device(IPv4), a.device(IPv6))
	for name, want := range map[string]int{
		"ipv4/conf/vrrp.51/arp_ignore": 1, "ipv4/conf/vrrp.51/arp_announce": 2, "ipv4/conf/vrrp.51/rp_filter": 2,
		"ipv4/conf/vrrp.51/promote_secondaries": 1, "ipv4/conf/vrrp.51/forwarding": 1, "ipv6/conf/vrrp.51/disable_ipv6": 1,
		"ipv4/conf/vrrp6.51/arp_ignore": 1, "ipv6/conf/vrrp6.51/disable_ipv6": 0, "ipv6/conf/vrrp6.51/accept_ra": 0,
		"ipv6/conf/vrrp6.51/forwarding": 1, "ipv6/conf/vrrp6.51/addr_gen_mode": 1, "ipv6/conf/vrrp6.51/router_solicitations": 0,
	} {
		if got := a.knob(name); got != want {
			t.Errorf("%s is %d, want %d", name, got, want)
		}
	}
}

// Where /proc/sys cannot be written, as in a container, IPv4 is as it must be
// all the same, and what is missing is named.
func TestReadOnlySysctls(t *testing.T) {
	_, hosts := lan(t, 1)
	a := hosts[0]
	h := a.host()
	var made []Made
	var errs []error
	d4, d6 := a.device(IPv4), a.device(IPv6)
	a.do(func() error {
		if err := readOnlySysctls(); err != nil {
			return err
		}
		made, errs = h.MakeDevices([]Device{d4, d6})
		return nil
	})
	a.good(errs)
	if got := fmt.Sprint(made[0].Unset); got != "set net.ipv6.conf.vrrp.51.disable_ipv6 to 1: read-only file system\n"+
		"set net.ipv4.conf.all.send_redirects to 0: read-only file system" {
		t.Errorf("IPv4: %s", got)
	}
	got := strings.Split(fmt.Sprint(made[1].Unset), "\n")
	want := []string{
		"set net.ipv6.conf.vrrp6.51.accept_ra to 0: read-only file system",
		"set net.ipv6.conf.vrrp6.51.router_solicitations to 0: read-only file system",
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("IPv6: %q", got)
	}
	if i := a.knob("ipv4/conf/eth0/arp_ignore"); i != 1 {
		t.Errorf("arp_ignore of the parent is %d", i)
	}
}

// readOnlySysctls mounts /proc/sys anew, for the calling thread alone.
func readOnlySysctls() error {
	const sys = "/proc/sys"
	return errorsOf(
		unix.Unshare(unix.CLONE_NEWNS),
		unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""),
		unix.Mount(sys, sys, "", unix.MS_BIND, ""),
		unix.Mount("", sys, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY, ""),
	)
}

// B-27: redirects of all links are off while there is a device, and only then;
// what somebody else has turned meanwhile is left alone.
func TestRedirectsAreOff(t *testing.T) {
	_, hosts := lan(t, 1)
	a := hosts[0]
	h := a.host()
	const all = "ipv4/conf/all/send_redirects"
	other := a.device(IPv4)
	other.VRID = 52
	made := a.make(h, a.device(IPv4), other)
	a.good(h.RemoveDevices([]int{made[0].Link.Index}))
	if a.knob(all) != 0 {
		t.Error("redirects are on while there is a device")
	}
	a.good(h.RemoveDevices([]int{made[1].Link.Index}))
	if a.knob(all) != 1 {
		t.Error("redirects are not back")
	}
	made = a.make(h, a.device(IPv4))
	a.do(func() error { return writeSysctl("net/"+all, "2") })
	a.good(h.RemoveDevices([]int{made[0].Link.Index}))
	if a.knob(all) != 2 {
		t.Error("what somebody else has set is gone")
	}
}

// A setting of the whole host that spoils a device is named.
func TestSettingsOfAllLinks(t *testing.T) {
	_, hosts := lan(t, 1)
	a := hosts[0]
	a.do(func() error { return writeSysctl("net/ipv4/conf/all/arp_filter", "1") })
	made, errs := a.host().MakeDevices([]Device{a.device(IPv4)})
	a.good(errs)
	if got := fmt.Sprint(made[0].Unset); got != "vrrp.51 may not answer for its addresses: net.ipv4.conf.all.arp_filter is 1" {
		t.Error(got)
	}
}

// The first address of a network may go without the others, while asked for.
func TestPromoteSecondaries(t *testing.T) {
	_, hosts := lan(t, 1)
	a := hosts[0]
	h, eth := a.host(), a.index("eth0")
	a.do(func() error { return writeSysctl("net/ipv4/conf/all/promote_secondaries", "0") })
	a.do(func() error { return writeSysctl("net/ipv4/conf/eth0/promote_secondaries", "0") })
	a.must(h.PromoteSecondaries(eth))
	a.must(h.PromoteSecondaries(eth))
	add := func(p string) Change { return Change{Link: eth, Address: Address{Prefix: prefix(p)}} }
	first := add("198.51.100.1/24")
	a.good(h.Change([]Change{first, add("198.51.100.2/24")}))
	first.Remove = true
	a.good(h.Change([]Change{first}))
	if !a.has(h, "198.51.100.2/24") {
		t.Error("the secondary address went with the primary one")
	}
	a.must(h.RestoreSecondaries(eth))
	if a.knob("ipv4/conf/eth0/promote_secondaries") != 1 {
		t.Error("restored while somebody needs it")
	}
	a.must(h.RestoreSecondaries(eth))
	if a.knob("ipv4/conf/eth0/promote_secondaries") != 0 {
		t.Error("not restored")
	}
}
