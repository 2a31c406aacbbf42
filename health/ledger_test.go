//go:build linux

package health

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// soon bounds what takes milliseconds on an idle machine.
const soon = 60 * time.Second

// A ledger collects reports.
type ledger struct {
	mu      sync.Mutex
	reports []Report
	more    chan struct{} // closed and replaced at each report
}

func newLedger() *ledger { return &ledger{more: make(chan struct{})} }

func (l *ledger) add(r Report) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.reports = append(l.reports, r)
	close(l.more)
	l.more = make(chan struct{})
}

// of returns the results of one check so far.
func (l *ledger) of(name string) (rs []Result, more <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range l.reports {
		if r.Name == name {
			rs = append(rs, r.Result)
		}
	}
	return rs, l.more
}

// wait returns the first n results of a check.
func (l *ledger) wait(t *testing.T, name string, n int) []Result {
	t.Helper()
	bound := time.After(soon)
	for {
		rs, more := l.of(name)
		if len(rs) >= n {
			return rs[:n]
		}
		select {
		case <-more:
		case <-bound:
			t.Fatalf("%s has reported %d times within %v, want %d", name, len(rs), soon, n)
		}
	}
}

// watching runs checks for the length of a test, or until stop.
func watching(t *testing.T, checks ...Check) (l *ledger, stop func()) {
	t.Helper()
	l = newLedger()
	w, err := NewWatcher()
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	ctx, cancel := context.WithCancel(context.Background())
	for _, c := range checks {
		all.Go(func() {
			if err := w.Watch(ctx, c, l.add); err != nil {
				t.Error(err)
			}
		})
	}
	stop = sync.OnceFunc(func() {
		cancel()
		all.Wait()
		w.Close()
	})
	t.Cleanup(stop)
	return l, stop
}

// write makes an executable file in a directory that everybody can enter.
func write(t *testing.T, text string) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "regent-health-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	path := filepath.Join(dir, "check")
	if err := errors.Join(os.Chmod(dir, 0o755), os.WriteFile(path, []byte(text), 0o755)); err != nil {
		t.Fatal(err)
	}
	return path
}

// once is a check that has an hour until its second run.
func once(t *testing.T, text string) Check {
	t.Helper()
	return Check{Name: "chk", Command: []string{write(t, text)}, Interval: time.Hour}
}

// eventually waits until ok holds.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	bound := time.After(soon)
	for !ok() {
		select {
		case <-tick.C:
		case <-bound:
			t.Fatalf("not within %v: %s", soon, what)
		}
	}
}

// running reports whether a process exists and is no zombie.
func running(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, rest, _ := bytes.Cut(stat, []byte(") "))
	return err == nil && !bytes.HasPrefix(rest, []byte("Z"))
}

// pids waits until a file holds n numbers of processes.
func pids(t *testing.T, path string, n int) (all []int) {
	t.Helper()
	eventually(t, fmt.Sprintf("%d processes in %s", n, path), func() bool {
		text, _ := os.ReadFile(path)
		all = nil
		for line := range strings.Lines(string(text)) {
			if pid, err := strconv.Atoi(strings.TrimSpace(line)); err == nil && strings.HasSuffix(line, "\n") {
				all = append(all, pid)
			}
		}
		return len(all) == n
	})
	return all
}
