package daemon

import (
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"regent/fsm"
	"regent/netif"
	"regent/netif/netiftest"
	"regent/vrrp"
)

// O-3, R-19, V-14: of two owners each tells of the other by its address, and
// the greater address stays.
func TestTwoOwners(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node(1).start(conf(255))
		n.is(Master)
		n.forget()
		n.inject(func(a *vrrp.Advert, _ *vrrp.Envelope) { a.Priority = vrrp.Owner })
		n.told(
			`0s (V) accepted an advert: the local router owns the addresses rule=R-19 interface=eth0 source=192.0.2.9 vrid=51 priority=255 ours=192.0.2.1 conflict="two owners" suppressed=0`,
			`0s (V) Entering BACKUP STATE was=MASTER reason="192.0.2.9 has the same priority 255 and a higher address"`)
	})
}

// what passes the checks counts as received and names the last sender,
// also when the state discards it: as a backup (S-24) and as a master (S-34).
func TestWhatAStateDiscardsWasReceived(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node(1).start(conf(150))
		heard := func(want uint64, from string) {
			t.Helper()
			_, c := n.status("V")
			var s fsm.Status
			n.tell(func(d *Daemon) { s = d.routers[0].group.machine.Status(0) })
			synctest.Wait()
			if c.Received != want || s.Lesser != want || s.Heard.Addr != netip.MustParseAddr(from) {
				t.Errorf("received %d, discarded %d, heard %v; want %d, all of them, from %s", c.Received, s.Lesser, s.Heard.Addr, want, from)
			}
		}
		n.inject(func(*vrrp.Advert, *vrrp.Envelope) {})
		n.is(Backup)
		heard(1, "192.0.2.9")
		w.pass(5 * time.Second)
		n.is(Master)
		n.inject(func(_ *vrrp.Advert, e *vrrp.Envelope) { e.Src = netip.MustParseAddr("192.0.2.8") })
		n.is(Master)
		heard(2, "192.0.2.8")
		n.inject(func(a *vrrp.Advert, e *vrrp.Envelope) { e.TTL = 1 }) // this was not
		heard(2, "192.0.2.8")
	})
}

// W-1, V-10: one VRID in two families and on two links is three routers. Each
// hears its own adverts alone, and each has a state and counters of its own.
func TestOneVRIDIsSeveralRouters(t *testing.T) {
	for i, heard := range []struct{ src, dst, addr string }{
		{"192.0.2.9", "224.0.0.18", "192.0.2.100"}, // on eth0, as all that is injected here
		{"fe80::9", "ff02::12", "fe80::100"},
	} {
		inWorld(t, func(w *world) {
			n := w.node(1)
			n.add("eth0", netif.LinkAddress{Prefix: netip.MustParsePrefix("fe80::1/64")})
			n.Attach(netiftest.NewSegment(), "eth1", []byte{2, 0, 0, 0, 1, 1}, netip.MustParsePrefix("198.51.100.1/24"))
			n.start(globals +
				instance("V4", "eth0", 51, "192.0.2.100/24") +
				instance("V6", "eth0", 51, "fe80::100/64") +
				instance("W", "eth1", 51, "192.0.2.100/24"))
			e := vrrp.Envelope{Src: netip.MustParseAddr(heard.src), Dst: netip.MustParseAddr(heard.dst), TTL: vrrp.HopLimit}
			a := vrrp.Advert{Version: vrrp.V3, VRID: 51, Priority: 200, Interval: time.Second, Addresses: []netip.Addr{netip.MustParseAddr(heard.addr)}}
			for range 10 {
				w.segment.Inject(netif.Packet{Envelope: e, Payload: a.Append(nil, e)})
				w.pass(time.Second)
			}
			for j, name := range []string{"V4", "V6", "W"} {
				want, received := Master, uint64(0)
				if i == j {
					want, received = Backup, 10
				}
				if got, c := n.status(name); got != want || c.Received != received {
					t.Errorf("heard from %s: %s is %v and has received %d, want %v and %d", heard.src, name, got, c.Received, want, received)
				}
			}
		})
	}
}
