//go:build linux

package health

import (
	"context"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// One run by itself tells ends apart as a check does.
func TestRunTellsHowItEnded(t *testing.T) {
	r, err := NewRunner()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for text, want := range map[string]Result{
		"exit 0":          {Outcome: Good},
		"exit 42":         {Outcome: Exited, Code: 42},
		"kill -KILL $$":   {Outcome: Signaled, Code: int(syscall.SIGKILL)},
		"exec sleep 1000": {Outcome: TimedOut},
	} {
		c := Check{Shell: true, Command: []string{text}, Timeout: soon}
		if want.Outcome == TimedOut {
			c.Timeout = 20 * time.Millisecond
		}
		got := r.Run(t.Context(), c)
		if got.Outcome == TimedOut && got.Took < c.Timeout {
			t.Errorf("%s: timed out after %v", text, got.Took)
		}
		if got.Took = 0; got != want {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
	}
	if got := r.Run(t.Context(), Check{Command: []string{"true"}, User: "no-such-user"}); got.Outcome != Unrunnable {
		t.Errorf("an unknown user: %v", got)
	}
}

// Whoever runs a script can end it, with all that it has started.
func TestRunEndsWithItsContext(t *testing.T) {
	r, err := NewRunner()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	c := once(t, "#!/bin/sh\ntrap '' TERM\nsleep 1000 & echo $! >>$1\necho $$ >>$1\nwhile :; do wait; done\n")
	list := filepath.Join(filepath.Dir(c.Command[0]), "pids")
	c.Command = append(c.Command, list)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan Result, 1)
	go func() { ended <- r.Run(ctx, c) }()
	all := pids(t, list, 2)
	cancel()
	if got := <-ended; got.Outcome != TimedOut {
		t.Errorf("result is %v", got)
	}
	if running(all[1]) {
		t.Error("the script still runs")
	}
	eventually(t, "its child is gone", func() bool { return !running(all[0]) })
}
