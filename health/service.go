package health

import (
	"context"
	"time"

	"regent/health/probe"
)

// A service is a check that asks for itself, without a command.
type service struct {
	check  Check
	prober probe.Prober
	report func(Result)
}

// look asks once and reports what came of it.
func (s *service) look(ctx context.Context) {
	limited, cancel := context.WithTimeout(ctx, s.check.timeout())
	defer cancel()
	began := time.Now()
	err := s.prober.Look(limited)
	took := time.Since(began)
	switch {
	case err == nil:
		s.report(Result{Outcome: Good, Took: took})
	case limited.Err() != nil:
		s.report(Result{Outcome: TimedOut, Took: took})
	default:
		s.report(Result{Outcome: Unwell, Took: took, Err: err})
	}
}
