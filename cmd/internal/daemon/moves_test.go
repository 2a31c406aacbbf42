package daemon

import (
	"net"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"regent/netif"
	"regent/vrrp"
)

// S-43, S-42, S-41: who loses the address that its adverts come from, on a link
// that is up, can still resign, and so does: its peer takes over after the skew.
func TestAMasterThatLosesItsSource(t *testing.T) {
	inWorld(t, func(w *world) {
		n1, n2 := pair(w)
		n1.drop("eth0", netip.MustParseAddr("192.0.2.1"))
		n1.is(Fault)
		all := w.segment.Adverts()
		last := all[len(all)-1]
		var a vrrp.Advert
		if f := a.Decode(last.Payload, last.Envelope); f != vrrp.Accepted || a.Priority != vrrp.Resign ||
			last.From != n1.Host || last.Envelope.Src != netip.MustParseAddr("192.0.2.1") {
			t.Errorf("the last advert is %+v of %v from %v", a, last.From, last.Envelope.Src)
		}
		w.pass(time.Second)
		n2.is(Master)

		// On another link it is another's address.
		n1.Remove("eth0")
		n1.Attach(w.segment, "eth0", net.HardwareAddr{2, 0, 0, 0, 0, 1})
		w.pass(time.Second)
		if now := w.segment.Adverts(); now[len(now)-1].From == n1.Host {
			t.Error("it speaks without an address")
		}
	})
}

// S-43, W-9: when the primary address goes and the kernel promotes a virtual one
// in its place, the host's other address is what adverts come from, although
// the kernel calls it secondary.
func TestASourceBehindAVirtualAddress(t *testing.T) {
	inWorld(t, func(w *world) {
		n1, n2 := pair(w)
		first, second := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.3")
		n1.add("eth0", netif.LinkAddress{Prefix: netip.PrefixFrom(second, 24), Secondary: true})
		w.pass(3 * time.Second)
		if got := lastSource(w); got != first {
			t.Errorf("adverts come from %v, although there is a primary address", got)
		}
		n1.drop("eth0", first) // the virtual one is the only other primary one
		w.pass(3 * time.Second)
		n1.is(Master)
		n2.is(Backup)
		if got := lastSource(w); got != second {
			t.Errorf("adverts come from %v", got)
		}
	})
}

// lastSource is where the last advert has come from.
func lastSource(w *world) netip.Addr {
	all := w.segment.Adverts()
	return all[len(all)-1].Envelope.Src
}

// B-1: a master whose link gets another MAC tells its neighbours, who would go on
// to send to the old one.
func TestALinkWithAnotherMAC(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node(1).start(conf(150))
		w.pass(time.Minute)
		n.is(Master)
		before := len(n.Announcements())
		mac := net.HardwareAddr{2, 0, 0, 0, 0, 0x77}
		n.Adjust("eth0", func(l *netif.Link) { l.MAC = mac })
		synctest.Wait()
		as := n.Announcements()[before:]
		if len(as) == 0 || as[0].Addr != vip || as[0].MAC.String() != mac.String() {
			t.Errorf("announced %+v", as)
		}
		n.Adjust("eth0", func(l *netif.Link) { l.MTU = 1400 })
		w.pass(time.Second)
		if len(n.Announcements()) != before+len(as) {
			t.Error("another MTU is announced, too")
		}
	})
}

// A unicast router says where its source is when it begins, also after it was
// master and its peers have stopped to call, and when its link gets another MAC.
func TestWhereAUnicastSourceIs(t *testing.T) {
	inWorld(t, func(w *world) {
		n1 := w.node(1).start(conf(150, peers("192.0.2.2")))
		n2 := w.node(2).start(conf(100, peers("192.0.2.1")))
		own := netip.MustParseAddr("192.0.2.1")
		told := func() (times int, mac string) {
			for _, a := range n1.Announcements() {
				if a.Addr == own {
					times++
					mac = a.MAC.String()
				}
			}
			return times, mac
		}
		w.pass(10 * time.Second)
		n1.is(Master)
		n1.SetUp("eth0", false)
		w.pass(10 * time.Second)
		n2.is(Master)
		before, _ := told()
		n1.SetUp("eth0", true)
		synctest.Wait()
		if now, _ := told(); now == before {
			t.Error("it does not tell when it begins again")
		}
		n1.is(Backup)
		n1.Adjust("eth0", func(l *netif.Link) { l.MAC = net.HardwareAddr{2, 0, 0, 0, 0, 0x77} })
		synctest.Wait()
		if _, mac := told(); mac != "02:00:00:00:00:77" {
			t.Errorf("its last word is that it is at %s", mac)
		}
	})
}
