package main

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"regent/cfgparse"
	"regent/cmd/internal/daemon"
	"regent/cmd/internal/dump"
	"regent/cmd/internal/notify"
)

// Signals of keepalived that the C library counts from both ends of the
// real-time signals (SIGRTMIN is 34 there, SIGRTMAX 64).
const (
	sigJSON       = syscall.Signal(34 + 2)
	sigStatsClear = syscall.Signal(64 - 1)
)

// signum are the words of --signum: tools ask for the number instead of knowing it.
var signum = map[string]syscall.Signal{
	"STOP":        syscall.SIGTERM,
	"RELOAD":      syscall.SIGHUP,
	"DATA":        syscall.SIGUSR1,
	"STATS":       syscall.SIGUSR2,
	"STATS_CLEAR": sigStatsClear,
	"JSON":        sigJSON,
}

// catch catches the signals that a servant is for, from now on: a tool may ask a
// daemon that only begins, and is answered when it can be. SIGPIPE is only to be
// survived.
func catch() chan os.Signal {
	signals := make(chan os.Signal, 16) // more than a tool sends while one is served
	signal.Notify(signals, syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2, sigJSON, sigStatsClear, syscall.SIGPIPE)
	return signals
}

// A servant does what signals ask for, one after the other and beside the loop
// of the daemon.
type servant struct {
	options  *options
	place    place
	cfg      *cfgparse.Config // in force
	daemon   *daemon.Daemon
	host     *host
	schedule *schedule
	notifier *notify.Notifier
	log      *slog.Logger

	appointment appointment
}

// obey does what signals ask for until end is called, which waits for the last
// of it.
func (s *servant) obey(signals chan os.Signal) (end func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case sig, open := <-signals:
				if !open {
					return
				}
				s.serve(ctx, sig)
			case <-s.nextAppointment():
				if s.appointed(time.Now()) {
					s.reload()
				}
			}
		}
	}()
	return func() {
		cancel()
		signal.Stop(signals)
		close(signals)
		<-done
	}
}

func (s *servant) serve(ctx context.Context, sig os.Signal) {
	switch sig {
	case syscall.SIGHUP:
		s.reload()
	case syscall.SIGUSR1:
		s.dump(ctx, dump.State)
	case syscall.SIGUSR2:
		s.dump(ctx, dump.Stats)
	case sigJSON:
		s.dump(ctx, dump.JSON)
	case sigStatsClear:
		if s.dump(ctx, dump.Stats) {
			s.daemon.ClearCounters()
		}
	}
}

// dump writes one of keepalived's files and reports whether it could.
func (s *servant) dump(ctx context.Context, kind dump.Kind) bool {
	status, err := s.daemon.Status(ctx)
	if err != nil {
		return false // it stops
	}
	path, err := dump.Write(kind, s.cfg, status)
	if err != nil {
		s.log.Error("cannot dump", "error", err)
		return false
	}
	s.log.Info("dumped", "file", path)
	return true
}
