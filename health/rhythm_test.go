package health

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
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

// Five hundred scripts at an interval of 1 s start evenly over each second, and
// none of them twice at once, even if a run of it takes longer (keepalived-language
// 4.2.10, since 2.3.3).
func TestFiveHundredScriptsAreSpread(t *testing.T) {
	const scripts, tenths = 500, 10 // of a second
	synctest.Test(t, func(t *testing.T) {
		w, began := &Watcher{}, time.Now()
		var mu sync.Mutex
		var starts [60 * tenths]int
		ctx, cancel := context.WithCancel(t.Context())
		for i := range scripts {
			running := false
			go w.enter(time.Second).play(ctx, func(ctx context.Context) {
				mu.Lock()
				if running {
					t.Errorf("script %d runs twice at once", i)
				}
				running = true
				starts[time.Since(began)/(time.Second/tenths)]++
				mu.Unlock()
				takes := 100 * time.Millisecond
				if i%10 == 0 {
					takes = 1300 * time.Millisecond // it starts each other second
				}
				time.Sleep(takes) // in the virtual time of the bubble
				mu.Lock()
				running = false
				mu.Unlock()
			})
			synctest.Wait() // each has entered before the next
		}
		time.Sleep(time.Until(began.Add(60*time.Second - 1)))
		cancel()
		time.Sleep(2 * time.Second) // the last runs end
		mu.Lock()
		defer mu.Unlock()
		const fair = scripts * 95 / 100 / tenths
		for i, n := range starts[3*tenths:] {
			if n < fair*2/3 || n > fair*3/2+few { // who came first keeps to the moment of its first run
				t.Errorf("%d scripts start in tenth %d, fair were %d", n, i, fair)
			}
		}
	})
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
