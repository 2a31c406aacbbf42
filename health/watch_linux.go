package health

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"regent/health/bfd"
	"regent/health/probe"
)

// A Watcher runs checks. A check costs it a goroutine, but no thread.
type Watcher struct {
	runner *Runner // starts every script

	mu      sync.Mutex
	scripts int                        // being watched
	next    time.Time                  // when another script may first run
	latest  map[string]<-chan struct{} // by the name of a script: ends with its latest watch

	opening sync.Mutex // which may take a moment, and concerns no script
	inotify *inotify   // nil until a file is watched
	census  *census    // nil until a process is
	bfd     bfd.Speaker
}

// NewWatcher returns a watcher that needs to be closed.
func NewWatcher() (*Watcher, error) {
	runner, err := NewRunner()
	if err != nil {
		return nil, err
	}
	return &Watcher{runner: runner, latest: map[string]<-chan struct{}{}}, nil
}

// Close releases the watcher when every Watch has returned.
func (w *Watcher) Close() {
	w.runner.Close()
	if w.inotify != nil {
		w.inotify.close()
	}
	if w.census != nil {
		w.census.close()
	}
}

// Watch runs one check until ctx ends, and calls report after each look at it,
// on the goroutine of the caller. When it returns, nothing is left of the
// check's processes. That takes 50 ms for one that ignores SIGTERM, but a
// second at most: a process that even SIGKILL cannot end, because it waits for
// a dead disk, is given up.
//
// A script waits for the end of one of the same name, so that no two of its
// processes run at once when a reload replaces it.
//
// An error says that nobody can watch such a check. All other mishaps are
// results.
func (w *Watcher) Watch(ctx context.Context, c Check, report func(Report)) error {
	tell := func(r Result) {
		if ctx.Err() == nil {
			report(Report{Kind: c.Kind, Name: c.Name, Result: r, from: &c})
		}
	}
	switch c.Kind {
	case Script:
		defer w.succeed(c.Name)()
		rhythm := w.enter(c.period())
		defer w.leave()
		if c.Probe.Kind != probe.None {
			s := &service{check: c, prober: probe.New(c.Probe), report: tell}
			defer s.prober.Close()
			rhythm.play(ctx, s.look)
			return nil
		}
		s := &script{check: c, runner: w.runner, report: tell}
		rhythm.play(ctx, s.run)
		return nil
	case File:
		f := &file{path: c.File.Path, follow: w.followFile, report: tell}
		f.watch(ctx)
		return nil
	case Process:
		counts, stop := w.tasks().follow(&c.Process)
		defer stop()
		c.Process.settle(ctx, counts, tell)
		return nil
	case BFD:
		w.bfd.Keep(ctx, c.BFD, func(lost error) {
			if lost != nil {
				tell(Result{Outcome: Unwell, Err: lost})
				return
			}
			tell(Result{Outcome: Good})
		})
		return nil
	}
	return fmt.Errorf("watch %s: not a script, file, process or BFD session", c.Name)
}

func (w *Watcher) followFile(path string) (news <-chan struct{}, stop func(), err error) {
	os.Stat(filepath.Dir(path)) // where a dead server keeps who asks, it does so here, and not with a lock
	w.opening.Lock()
	defer w.opening.Unlock()
	if w.inotify == nil {
		if w.inotify, err = newInotify(); err != nil {
			return nil, nil, err
		}
	}
	return w.inotify.follow(path)
}

func (w *Watcher) tasks() *census {
	w.opening.Lock()
	defer w.opening.Unlock()
	if w.census == nil {
		w.census = newCensus()
	}
	return w.census
}

// succeed waits for the script of this name that came before.
func (w *Watcher) succeed(name string) (end func()) {
	done := make(chan struct{})
	w.mu.Lock()
	before := w.latest[name]
	w.latest[name] = done
	w.mu.Unlock()
	if before != nil {
		<-before
	}
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.latest[name] == done {
			delete(w.latest, name)
		}
		close(done)
	}
}

// enter gives a new script its rhythm among the others.
func (w *Watcher) enter(period time.Duration) rhythm {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	if w.next.Before(now) {
		w.next = now
	}
	r := rhythmOf(w.scripts, w.next.Sub(now), period)
	w.scripts++
	w.next = w.next.Add(breath)
	return r
}

func (w *Watcher) leave() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.scripts--
}
