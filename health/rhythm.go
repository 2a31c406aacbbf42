package health

import "time"

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

// rhythmOf returns the rhythm of script i of n that are set up together. A few
// start at once, each a breath after the last, and keep to that. Many would
// stall the machine once a period, so they get slots that divide it evenly.
// Even then the first runs come early, because routers wait for them; the
// second run brings each script to its slot, after half a period at least and
// one and a half at most.
func rhythmOf(i, n int, period time.Duration) rhythm {
	slot := period / time.Duration(n)
	early := time.Duration(i) * min(breath, slot)
	if n <= few {
		return rhythm{early, early + period, period}
	}
	second := time.Duration(i) * slot
	if second-early < period/2 {
		second += period
	}
	return rhythm{early, second, period}
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
