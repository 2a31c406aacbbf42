package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"regent/cfgparse"
)

// A schedule asks the kernel to run the daemon before other programs, so that a
// busy machine does not hold up adverts: vrrp_priority, vrrp_rt_priority,
// vrrp_cpu_affinity, vrrp_no_swap, and max_auto_priority, which waits until the
// machine proves too busy. Scripts go on as if nothing had been asked.
type schedule struct {
	log *slog.Logger

	mu       sync.Mutex
	settings cfgparse.Daemon
	raised   int    // real-time priority that lateness has led to; 0: none
	unwatch  func() // ends watch; nil: nobody watches
}

// apply makes these settings those of the whole process. What the kernel refuses
// is logged, and missed by nobody on an idle machine.
func (s *schedule) apply(d *cfgparse.Daemon) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.settings
	s.settings = *d
	if d.AutoPriority != before.AutoPriority || d.AutoDelay != before.AutoDelay {
		s.rewatch()
	}
	if d.Nice != before.Nice || d.RealTime != before.RealTime {
		s.raised = 0
		s.run(s.priority())
	}
	if !slices.Equal(d.CPUs, before.CPUs) {
		s.complain("vrrp_cpu_affinity has no effect", eachThread(func(tid int) error { return unix.SchedSetaffinity(tid, processors(d.CPUs)) }))
	}
	switch {
	case d.Lock && !before.Lock:
		// On fault: to fetch all that Go has only reserved would take memory for nothing.
		s.complain("vrrp_no_swap has no effect", unix.Mlockall(unix.MCL_CURRENT|unix.MCL_FUTURE|unix.MCL_ONFAULT))
	case before.Lock && !d.Lock:
		s.complain("the daemon stays locked in memory", unix.Munlockall())
	}
}

// priority returns what is asked for at present.
func (s *schedule) priority() unix.SchedAttr {
	if p := max(s.settings.RealTime, s.raised); p > 0 {
		return unix.SchedAttr{Policy: unix.SCHED_RR, Priority: uint32(p)}
	}
	return unix.SchedAttr{Policy: unix.SCHED_NORMAL, Nice: int32(s.settings.Nice)}
}

func (s *schedule) run(as unix.SchedAttr) {
	err := eachThread(func(tid int) error { return unix.SchedSetAttr(tid, &as, 0) })
	s.complain("the daemon keeps its priority", err)
}

func (s *schedule) complain(what string, err error) {
	if err != nil {
		s.log.Warn(what, "error", err)
	}
}

// rewatch begins to watch for lateness, if that is asked for.
func (s *schedule) rewatch() {
	if s.unwatch != nil {
		s.unwatch()
		s.unwatch = nil
	}
	if s.settings.AutoPriority <= 0 {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	s.unwatch = cancel
	go s.watch(ctx, s.settings.AutoPriority, s.settings.AutoDelay)
}

// watch raises the priority whenever one that only waits proves to have been
// held up for min_auto_priority_delay: to real time first, then by one each time
// (max_auto_priority). It returns when ctx ends.
func (s *schedule) watch(ctx context.Context, most int, patience time.Duration) {
	nap := min(max(patience/4, 10*time.Millisecond), 250*time.Millisecond)
	for {
		began := time.Now()
		select {
		case <-ctx.Done():
			return
		case <-time.After(nap):
		}
		if late := time.Since(began) - nap; late >= patience {
			s.raise(late, most)
		}
	}
}

// raise gives the daemon the next higher priority, as long as that is not above
// the most allowed.
func (s *schedule) raise(late time.Duration, most int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	to := max(s.settings.RealTime, s.raised) + 1
	if to > most {
		return
	}
	s.raised = to
	s.log.Warn("the machine holds the daemon up: raising its real-time priority", "late", late.Round(time.Millisecond), "to", to)
	s.run(s.priority())
}

// eachThread does something to every thread of the process. Those that come later
// take after the one that they come from.
func eachThread(do func(tid int) error) error {
	done := make(map[int]bool)
	for {
		entries, err := os.ReadDir("/proc/self/task")
		if err != nil {
			return fmt.Errorf("list threads: %w", err)
		}
		before := len(done)
		for _, e := range entries {
			tid, err := strconv.Atoi(e.Name())
			if err != nil || done[tid] {
				continue
			}
			done[tid] = true
			if err := do(tid); err != nil && !errors.Is(err, unix.ESRCH) {
				return err
			}
		}
		if len(done) == before {
			return nil
		}
	}
}

// processors is the set of these; all of them if there are none.
func processors(cpus []int) *unix.CPUSet {
	var set unix.CPUSet
	for _, c := range cpus {
		set.Set(c)
	}
	if len(cpus) == 0 {
		for c := range len(set) * 64 {
			set.Set(c)
		}
	}
	return &set
}
