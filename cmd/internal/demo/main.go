// Command demo shows a virtual address moving between two routers: in network
// namespaces of its own, with real configurations, and with a client that
// never stops asking. It ends by itself in less than a minute, and with exit
// code 0 only if every step went as it should.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"regent/cmd/internal/lab"
)

// limit ends a demo that hangs.
const limit = 55 * time.Second

func main() {
	program := flag.String("daemon", "bin/regentd", "the daemon to show; keepalived works, too")
	configs := flag.String("conf", "testdata/demo", "directory of left.conf and right.conf")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("the demo took longer than %v", limit))
	err := run(ctx, daemon(*program), *configs, os.Stdout, slack)
	interrupted := errors.Is(ctx.Err(), context.Canceled)
	cancel()
	stop()
	if interrupted {
		fmt.Fprintln(os.Stderr, "\ndemo: interrupted; everything is cleaned up")
		os.Exit(130)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func daemon(program string) lab.Daemon {
	if filepath.Base(program) == "keepalived" {
		return lab.Keepalived()
	}
	return lab.Regentd(program)
}

// run plays every act and sums them up, in a timeline that goes to a file. None
// may take more than slack beyond the protocol.
func run(ctx context.Context, d lab.Daemon, configs string, to *os.File, slack time.Duration) error {
	d, err := d.Resolve()
	if err != nil {
		return err
	}
	out := newTimeline(to)
	s, err := build(ctx, d, configs, out, slack)
	if err != nil {
		return err
	}
	defer s.Close()
	out.opening(s)
	for _, a := range acts {
		if err := s.play(ctx, a); err != nil {
			return fmt.Errorf("%s: %w", a.title, err)
		}
	}
	out.closing()
	return nil
}
