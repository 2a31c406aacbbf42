package daemon

import (
	"errors"
	"testing"
	"time"

	"regent/fsm"
)

// A status of thousands of routers is described a portion in a turn, so that
// what is due in between is not late; a reload in between begins it anew.
func TestAStatusIsDescribedInPortions(t *testing.T) {
	d, still := many(t, 3*portion+1)
	var s Status
	turns := 0
	for whole := false; !whole; turns++ {
		s.keep()
		if turns == 2 {
			d.generation++ // a reload
		}
		d.tell(func(d *Daemon) { whole = d.describe(&s) })
		d.epoch = d.epoch.Add(-time.Minute) // all routers are due in each turn
		before := still.queued
		d.turn()
		if still.queued == before {
			t.Error("no advert was sent beside the description")
		}
	}
	s.keep()
	if turns != 6 || len(s.Routers) != len(d.routers) {
		t.Errorf("%d routers in %d turns; want %d in 6", len(s.Routers), turns, len(d.routers))
	}
	for i, r := range s.Routers {
		if r.Settings.Name != d.routers[i].Name || r.Machine.State != fsm.Master {
			t.Errorf("router %d is %s, %v", i, r.Settings.Name, r.Machine.State)
		}
	}
}

// A daemon that has stopped says so instead of nothing.
func TestNoStatusAfterTheEnd(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node(1).start(conf(150))
		if s, err := n.Status(w.Context()); err != nil || len(s.Routers) != 1 {
			t.Errorf("%v, %v", s, err)
		}
		n.stop()
		if _, err := n.Status(w.Context()); !errors.Is(err, ErrStopped) {
			t.Errorf("%v", err)
		}
	})
}

// BenchmarkDescribe is what one turn of the loop costs in which it describes a
// portion of 5,000 routers.
func BenchmarkDescribe(b *testing.B) {
	d, _ := many(b, 5000)
	s := Status{portion: make([]RouterStatus, 0, portion)}
	b.ReportAllocs()
	for b.Loop() {
		if d.describe(&s) {
			s.Routers = s.Routers[:0]
		}
		s.keep()
	}
}
