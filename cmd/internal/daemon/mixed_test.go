package daemon

import (
	"strings"
	"testing"
	"time"

	"regent/netif/netiftest"
	"regent/vrrp"
)

// of returns the adverts of one version among those that were sent.
func of(version uint8, sent []sentAdvert) (some []sentAdvert) {
	for _, a := range sent {
		if a.Version == version {
			some = append(some, a)
		}
	}
	return some
}

const both = "interop_v2v3"

// V-31: a master that speaks both versions sends every advert in both, at its
// own rate, and tells version 2 of an interval rounded up. Both are adverts of
// one router, which counts them once (M-6); S-30: it resigns in both.
func TestAMasterSpeaksBothVersions(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node(1).start(conf(200, both, "advert_int 1.2"))
		w.pass(4100 * time.Millisecond) // more than the down interval of 3*1.2 s and some
		n.is(Master)
		w.pass(12 * time.Second)
		n.stop()
		sent := n.heard()
		older, newer := of(vrrp.V2, sent), of(vrrp.V3, sent)
		if len(older) != 12 || len(newer) != 12 {
			t.Fatalf("%d adverts of version 2, %d of version 3", len(older), len(newer))
		}
		for i := range newer {
			if newer[i].at != older[i].at || newer[i].Priority != older[i].Priority {
				t.Errorf("%d: %+v and %+v", i, newer[i], older[i])
			}
			if newer[i].Interval != 1200*time.Millisecond || older[i].Interval != 2*time.Second {
				t.Errorf("%d: intervals %v and %v", i, newer[i].Interval, older[i].Interval)
			}
		}
		if last := len(newer) - 1; older[last].Priority != vrrp.Resign || newer[last].Priority != vrrp.Resign {
			t.Errorf("at last %+v and %+v", older[last], newer[last])
		}
		if c := n.routers[0].count; c.Sent != 12 || c.PriorityZeroSent != 1 { // the loop has ended
			t.Errorf("%+v", c)
		}
	})
}

// V-31 to V-33: between a router of version 2 and one of version 3, the one
// that speaks both keeps them from being masters together, and hands over to
// them in the language of each.
func TestARouterBetweenTwoVersions(t *testing.T) {
	inWorld(t, func(w *world) {
		older := w.node(2).start(conf(100, "version 2"))
		newer := w.node(3).start(conf(90))
		w.pass(10 * time.Second)
		older.is(Master)
		newer.is(Master) // they do not hear each other

		middle := w.node(1).start(conf(200, both))
		w.pass(10 * time.Second)
		middle.is(Master)
		older.is(Backup)
		newer.is(Backup)
		older.said(Backup, "192.0.2.1 has the higher priority 200")
		newer.said(Backup, "192.0.2.1 has the higher priority 200")

		middle.stop()
		w.pass(time.Second)
		older.said(Master, "192.0.2.1 resigned")
		newer.said(Master, "192.0.2.1 resigned")
	})
}

// V-32, V-25: a backup that understands both versions goes by the interval of a master
// of version 2, and takes over when that is silent. V-30: without the option it
// does not hear it.
func TestABackupUnderstandsVersionTwo(t *testing.T) {
	inWorld(t, func(w *world) {
		older := w.node(2).start(conf(150, "version 2", "advert_int 2"))
		w.pass(10 * time.Second)
		n := w.node(1).start(conf(100, both, "advert_int 0.5"))
		w.pass(20 * time.Second)
		n.is(Backup)
		if _, c := n.status("V"); c.Received < 8 {
			t.Errorf("it has received %d adverts", c.Received)
		}
		w.segment.Partition([]*netiftest.Host{n.Host}, []*netiftest.Host{older.Host})
		w.pass(10 * time.Second)
		n.is(Master)
		n.said(Master, "no advert from 192.0.2.2 (priority 150) for 7.219s") // 3*2 s + 156/256*2 s
		w.segment.Heal()
		w.pass(3 * time.Second)
		n.is(Backup)

		n.Reload(parse(w, conf(100, "advert_int 0.5")))
		w.pass(20 * time.Second)
		n.is(Master)
	})
}

// W-47: an advert of version 2 has one form of checksum, which says nothing of
// those of version 3.
func TestVersionTwoTeachesNoChecksumForm(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node(1).start(conf(200, both))
		w.pass(5 * time.Second)
		n.inject(func(a *vrrp.Advert, _ *vrrp.Envelope) { a.Checksum = vrrp.MessageOnly })
		n.inject(func(a *vrrp.Advert, _ *vrrp.Envelope) { a.Version = vrrp.V2 })
		w.pass(2 * time.Second)
		sent := of(vrrp.V3, n.heard())
		if last := sent[len(sent)-1]; last.Checksum != vrrp.MessageOnly {
			t.Errorf("%v", last.Checksum)
		}
	})
}

// V-34: it is told once that a master leaves the routers of version 2 alone.
func TestAMasterOfVersionThreeAlone(t *testing.T) {
	inWorld(t, func(w *world) {
		n1 := w.node(1).start(conf(100, both))
		n2 := w.node(2).start(conf(100, both))
		w.node(3).start(conf(150))
		w.pass(time.Minute)
		for _, n := range []*node{n1, n2} {
			if lines := n.lines("V-34"); len(lines) != 1 || !strings.Contains(lines[0], "peer=192.0.2.3") {
				t.Errorf("%s: %q", n.name, lines)
			}
		}
	})
	inWorld(t, func(w *world) {
		n := w.node(1).start(conf(100, both))
		w.node(3).start(conf(150, both))
		w.pass(time.Minute)
		n.is(Backup)
		if lines := n.lines("V-34"); len(lines) != 0 {
			t.Errorf("%q", lines)
		}
	})
}
