package fsm_test

import (
	"net/netip"
	"testing"
	"time"

	"regent/fsm"
	"regent/vrrp"
)

var peer = netip.MustParseAddr("192.0.2.9")

// T-1 to T-5, E-1 to E-11, E-13: skew and down interval to the nanosecond. Each
// row is a backup that has heard a master with the interval in force; the
// twelfth example is a conversation (backup.txt).
func TestTiming(t *testing.T) {
	const cs = 10 * time.Millisecond
	for _, e := range []struct {
		name       string
		version    uint8
		priority   uint8
		own, heard time.Duration
		skew, down time.Duration
	}{
		{"E-1", vrrp.V3, 100, 100 * cs, 100 * cs, 609_375_000, 3_609_375_000},
		{"E-2", vrrp.V3, 254, 100 * cs, 100 * cs, 7_812_500, 3_007_812_500},
		{"E-3", vrrp.V3, 255, 100 * cs, 100 * cs, 3_906_250, 3_003_906_250},
		{"E-4", vrrp.V3, 1, 100 * cs, 100 * cs, 996_093_750, 3_996_093_750},
		{"E-5", vrrp.V3, 200, 10 * cs, 10 * cs, 21_875_000, 321_875_000},
		{"E-6", vrrp.V3, 200, cs, cs, 2_187_500, 32_187_500},
		{"E-7", vrrp.V3, 150, 4095 * cs, 4095 * cs, 16_955_859_375, 139_805_859_375},
		{"E-8", vrrp.V3, 100, 100 * cs, 500 * cs, 3_046_875_000, 18_046_875_000},
		{"E-9", vrrp.V2, 100, time.Second, time.Second, 609_375_000, 3_609_375_000},
		{"E-10", vrrp.V2, 100, 10 * time.Second, 10 * time.Second, 609_375_000, 30_609_375_000},
		{"E-10 in version 3", vrrp.V3, 100, 1000 * cs, 1000 * cs, 6_093_750_000, 36_093_750_000},
		{"E-11", vrrp.V2, 254, 255 * time.Second, 255 * time.Second, 7_812_500, 765_007_812_500},
		{"T-5 rounds down", vrrp.V3, 255, 3 * cs, 3 * cs, 117_187, 90_117_187},
	} {
		t.Run(e.name, func(t *testing.T) {
			g := fsm.NewGroup(fsm.Config{Version: e.version, Priority: e.priority, Interval: e.own})
			g.Step(0, 0, fsm.Addressed{Primary: netip.MustParseAddr("192.0.2.1")}, nil)
			g.Step(0, 0, fsm.Start{}, nil)
			const now = 7
			g.Step(now, 0, fsm.Heard{Source: peer, Priority: 255, Interval: e.heard}, nil)
			s := g.Status(0)
			if s.State != fsm.Backup || s.Skew != e.skew || s.Down != e.down {
				t.Errorf("%v with skew %d, down interval %d; want %v, %d, %d", s.State, s.Skew, s.Down, fsm.Backup, e.skew, e.down)
			}
			if want := fsm.Time(now).Add(e.down); s.Deadline != want {
				t.Errorf("deadline %d, want %d", s.Deadline, want)
			}
		})
	}
}

// T-5: the formula in hundredths of a second, as the rule writes it, agrees for
// every priority and interval of the wire.
func TestSkewFormula(t *testing.T) {
	for interval := int64(1); interval <= 4095; interval += 13 {
		for priority := int64(1); priority <= 255; priority++ {
			g := fsm.NewGroup(fsm.Config{Priority: uint8(priority), Interval: time.Duration(interval) * 10 * time.Millisecond})
			if got, want := g.Status(0).Skew, time.Duration((256-priority)*interval*78125/2); got != want {
				t.Fatalf("priority %d, interval %d cs: skew %d, want %d", priority, interval, got, want)
			}
		}
	}
}

// T-7, S-45: the formula has the effective priority, which stays within 1 and
// 254, and an owner's is its own.
func TestEffectivePriority(t *testing.T) {
	for _, e := range []struct {
		configured uint8
		delta      int
		want       uint8
	}{
		{100, 0, 100}, {100, -40, 60}, {100, 40, 140}, {100, -100, 1}, {100, -1 << 20, 1},
		{100, 154, 254}, {100, 155, 254}, {100, 1 << 20, 254}, {254, 1, 254}, {1, -1, 1}, {255, -100, 255}, {255, 100, 255},
	} {
		g := fsm.NewGroup(fsm.Config{Priority: e.configured, Interval: time.Second})
		g.Step(0, 0, fsm.Judged{Verdict: fsm.Verdict{Delta: e.delta}}, nil)
		s := g.Status(0)
		if s.Priority != e.want || s.Skew != time.Duration(256-int(e.want))*time.Second/256 {
			t.Errorf("%d%+d: priority %d, skew %v; want priority %d", e.configured, e.delta, s.Priority, s.Skew, e.want)
		}
	}
}

// A deadline too far ahead is none; it does not come round at the other end of time.
func TestTimeSaturates(t *testing.T) {
	for _, e := range []struct {
		at   fsm.Time
		d    time.Duration
		want fsm.Time
	}{
		{0, 5, 5}, {-5, 5, 0}, {fsm.Never - 5, 5, fsm.Never}, {fsm.Never - 5, 6, fsm.Never},
		{fsm.Never, 1, fsm.Never}, {1, 1<<63 - 1, fsm.Never}, {0, 1<<63 - 1, fsm.Never},
	} {
		if got := e.at.Add(e.d); got != e.want {
			t.Errorf("%d + %d = %d, want %d", e.at, e.d, got, e.want)
		}
	}
}
