package daemon

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"regent/netif"
)

// seatsAre checks on which links the host is to answer for addresses.
func (n *node) seatsAre(when string, want ...string) {
	n.w.Helper()
	synctest.Wait()
	names := map[int]string{}
	all, err := n.Links()
	if err != nil {
		n.w.Fatal(err)
	}
	for _, l := range all {
		names[l.Index] = l.Name
	}
	var got []string
	for _, s := range n.Seats() {
		mute := map[bool]string{true: " mute"}
		got = append(got, fmt.Sprint(s.Addr, " ", names[s.Link], mute[s.Mute]))
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		n.w.Errorf("%s: seats %v, want %v", when, got, want)
	}
}

// B-10: an IPv4 address with a virtual MAC has its seat on the device from the
// beginning, whoever is master, whatever becomes of the device, and no longer
// than the configuration gives it one.
func TestSeatsFollowTheDevices(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node(1).second()
		more := "virtual_ipaddress_excluded {\n198.51.100.100/24 dev eth1 use_vmac\n198.51.100.101/24 dev eth1\n2001:db8::100/64\n}"
		with := conf(150, "use_vmac wan", more)
		n.start(with)
		n.is(Backup)
		both := []string{"192.0.2.100 wan", "198.51.100.100 vrrp.51"}
		n.seatsAre("a backup", both...)
		w.pass(5 * time.Second)
		n.is(Master)
		n.seatsAre("a master", both...)
		n.SetUp("eth1", false)
		w.pass(time.Second)
		n.is(Fault)
		n.seatsAre("in FAULT", both...)
		n.SetUp("eth1", true)

		n.Host.Remove("wan")
		w.pass(time.Second)
		n.seatsAre("a device that somebody removed", both...)
		n.Host.Remove("vrrp.51")
		w.pass(time.Second)
		n.seatsAre("and that of one address", both...)

		n.Reload(parse(t, conf(150, "use_vmac wan")))
		n.seatsAre("without that of one address", "192.0.2.100 wan")
		n.Reload(parse(t, strings.Replace(conf(150, "use_vmac wan"), "192.0.2.100/24", "192.0.2.101/24", 1)))
		n.seatsAre("with another address", "192.0.2.101 wan")
		n.Reload(parse(t, conf(150)))
		n.seatsAre("without a virtual MAC")
		if w.pass(5 * time.Second); n.lines("the kernel refused") != nil {
			t.Error("something was refused")
		}
	})
}

// A link in another VRF that has the same address goes on answering for it; one
// in the same VRF, or in none, does not.
func TestAnotherVRFHasTheAddress(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node(1).second()
		n.Attach(n.w.segment, "red", nil)
		n.Adjust("red", func(l *netif.Link) { l.Kind = "vrf" })
		red, _ := n.link("red")
		n.start(conf(150, "use_vmac"))
		seat := "192.0.2.100 vrrp.51"
		n.add("eth1", netif.LinkAddress{Prefix: netip.MustParsePrefix("192.0.2.100/24")})
		n.seatsAre("a link beside it", seat)
		enslave := func(to int) { n.Adjust("eth1", func(l *netif.Link) { l.Master = to }) }
		enslave(red.Index)
		n.seatsAre("a link in a VRF", "192.0.2.100 eth1", seat)
		n.drop("eth1", vip)
		n.seatsAre("the address is gone", seat)
		n.add("eth1", netif.LinkAddress{Prefix: netip.MustParsePrefix("192.0.2.100/24")})
		n.seatsAre("the address is back", "192.0.2.100 eth1", seat)
		enslave(0)
		n.seatsAre("a link in no VRF any more", seat)
	})
}

// B-12, B-8: the link below an owner's device keeps silent about its IPv6
// addresses, and mute about those of IPv4.
func TestTheParentOfAnOwnerIsSilent(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node(1)
		eth0, _ := n.link("eth0")
		more := []string{"use_vmac", "virtual_ipaddress_excluded {\n2001:db8::1/64 use_vmac\n}"}
		n.start(conf(255, more...))
		w.pass(time.Second)
		n.is(Master)
		silent := netif.Refusal{Addr: netip.MustParseAddr("2001:db8::1"), Link: eth0.Index, Questions: true}
		if got := n.Refused(); len(got) != 1 || !got[silent] {
			t.Errorf("refused: %v, want %v", got, silent)
		}
		mute := []string{"192.0.2.100 eth0 mute", "192.0.2.100 vrrp.51"}
		n.seatsAre("an owner", mute...)
		n.Host.Remove("vrrp.51")
		w.pass(time.Second)
		n.seatsAre("with another device", mute...)
		n.Reload(parse(t, conf(150, more...)))
		n.seatsAre("an owner no more", "192.0.2.100 vrrp.51")
		if got := n.Refused(); len(got) != 0 {
			t.Errorf("refused without an owner: %v", got)
		}
	})
}

// Where the kernel has no such tables, a router works without.
func TestSeatsThatCannotBe(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node(1)
		n.RefuseSettings(errors.New("make table regent of family arp: operation not supported"))
		n.start(conf(150, "use_vmac"))
		w.pass(5 * time.Second)
		n.is(Master)
		if !n.Has(vip) || len(n.lines("family arp")) != 1 {
			t.Errorf("it has the address: %v, says %v", n.Has(vip), n.lines("family arp"))
		}
	})
}
