package health

import (
	"context"
	"fmt"
	"os"
	"reflect"
	"runtime"
	"sync"
	"time"
)

// A Watcher runs checks until it is stopped. Of each script it starts, it
// never has two running, and a script costs a goroutine, but no thread.
type Watcher struct {
	report func(Report)
	null   *os.File      // standard input, output and error of every script
	starts chan<- func() // done on the thread that starts every script

	hurry context.Context // at its end, scripts are killed
	kill  context.CancelFunc
	all   sync.WaitGroup

	mu      sync.Mutex
	watches map[key]*watch
}

// A watch is one check being run.
type watch struct {
	check Check
	stop  context.CancelFunc
	done  <-chan struct{} // closed when the last process is gone
}

// NewWatcher returns one without checks. It calls report from many goroutines,
// once for each look at a check.
func NewWatcher(report func(Report)) (*Watcher, error) {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return nil, fmt.Errorf("open standard streams of scripts: %w", err)
	}
	starts := make(chan func())
	w := &Watcher{report: report, null: null, starts: starts, watches: map[key]*watch{}}
	w.hurry, w.kill = context.WithCancel(context.Background())
	go keepThread(starts)
	return w, nil
}

// keepThread does all work on one thread. The kernel ends a script with the
// thread that started it, not with the process (PR_SET_PDEATHSIG), and Go ends
// a thread when a goroutine returns that has locked itself to it, which might
// be any goroutine of the program. On a thread of its own that cannot happen
// as long as there are scripts.
func keepThread(work <-chan func()) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread() // or the thread would end here
	for f := range work {
		f()
	}
}

// Watch makes checks the ones that run: it starts those that are new, stops
// those that are gone, and does not disturb the others. Kinds that the daemon
// watches itself are passed over. A changed check starts when the last process
// of its predecessor has ended.
func (w *Watcher) Watch(checks []Check) {
	w.mu.Lock()
	defer w.mu.Unlock()

	var fresh []Check
	wanted := map[key]bool{}
	for _, c := range checks {
		if c.Kind != Script {
			continue
		}
		k := key{c.Kind, c.Name}
		wanted[k] = true
		if old := w.watches[k]; old == nil || !reflect.DeepEqual(old.check, c) {
			fresh = append(fresh, c)
		}
	}
	for k, old := range w.watches {
		if !wanted[k] {
			old.stop()
			delete(w.watches, k)
		}
	}
	for i, c := range fresh {
		w.start(c, rhythmOf(i, len(fresh), c.period()))
	}
}

// start runs a check in place of any other of its name.
func (w *Watcher) start(c Check, r rhythm) {
	var before <-chan struct{}
	k := key{c.Kind, c.Name}
	if old := w.watches[k]; old != nil {
		old.stop()
		before = old.done
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	w.watches[k] = &watch{check: c, stop: stop, done: done}
	w.all.Go(func() {
		defer close(done)
		if before != nil {
			<-before
		}
		s := &script{check: c, watcher: w}
		s.watch(ctx, r)
	})
}

// Stop ends every check and waits until its processes are gone. They get
// SIGTERM at once, and SIGKILL when ctx ends, but no later than 2 s. Stop gives
// up a process that even SIGKILL cannot end, because it waits for a dead disk.
func (w *Watcher) Stop(ctx context.Context) {
	w.Watch(nil)
	gone := make(chan struct{})
	go func() {
		w.all.Wait()
		close(w.starts)
		w.null.Close()
		close(gone)
	}()
	select {
	case <-gone:
	case <-ctx.Done():
		w.kill()
		select {
		case <-gone:
		case <-time.After(time.Second):
		}
	}
}
