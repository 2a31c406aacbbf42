package logging

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"
)

// lines is a sink that can be held up.
type lines struct {
	gate chan struct{} // nil: open
	got  []string
}

func (l *lines) Write(_ time.Time, _ slog.Level, line string) {
	if l.gate != nil {
		<-l.gate
	}
	l.got = append(l.got, line)
}

func TestLinesReadLikeKeepalivedsOwn(t *testing.T) {
	sink := &lines{}
	log := New(slog.LevelInfo, sink)
	logger := slog.New(log)
	logger.Info("Entering MASTER STATE", "instance", "VI_1", "peer", "192.0.2.2", "reason", "it resigned")
	logger.Debug("not asked for")
	logger.With("instance", "VI_2").Error("refused", "error", errors.New("no"))
	log.Close()
	want := []string{
		`(VI_1) Entering MASTER STATE peer=192.0.2.2 reason="it resigned"`,
		`(VI_2) refused error=no`,
	}
	if strings.Join(sink.got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(sink.got, "\n"), strings.Join(want, "\n"))
	}
}

func TestASlowSinkCostsLinesAndNeverTime(t *testing.T) {
	sink := &lines{gate: make(chan struct{})}
	log := New(slog.LevelInfo, sink)
	logger := slog.New(log)
	const sent = backlog + 100
	for range sent { // would hang here if logging waited for the sink
		logger.Info("line")
	}
	lost := log.Dropped()
	if lost < 90 { // the sink holds one line, the queue a backlog
		t.Errorf("dropped %d of %d lines, want at least 90", lost, sent)
	}
	close(sink.gate)
	log.Close()
	if n := len(sink.got) - 1; uint64(n) != sent-lost {
		t.Errorf("%d lines written, %d sent and %d dropped", n, sent, lost)
	}
	if last := sink.got[len(sink.got)-1]; !strings.Contains(last, "log lines were dropped") {
		t.Errorf("the loss is not told: last line %q", last)
	}
}
