package health

import (
	"context"
	"errors"
	"io/fs"
	"time"
)

// A script is a check that runs a command.
type script struct {
	check   Check
	runner  *Runner
	report  func(Result)
	command *command // nil: has yet to be found
	search  *search  // for the next run; nil: has yet to begin
}

// period is the time from start to start.
func (c *Check) period() time.Duration {
	if c.Interval <= 0 {
		return time.Second
	}
	return c.Interval
}

func (c *Check) timeout() time.Duration {
	if c.Timeout <= 0 {
		return c.period()
	}
	return c.Timeout
}

// run runs the command once and reports what came of it.
func (s *script) run(ctx context.Context) {
	due := time.Now()
	if !s.find(ctx) {
		s.report(Result{Outcome: TimedOut, Took: time.Since(due)})
		return
	}
	p, err := s.start(ctx)
	if err != nil {
		s.report(Result{Outcome: Unrunnable, Err: err})
		return
	}
	defer p.close()
	began := time.Now() // it may have waited in line to be started
	if p.wait(ctx, began.Add(s.check.timeout())) {
		r := p.reap()
		r.Took = time.Since(began)
		s.report(r)
		return
	}
	// It is late, and that is its result. A dying script may take its time,
	// but the routers that follow it need not.
	s.report(Result{Outcome: TimedOut, Took: time.Since(began)})
	s.end(ctx, p, began)
}

// end makes sure that nothing is left of a run: neither the process nor what
// it has started in its group.
func (s *script) end(ctx context.Context, p *process, began time.Time) {
	for ended := p.end(ctx); !ended; {
		// Only a process that the kernel cannot free is here for a second
		// turn. It counts as a failure for every run that it keeps from us.
		if ended = p.wait(ctx, time.Now().Add(s.check.period())); ended {
			break
		}
		if ctx.Err() != nil && !p.wait(context.Background(), time.Now().Add(despair)) {
			return
		}
		s.report(Result{Outcome: TimedOut, Took: time.Since(began)})
	}
	p.reap()
}

// find waits until what is to be started is at hand, but not for longer than the
// run may take. A search that goes on then is that of the next run.
func (s *script) find(ctx context.Context) (found bool) {
	ctx, cancel := context.WithTimeout(ctx, s.check.timeout())
	defer cancel()
	if s.search == nil {
		s.search = s.check.search(s.command)
	}
	return s.search.wait(ctx)
}

// start starts the command that was found.
func (s *script) start(ctx context.Context) (p *process, err error) {
	s.command, err = s.search.command, s.search.err
	s.search = nil
	if err != nil {
		s.command = nil
		return nil, err
	}
	p, err = s.runner.start(ctx, s.command)
	if errors.Is(err, fs.ErrNotExist) {
		s.command = nil // it may come back elsewhere in PATH
	}
	return p, err
}
