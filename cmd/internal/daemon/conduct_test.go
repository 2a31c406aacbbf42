package daemon

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"regent/vrrp"
)

// timer_expired_backup: a master that slept so long that another one has taken
// over stays its backup; without the word it sends the lesser one home (S-34).
func TestAMasterThatSlept(t *testing.T) {
	for line, yields := range map[string]bool{"": false, "timer_expired_backup 100": true} {
		inWorld(t, func(w *world) {
			n1 := w.node(1).start(conf(150, "nopreempt", line))
			n2 := w.node(2).start(conf(100, "nopreempt"))
			w.pass(10 * time.Second)
			n1.is(Master)
			n1.tell(func(*Daemon) { time.Sleep(10 * time.Second) })
			w.pass(20 * time.Second)
			want, other := Master, Backup
			if yields {
				want, other = Backup, Master
				n1.said(Backup, "so that another router may have taken over")
			}
			n1.is(want)
			n2.is(other)
			if n1.Has(vip) == yields || n2.Has(vip) != yields {
				t.Errorf("%q: n1 has the address: %v, n2: %v", line, n1.Has(vip), n2.Has(vip))
			}
		})
	}
}

// another list is told of. With skip_check_adv_addr a backup tells of it
// once for each sender, and a master always.
func TestTheListOfAKnownSender(t *testing.T) {
	for line, want := range map[string]uint64{"": 5, "skip_check_adv_addr": 2} {
		inWorld(t, func(w *world) {
			n := w.node(1).start(conf(50, line))
			from := func(last byte) {
				n.inject(func(a *vrrp.Advert, e *vrrp.Envelope) {
					a.Addresses = []netip.Addr{netip.MustParseAddr("192.0.2.77")}
					e.Src = netip.AddrFrom4([4]byte{192, 0, 2, last})
				})
			}
			for _, last := range []byte{8, 8, 8, 9, 9} {
				from(last)
			}
			if got := n.wire()[vrrp.AddressListErrors]; got != want {
				t.Errorf("%q: a backup counts %d, want %d", line, got, want)
			}
			w.pass(5 * time.Second)
			n.is(Master)
			from(9)
			if got := n.wire()[vrrp.AddressListErrors]; got != want+1 {
				t.Errorf("%q: a master counts %d, want %d", line, got, want+1)
			}
		})
	}
}

// O-2: another router with the own effective priority is told of, once.
func TestTheSamePriority(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node(1).start(script + conf(160, "track_script {\nchk\n}"))
		n.report("chk", 0)
		w.node(2).start(conf(100))
		w.pass(time.Minute)
		if lines := n.lines("O-2"); len(lines) != 0 {
			t.Errorf("of different priorities: %q", lines)
		}
		n.report("chk", 1)
		n.report("chk", 1) // 160 - 60
		w.pass(time.Minute)
		lines := n.lines("O-2")
		if len(lines) != 0 {
			t.Errorf("a silent neighbour is no reason: %q", lines)
		}
		n.inject(func(a *vrrp.Advert, e *vrrp.Envelope) { a.Priority, e.Src = 100, netip.MustParseAddr("192.0.2.2") })
		w.pass(time.Minute)
		n.inject(func(a *vrrp.Advert, e *vrrp.Envelope) { a.Priority, e.Src = 100, netip.MustParseAddr("192.0.2.2") })
		lines = n.lines("O-2")
		if len(lines) != 1 || !strings.Contains(lines[0], "source=192.0.2.2 vrid=51 priority=100") {
			t.Errorf("%q", lines)
		}
	})
}

// L-1: a flood of forged senders with the own priority is two lines.
func TestManyOfTheSamePriority(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node(1).start(conf(100))
		for range 2 {
			for i := range 100 {
				n.inject(func(_ *vrrp.Advert, e *vrrp.Envelope) { e.Src = netip.AddrFrom4([4]byte{192, 0, 2, byte(20 + i)}) })
			}
			w.pass(quiet)
		}
		if lines := n.lines("O-2"); len(lines) != 2 || !strings.Contains(lines[1], "suppressed=99") {
			t.Errorf("%q", lines)
		}
	})
}

// O-3: two owners are told of as such, with both their addresses, whether the
// other one's adverts count (V-14) or are dropped (owner_ignore_adverts, R-19).
func TestOwnersAreNamed(t *testing.T) {
	for line, dropped := range map[string]uint64{"": 0, "owner_ignore_adverts": 1} {
		inWorld(t, func(w *world) {
			n := w.node(1).start(conf(255, line))
			w.pass(time.Second)
			hears := func(priority uint8, last byte) string {
				n.forget()
				n.inject(func(a *vrrp.Advert, e *vrrp.Envelope) {
					a.Priority, e.Src = priority, netip.AddrFrom4([4]byte{192, 0, 2, last})
				})
				lines := n.lines("R-19")
				if len(lines) == 0 {
					return ""
				}
				return lines[len(lines)-1]
			}
			if said := hears(255, 9); !strings.Contains(said, `source=192.0.2.9`) || !strings.Contains(said, `ours=192.0.2.1 conflict="two owners"`) {
				t.Errorf("%q: of another owner it says %q", line, said)
			}
			want := Backup // S-33, S-35: the greater address
			if dropped > 0 {
				want = Master
			}
			n.is(want)
			w.pass(quiet)
			if said := hears(254, 9); strings.Contains(said, "owners") || !strings.Contains(said, "priority=254 ours=192.0.2.1") {
				t.Errorf("%q: of somebody else it says %q", line, said)
			}
			if got := n.wire()[vrrp.OwnerConflicts]; got != 2 {
				t.Errorf("%q: owner_conflicts is %d, want 2", line, got)
			}
		})
	}
}

// S-39, V-13: lower_prio_no_advert keeps a master from answering a lesser one, and
// S-33: higher_prio_send_advert lets it speak once more before it yields.
func TestWordsBetweenMasters(t *testing.T) {
	for _, test := range []struct {
		line       string
		answers    bool
		lastWord   bool
		ofVersion2 bool
	}{
		{"", true, false, false},
		{"lower_prio_no_advert", false, false, false},
		{"higher_prio_send_advert", true, true, false},
		{"version 2", true, false, true}, // as keepalived
		{"version 2\nlower_prio_no_advert", false, false, true},
	} {
		t.Run(test.line, func(t *testing.T) {
			inWorld(t, func(w *world) {
				n := w.node(1).start(conf(100, test.line))
				w.pass(down(100) + 500*time.Millisecond)
				says := func(priority uint8) (adverts int) {
					before := len(n.heard())
					n.inject(func(a *vrrp.Advert, _ *vrrp.Envelope) {
						a.Priority = priority
						if test.ofVersion2 {
							a.Version = vrrp.V2
						}
					})
					return len(n.heard()) - before
				}
				for _, c := range []struct {
					name     string
					priority uint8
					speaks   bool
				}{{"a lesser master", 50, test.answers}, {"a better master", 150, test.lastWord}} {
					want := 0
					if c.speaks {
						want = 1
					}
					if got := says(c.priority); got != want {
						t.Errorf("to %s it says %d adverts, want %d", c.name, got, want)
					}
				}
				n.is(Backup)
			})
		})
	}
}
