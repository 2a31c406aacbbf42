package notify

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"regent/cfgparse"
)

// soon bounds what takes milliseconds on an idle machine.
const soon = 60 * time.Second

// A stage is a notifier with what its scripts and its log have said.
type stage struct {
	*Notifier
	t      *testing.T
	dir    string // everybody may enter it and write there
	global cfgparse.Global
	limits limits
	log    logbook
}

// newStage prepares a stage whose notifier does not run yet.
func newStage(t *testing.T) *stage {
	t.Helper()
	dir, err := os.MkdirTemp("", "regent-notify-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	return &stage{t: t, dir: dir, limits: limits{timeout: soon, backlog: Backlog, grace: Grace, restart: time.Millisecond}}
}

// start starts the notifier for the length of the test.
func (s *stage) start() {
	s.t.Helper()
	n, err := start(&s.global, slog.New(slog.NewTextHandler(&s.log, &slog.HandlerOptions{Level: slog.LevelDebug})), s.limits)
	if err != nil {
		s.t.Fatal(err)
	}
	s.Notifier = n
	s.t.Cleanup(func() {
		n.Close(context.Background())
		if s.t.Failed() {
			s.t.Logf("log:\n%s", s.log.String())
		}
	})
}

func (s *stage) path(name string) string { return filepath.Join(s.dir, name) }

// script makes a shell script, which starts in the stage's directory.
func (s *stage) script(name, text string) *cfgparse.Command {
	s.t.Helper()
	path := s.path(name)
	// Whoever is forked meanwhile would hold it open for writing, which keeps it
	// from being executed.
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	if err := os.WriteFile(path, []byte("#!/bin/sh\ncd "+s.dir+"\n"+text+"\n"), 0o755); err != nil {
		s.t.Fatal(err)
	}
	return &cfgparse.Command{Args: []string{path}, Line: path}
}

// with returns a command with arguments.
func with(c *cfgparse.Command, args ...string) *cfgparse.Command {
	more := *c
	more.Args = append([]string{c.Args[0]}, args...)
	return &more
}

// said returns the lines of a file in the stage's directory.
func (s *stage) said(name string) []string {
	text, _ := os.ReadFile(s.path(name))
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
}

// wait waits until a file has n lines and returns them.
func (s *stage) wait(name string, n int) (lines []string) {
	s.t.Helper()
	s.eventually(fmt.Sprintf("%d lines in %s", n, name), func() bool {
		lines = s.said(name)
		return len(lines) >= n && lines[0] != ""
	})
	return lines
}

// write writes a file that a script waits for.
func (s *stage) write(name string) {
	s.t.Helper()
	if err := os.WriteFile(s.path(name), nil, 0o666); err != nil {
		s.t.Fatal(err)
	}
}

func (s *stage) logged(words ...string) {
	s.t.Helper()
	s.eventually(fmt.Sprintf("a line with %q in the log", words), func() bool { return s.log.has(words...) })
}

func (s *stage) eventually(what string, ok func() bool) {
	s.t.Helper()
	tick := time.NewTicker(3 * time.Millisecond)
	defer tick.Stop()
	bound := time.After(soon)
	for !ok() {
		select {
		case <-tick.C:
		case <-bound:
			s.t.Fatalf("not within %v: %s", soon, what)
		}
	}
}

// A logbook keeps the lines of a log.
type logbook struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logbook) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logbook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// has reports whether one line contains all the words.
func (l *logbook) has(words ...string) bool {
	for line := range strings.Lines(l.String()) {
		all := true
		for _, word := range words {
			all = all && strings.Contains(line, word)
		}
		if all {
			return true
		}
	}
	return false
}

// A listener reads a FIFO from when it is made until the test ends.
type listener struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func listen(t *testing.T, path string) *listener {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	l := &listener{}
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 4096)
		for {
			n, err := f.Read(buf)
			l.mu.Lock()
			l.text.Write(buf[:n])
			l.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() {
		f.Close()
		<-done
	})
	return l
}

func (l *listener) lines() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Split(strings.TrimSuffix(l.text.String(), "\n"), "\n")
}

// alive reports whether a process exists and is no zombie.
func alive(pid string) bool {
	stat, err := os.ReadFile("/proc/" + pid + "/stat")
	_, rest, _ := bytes.Cut(stat, []byte(") "))
	return err == nil && !bytes.HasPrefix(rest, []byte("Z"))
}

func needsRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can switch to another user")
	}
	if deny, _ := os.ReadFile("/proc/self/setgroups"); bytes.HasPrefix(deny, []byte("deny")) {
		t.Skip("in this user namespace there is no other user")
	}
}
