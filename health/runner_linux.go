package health

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"runtime"
	"syscall"
	"time"
)

const (
	patience = 2 * time.Second       // for a script that was told to end
	farewell = 50 * time.Millisecond // for the same when the daemon itself is in a hurry
	despair  = time.Second           // for one that was killed, then

	rewriting = 500 * time.Millisecond // for a script that is written to where it stands
)

// A Runner starts scripts. One that runs costs a goroutine, but no thread.
type Runner struct {
	null   *os.File    // standard input, output and error of every script
	starts chan func() // done on the thread that starts every script
}

// NewRunner returns a runner that needs to be closed.
func NewRunner() (*Runner, error) {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return nil, fmt.Errorf("open standard streams of scripts: %w", err)
	}
	r := &Runner{null: null, starts: make(chan func())}
	go keepThread(r.starts)
	return r, nil
}

// Close releases the runner when every Run has returned.
func (r *Runner) Close() {
	close(r.starts)
	r.null.Close()
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

// Run runs the command of a script once, as its user and in a process group of
// its own, and waits for its end. If that has not come after its timeout, or when
// ctx ends, the whole group is ended, by SIGTERM first, and the outcome is
// TimedOut. That takes 2 s more for a script that ignores SIGTERM, 50 ms once ctx
// has ended, and another second for one that waits for a dead disk: it is given
// up.
//
// What the script has put into the background is left alone if the script
// itself ends in time.
func (r *Runner) Run(ctx context.Context, c Check) Result {
	due, cancel := context.WithTimeout(ctx, c.timeout())
	defer cancel()
	return r.RunUntil(ctx, due, c)
}

// RunUntil is Run for a script whose time is up when due ends, which is not after
// ctx.
func (r *Runner) RunUntil(ctx, due context.Context, c Check) Result {
	began := time.Now()
	found := c.search(nil)
	if !found.wait(due) {
		return Result{Outcome: TimedOut, Took: time.Since(began)}
	}
	if found.err != nil {
		return Result{Outcome: Unrunnable, Err: found.err}
	}
	p, err := r.start(due, found.command)
	if err != nil {
		return Result{Outcome: Unrunnable, Err: err}
	}
	defer p.close()
	if p.wait(due, began.Add(math.MaxInt64)) {
		result := p.reap()
		result.Took = time.Since(began)
		return result
	}
	result := Result{Outcome: TimedOut, Took: time.Since(began)}
	if p.end(ctx) || p.wait(context.Background(), time.Now().Add(despair)) {
		p.reap()
	}
	return result
}

// start starts a command. One that somebody is writing to at the moment will soon
// be whole, and is tried again until then.
func (r *Runner) start(ctx context.Context, c *command) (p *process, err error) {
	for until := time.Now().Add(rewriting); ; {
		p, err = r.startNow(c)
		if !errors.Is(err, syscall.ETXTBSY) || time.Now().After(until) {
			return p, err
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(rewriting / 50):
		}
	}
}

// startNow starts a command, on the thread that starts them all.
func (r *Runner) startNow(c *command) (p *process, err error) {
	done := make(chan struct{})
	r.starts <- func() {
		defer close(done)
		ordinary()
		p, err = c.start(r.null.Fd())
	}
	<-done
	return p, err
}
