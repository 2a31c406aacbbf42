package health

import (
	"context"
	"math"
	"time"
)

// A rhythm says when the runs of a script start, counted from the moment when
// it was set up: the first one, the second one, and from there one each period.
type rhythm struct {
	first, second time.Duration
	period        time.Duration
}

const (
	breath = 2 * time.Millisecond // between first runs: a start takes about half of it
	few    = 50                   // scripts that may run at the same moment
)

// rhythmOf returns the rhythm of the script that is set up when i others are
// there, and may first run at first. A few keep to the moment of their first
// run. Many would stall the machine once a period, so each further one gets a
// slot of its own: multiples of the golden ratio divide a period evenly however
// many follow. The second run brings a script to its slot, after half a period
// at least and one and a half at most.
func rhythmOf(i int, first, period time.Duration) rhythm {
	if i < few {
		return rhythm{first, first + period, period}
	}
	_, part := math.Modf(float64(i) * math.Phi)
	gap := time.Duration(part*float64(period)) - first%period
	for gap < period/2 {
		gap += period
	}
	return rhythm{first, first + gap, period}
}

// play calls run in the rhythm until ctx ends. A call that falls due while the
// one before it still goes on is left out.
func (r rhythm) play(ctx context.Context, run func(context.Context)) {
	began := time.Now()
	timer := time.NewTimer(r.first)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		run(ctx)
		now := time.Since(began)
		timer.Reset(r.after(now) - now)
	}
}

// after returns the first start that is later than t.
func (r rhythm) after(t time.Duration) time.Duration {
	switch {
	case t < r.first:
		return r.first
	case t < r.second:
		return r.second
	}
	return t + r.period - (t-r.second)%r.period
}
