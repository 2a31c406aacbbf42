package lab

import (
	"context"
	"fmt"
	"time"
)

// Until waits for a condition and looks every few milliseconds. When ctx ends
// first, the error says what did not happen and what every program printed.
func (l *Lab) Until(ctx context.Context, what string, cond func() bool) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	start := time.Now()
	for !cond() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("waited %v in vain until %s (%w)\n%s",
				time.Since(start).Round(time.Millisecond), what, context.Cause(ctx), l.Report())
		}
	}
	return nil
}
