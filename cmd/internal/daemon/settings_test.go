package daemon

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"regent/netif"
	"regent/netif/netiftest"
	"regent/vrrp"
)

// What a reload changes in a master is told at once, and the interval begins
// anew (S-51). S-44: its priority. S-46: its interval. S-47: its addresses, of
// which those that come are announced and no others.
func TestAMasterTellsWhatChanges(t *testing.T) {
	inWorld(t, func(w *world) {
		const second = "192.0.2.101"
		n := w.node(1).start(conf(150))
		w.pass(down(150) + 10*time.Second + 300*time.Millisecond) // in the middle of an interval
		n.is(Master)
		for _, change := range []struct {
			name, text string
			want       string // the advert
			next       time.Duration
			has        bool // the second address
		}{
			{"priority", conf(140), "140 1s [192.0.2.100]", time.Second, false},
			{"interval", strings.Replace(conf(140), "advert_int 1", "advert_int 2", 1), "140 2s [192.0.2.100]", 2 * time.Second, false},
			{"the interval again", conf(140), "140 1s [192.0.2.100]", time.Second, false},
			{"an address more", strings.Replace(conf(140), "192.0.2.100/24", "192.0.2.100/24\n"+second+"/24", 1), "140 1s [192.0.2.100 192.0.2.101]", time.Second, true},
			{"an address with another option", strings.Replace(conf(140), "192.0.2.100/24", "192.0.2.100/24\n"+second+"/24 label eth0:1", 1), "140 1s [192.0.2.100 192.0.2.101]", time.Second, true},
			{"an address less", conf(140), "140 1s [192.0.2.100]", time.Second, false},
		} {
			adverts, announced := len(n.heard()), len(n.Announcements())
			at := w.now()
			n.Reload(parse(t, change.text))
			w.pass(10 * time.Millisecond)
			sent := n.heard()[adverts:]
			if len(sent) != 1 || sent[0].at != at || fmt.Sprint(sent[0].Priority, sent[0].Interval, sent[0].Addresses) != change.want {
				t.Errorf("%s: %v sent %v, want %s at once", change.name, at, sent, change.want)
			}
			if n.Has(netip.MustParseAddr(second)) != change.has {
				t.Errorf("%s: it has the address: %v", change.name, !change.has)
			}
			new := n.Announcements()[announced:]
			if change.has != (len(new) > 0) || slices.ContainsFunc(new, func(a netiftest.Announcement) bool { return a.Addr.String() != second }) {
				t.Errorf("%s: announced %v", change.name, new)
			}
			w.pass(change.next + 290*time.Millisecond)
			if sent = n.heard()[adverts:]; len(sent) != 2 || sent[1].at != at+change.next {
				t.Errorf("%s: the next advert %v after the change at %v", change.name, sent, at)
			}
			n.is(Master)
		}
	})
}

// S-44: a backup's deadline moves with its priority, from when it was set.
// S-46: not with its own interval, in version 3. S-47: it says nothing.
func TestABackupTellsNothing(t *testing.T) {
	inWorld(t, func(w *world) {
		n1, n2 := pair(w)
		n1.cancelQuietly()
		last := n1.heard()[len(n1.heard())-1].at
		w.pass(500 * time.Millisecond)
		n2.Reload(parse(t, strings.NewReplacer("advert_int 1", "advert_int 5", "192.0.2.100/24", "192.0.2.100/24\n192.0.2.101/24").Replace(conf(200))))
		w.pass(10 * time.Second)
		sent := n2.heard()
		if len(sent) == 0 || sent[0].at != last+down(200) || sent[0].Priority != 200 || sent[0].Interval != 5*time.Second {
			t.Errorf("the first advert of the backup is %v, want it at %v", sent, last+down(200))
		}
	})
}

// cancelQuietly cuts a node off, as if it had died.
func (n *node) cancelQuietly() {
	n.w.segment.Lose(func(from, _ *netiftest.Host, _ netif.Packet) bool { return from == n.Host })
}

// W-47: what was not accepted teaches no checksum form, and what says nothing
// of it does neither.
func TestOnlyWhatIsAcceptedTeaches(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node(1).start(conf(150))
		w.pass(5 * time.Second)
		for _, spoil := range []func(*vrrp.Advert, *vrrp.Envelope){
			func(_ *vrrp.Advert, e *vrrp.Envelope) { e.TTL = 254 },
			func(a *vrrp.Advert, _ *vrrp.Envelope) { a.Addresses = nil },
			func(a *vrrp.Advert, _ *vrrp.Envelope) { a.VRID = 52 },
			func(_ *vrrp.Advert, e *vrrp.Envelope) { e.Src = netip.MustParseAddr("192.0.2.1") },
		} {
			n.inject(func(a *vrrp.Advert, e *vrrp.Envelope) { a.Checksum = vrrp.MessageOnly; spoil(a, e) })
		}
		w.pass(2 * time.Second)
		sent := n.heard()
		if last := sent[len(sent)-1]; last.Checksum != vrrp.Pseudo {
			t.Errorf("it speaks %v", last.Checksum)
		}
		n.inject(func(a *vrrp.Advert, _ *vrrp.Envelope) { a.Checksum = vrrp.MessageOnly })
		w.pass(2 * time.Second)
		sent = n.heard()
		if last := sent[len(sent)-1]; last.Checksum != vrrp.MessageOnly {
			t.Errorf("it speaks %v, although a good advert came in the other form", last.Checksum)
		}
	})
}

// What a keyword does to the time of a takeover: S-50, down_timer_adverts; S-49,
// vrrp_startup_delay, during which nothing is processed that comes; S-48,
// preempt_delay, which bears with a lesser master but not with silence.
func TestWhatDelaysATakeover(t *testing.T) {
	for _, test := range []struct {
		name, text string
		lesser     time.Duration // until when a lesser master advertises
		want       time.Duration
	}{
		{"nothing", conf(150), 0, down(150)},
		{"S-24: nor a lesser master", conf(150), time.Minute, down(150)},
		{"S-50: five adverts instead of three", conf(150, "down_timer_adverts 5"), 0, 5*time.Second + skew(150)},
		{"S-49: a start delay", strings.Replace(conf(150), "global_defs {", "global_defs {\nvrrp_startup_delay 10", 1), 0, 10*time.Second + down(150)},
		{"S-49: and what is heard in it", strings.Replace(conf(150, "nopreempt"), "global_defs {", "global_defs {\nvrrp_startup_delay 10", 1), 9 * time.Second, 10*time.Second + down(150)},
		{"S-48: a preemption delay, and silence", conf(150, "preempt_delay 20"), 0, down(150)},
		{"S-48: a lesser master that falls silent", conf(150, "preempt_delay 20"), 9 * time.Second, 9*time.Second + down(150)},
		{"S-48: a lesser master that does not", conf(150, "preempt_delay 20"), time.Minute, 19*time.Second + down(150)}, // heard last before the delay ended
	} {
		t.Run(test.name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				n := w.node(1).start(test.text)
				for w.now() < time.Minute {
					if w.now() <= test.lesser && test.lesser > 0 {
						n.inject(func(a *vrrp.Advert, _ *vrrp.Envelope) { a.Priority = 50 })
					}
					w.pass(time.Second)
				}
				if at, _ := n.entered(Master); at != test.want {
					t.Errorf("master after %v, want %v", at, test.want)
				}
			})
		})
	}
}
