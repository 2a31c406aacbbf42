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
	p, err := s.start()
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

// start starts the command.
func (s *script) start() (p *process, err error) {
	if s.command == nil {
		if s.command, err = s.check.command(); err != nil {
			return nil, err
		}
	}
	p, err = s.runner.start(s.command)
	if errors.Is(err, fs.ErrNotExist) {
		s.command = nil // it may come back elsewhere in PATH
	}
	return p, err
}
