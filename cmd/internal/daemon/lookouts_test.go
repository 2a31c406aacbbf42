package daemon

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"regent/cmd/internal/logging"
	"regent/health"
)

// A check that does not end, because it waits for a file whose server is gone,
// does not keep the daemon: the addresses leave, and then it does.
func TestACheckThatDoesNotEndKeepsNobody(t *testing.T) {
	inWorld(t, func(w *world) {
		n := w.node(1)
		server := make(chan struct{})
		hang := func(context.Context, health.Check, func(health.Report)) error { <-server; return nil }
		cfg := parse(w, "track_file load {\n\tfile /nonexistent/load\n}\n"+conf(150, "track_file {\n\t\tload\n\t}"))
		log := slog.New(logging.New(slog.LevelDebug, n))
		n.Daemon = New(cfg, n.Wire(), n.Host, hang, n, log)
		ctx, cancel := context.WithCancel(w.Context())
		done := make(chan error, 1)
		go func() { done <- n.Run(ctx) }()
		w.pass(5 * time.Second)
		cancel()
		select {
		case err := <-done:
			if err != nil {
				w.Error(err)
			}
		case <-time.After(time.Hour):
			w.Error("the daemon waits for ever")
		}
		close(server)
		log.Handler().(*logging.Log).Close()
		if len(n.lines("a check does not end")) != 1 {
			w.Errorf("nobody is told:\n%s", n.lines(""))
		}
	})
}
