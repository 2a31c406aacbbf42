package notify

import (
	"context"
	"fmt"
	"time"

	"regent/cfgparse"
	"regent/health"
)

// RunOnce runs a script of the daemon itself (startup_script, shutdown_script)
// and waits for its end. After timeout, or when ctx ends, its process group is
// ended. The error says how it ended if not with exit status 0. What the script
// has put into the background is left alone.
func RunOnce(ctx context.Context, global *cfgparse.Global, c *cfgparse.Command, timeout time.Duration) error {
	runner, err := health.NewRunner()
	if err != nil {
		return err
	}
	defer runner.Close()
	check := c.Check(global)
	check.Timeout = timeout
	switch r := runner.Run(ctx, check); {
	case r.Outcome == health.Good:
		return nil
	case r.Outcome == health.Unrunnable:
		return r.Err
	case r.Outcome == health.TimedOut && ctx.Err() != nil:
		return fmt.Errorf("run %s: ended after %v: %w", c.Args[0], r.Took.Round(time.Millisecond), context.Cause(ctx))
	default:
		return fmt.Errorf("run %s: %s", c.Args[0], r)
	}
}
