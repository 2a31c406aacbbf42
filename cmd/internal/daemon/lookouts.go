package daemon

import (
	"context"
	"log/slog"
	"reflect"
	"slices"
	"sync"
	"time"

	"regent/health"
)

// lookouts are the checks that run beside the loop, a goroutine each.
type lookouts struct {
	watch  Watcher
	report func(health.Report)
	log    *slog.Logger

	ctx     context.Context // ends them all; nil before the daemon runs
	running []lookout
	waiting []health.Check // until then
	ended   sync.WaitGroup
}

type lookout struct {
	check  health.Check
	cancel context.CancelFunc
}

// post makes these the checks that run. One that has not changed goes on.
func (l *lookouts) post(checks []health.Check) {
	if l.ctx == nil {
		l.waiting = checks
		return
	}
	before := l.running
	l.running = nil
	for _, c := range checks {
		same := func(o lookout) bool { return reflect.DeepEqual(o.check, c) }
		if i := slices.IndexFunc(before, same); i >= 0 {
			l.running = append(l.running, before[i])
			before = slices.Delete(slices.Clone(before), i, i+1)
			continue
		}
		l.running = append(l.running, l.send(c))
	}
	for _, o := range before {
		o.cancel()
	}
}

// send sends one out.
func (l *lookouts) send(c health.Check) lookout {
	ctx, cancel := context.WithCancel(l.ctx)
	l.ended.Go(func() {
		if err := l.watch(ctx, c, l.report); err != nil && ctx.Err() == nil {
			l.log.Error("a check has ended", "check", c.Name, "error", err)
		}
	})
	return lookout{c, cancel}
}

// parting is how long checks may take to end: a script is killed within a second.
const parting = 3 * time.Second

// leave waits until the checks have ended, but not for one that nothing can end,
// such as the look at a file whose server is gone.
func (l *lookouts) leave() {
	all := make(chan struct{})
	go func() {
		defer close(all)
		l.ended.Wait()
	}()
	select {
	case <-all:
	case <-time.After(parting):
		l.log.Warn("a check does not end, and is given up", "after", parting)
	}
}

// begin lets them run until ctx ends.
func (l *lookouts) begin(ctx context.Context) {
	l.ctx = ctx
	l.post(l.waiting)
}
