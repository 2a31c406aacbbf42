package lab

import (
	"slices"
	"sync"
	"time"
)

// A Vigil watches for how long a busy machine keeps programs from running, which
// nobody who looks at them from outside can tell from a fault of theirs.
type Vigil struct {
	lab    *Lab
	waited map[int]time.Duration // by process, when the vigil began
	end    chan struct{}
	ended  sync.Once

	mu   sync.Mutex
	late time.Duration
}

// vigilBeat is how often a vigil looks at the clock.
const vigilBeat = 10 * time.Millisecond

// Vigil begins one. It lasts until End.
func (l *Lab) Vigil() *Vigil {
	v := &Vigil{lab: l, waited: l.waited(), end: make(chan struct{})}
	go v.watch()
	return v
}

// watch sums up how much later than asked for the machine lets it look at the
// clock: for so long all programs, or some, stood still.
func (v *Vigil) watch() {
	beat := time.NewTicker(vigilBeat)
	defer beat.Stop()
	for last := time.Now(); ; {
		select {
		case <-beat.C:
		case <-v.end:
			return
		}
		now := time.Now()
		if late := now.Sub(last) - vigilBeat; late > 0 {
			v.mu.Lock()
			v.late += late
			v.mu.Unlock()
		}
		last = now
	}
}

// Lost returns for how long the programs of the lab may have been kept from
// running since the vigil began: all that it was late itself, and all that their
// threads have waited for a processor. That is the most that one of them can be
// late by, and usually far more than that.
func (v *Vigil) Lost() time.Duration {
	v.mu.Lock()
	lost := v.late
	v.mu.Unlock()
	for pid, now := range v.lab.waited() {
		lost += max(0, now-v.waited[pid]) // less, if a thread has ended meanwhile
	}
	return lost
}

// End ends the vigil. It may be called more than once.
func (v *Vigil) End() { v.ended.Do(func() { close(v.end) }) }

// waited returns how long the programs that run, and all their descendants, have
// waited for processors.
func (l *Lab) waited() map[int]time.Duration {
	l.mu.Lock()
	procs := slices.Clone(l.procs)
	l.mu.Unlock()
	all, children := make(map[int]time.Duration), children()
	for _, p := range procs {
		select {
		case <-p.done:
			continue
		default:
		}
		for _, pid := range append(below(p.PID, children), p.PID) {
			if _, waited, err := schedule(pid); err == nil { // else it has ended
				all[pid] = waited
			}
		}
	}
	return all
}
