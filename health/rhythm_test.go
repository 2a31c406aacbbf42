package health

import (
	"slices"
	"testing"
	"time"
)

// keepalived-language 4.2.10: the first run at once, then one each interval.
func TestFewScriptsKeepTheirInterval(t *testing.T) {
	for i := range few {
		first := time.Duration(i) * breath
		if r := rhythmOf(i, first, time.Second); r != (rhythm{first, first + time.Second, time.Second}) {
			t.Errorf("script %d: %+v", i, r)
		}
	}
}

// Many scripts are spread over their interval: however many there are, no
// stretch of it is left empty and none is crowded.
func TestManyScriptsAreSpread(t *testing.T) {
	for _, c := range []struct {
		n      int
		period time.Duration
	}{{60, time.Second}, {500, time.Second}, {500, time.Minute}, {500, 100 * time.Millisecond}, {5000, time.Second}} {
		var slots []time.Duration
		for i := few; i < few+c.n; i++ {
			r := rhythmOf(i, time.Duration(i)*breath, c.period)
			if gap := r.second - r.first; gap < c.period/2 || gap > c.period*3/2 {
				t.Fatalf("%+v: script %d starts at %v and %v", c, i, r.first, r.second)
			}
			slots = append(slots, r.second%c.period)
		}
		slices.Sort(slots)
		slots = append(slots, slots[0]+c.period)
		fair := c.period / time.Duration(c.n)
		for i := range c.n {
			if gap := slots[i+1] - slots[i]; gap < fair/4 || gap > fair*4 {
				t.Fatalf("%+v: a gap of %v between neighbours, want about %v", c, gap, fair)
			}
		}
	}
}

// A watcher lets scripts that come together first run one after the other, and
// one that comes alone at once.
func TestFirstRunsAreABreathApart(t *testing.T) {
	w := &Watcher{}
	for i := range 500 {
		first := w.enter(time.Second).first
		if late := time.Duration(i) * breath; first > late || i == 0 && first != 0 {
			t.Errorf("script %d first runs after %v, want at most %v", i, first, late)
		}
	}
	w = &Watcher{next: time.Now().Add(-time.Hour)}
	if first := w.enter(time.Second).first; first != 0 {
		t.Errorf("one alone first runs after %v", first)
	}
}

// A start that fell due during the last run is left out.
func TestRhythmAfter(t *testing.T) {
	r := rhythm{first: 3, second: 10, period: 5}
	for at, want := range map[time.Duration]time.Duration{0: 3, 3: 10, 9: 10, 10: 15, 14: 15, 15: 20, 31: 35} {
		if got := r.after(at); got != want {
			t.Errorf("after %d comes %d, want %d", at, got, want)
		}
	}
}
