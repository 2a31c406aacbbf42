package health

import (
	"testing"
	"time"
)

// keepalived-language 4.2.10: the first run at once, then one each interval.
func TestFewScriptsKeepTheirInterval(t *testing.T) {
	const second = time.Second
	for n := 1; n <= few; n++ {
		for i := range n {
			r := rhythmOf(i, n, second)
			if r.first > 100*time.Millisecond || r.second-r.first != second {
				t.Fatalf("script %d of %d starts at %v and %v", i, n, r.first, r.second)
			}
		}
	}
}

// 500 scripts at one second are spread over it from the start; so are scripts
// with longer and shorter intervals after their first run.
func TestManyScriptsAreSpread(t *testing.T) {
	for _, c := range []struct {
		n      int
		period time.Duration
	}{{500, time.Second}, {51, time.Second}, {500, time.Minute}, {500, 100 * time.Millisecond}, {5000, time.Second}} {
		slots := map[time.Duration]bool{}
		for i := range c.n {
			r := rhythmOf(i, c.n, c.period)
			if r.first > c.period || c.n == 500 && c.period == time.Second && r.first != time.Duration(i)*2*time.Millisecond {
				t.Errorf("%+v: script %d first starts at %v", c, i, r.first)
			}
			if gap := r.second - r.first; gap < c.period/2 || gap > c.period*3/2 {
				t.Errorf("%+v: script %d starts at %v and %v", c, i, r.first, r.second)
			}
			slots[r.second%c.period/(c.period/time.Duration(c.n))] = true
		}
		if len(slots) != c.n {
			t.Errorf("%+v: the runs use %d slots", c, len(slots))
		}
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
