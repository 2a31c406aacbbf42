package main_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
)

// within looks until a condition holds, or a generous time is over: then it is for
// the story to show what was said instead.
func (s *stage) within(cond func() bool) {
	ctx, cancel := context.WithTimeout(s.Context(), generous)
	defer cancel()
	s.Until(ctx, "both say so", cond)
}

// A stand is what a daemon says of one router in its dump.
type stand struct {
	name, state, priority, total string
	waits                        string // checks that have no result yet
}

// What a dump says of one router. The rest may still be being written.
var standing = regexp.MustCompile(`(?s)\n VRRP Instance = (\S+)\n.*?\n   State = (\w+)\n.*?` +
	`track scripts init = (\d+)\n.*?\n   Effective priority = (\d+)\n   Total priority = (-?\d+)\n`)

// report asks a daemon for its dump, and returns what that says of each router.
func (h *half) report() (all []stand) {
	h.Helper()
	path := filepath.Join(h.dir, "keepalived.data")
	os.Remove(path) // what it says is to be news
	h.must(h.run.Signal(syscall.SIGUSR1))
	h.until(h.daemon.Name+" has dumped its state", func() bool {
		b, _ := os.ReadFile(path)
		all = all[:0] // keepalived's file grows under our eyes
		for _, m := range standing.FindAllStringSubmatch(string(b), -1) {
			all = append(all, stand{name: m[1], state: m[2], waits: m[3], priority: m[4], total: m[5]})
		}
		return len(all) == h.routers
	})
	return all
}

// String is such as "MASTER 104", with the sum that was cut to it.
func (s stand) String() string {
	said := s.state + " " + s.priority
	if s.total != s.priority {
		said += " of " + s.total
	}
	if s.waits != "0" {
		said += ", without results"
	}
	return said
}

// sideBySide writes what regent says of each router, and what keepalived says, if
// that is something else.
func sideBySide(reports [][]stand) string {
	var b strings.Builder
	for i, ours := range reports[0] {
		fmt.Fprintf(&b, "%s: %v", ours.name, ours)
		for _, theirs := range reports[1:] {
			if theirs[i].String() != ours.String() {
				fmt.Fprintf(&b, " (keepalived: %v)", theirs[i])
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// A teller keeps what a daemon writes to its FIFO.
type teller struct {
	path string

	mu   sync.Mutex
	said []string
}

// teller makes a FIFO before anybody else does, so that nobody removes it.
func (s *stage) teller(path string) *teller {
	s.Helper()
	s.must(syscall.Mkfifo(path, 0o600))
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	s.must(err)
	s.Cleanup(func() { f.Close() })
	t := &teller{path: path}
	go func() {
		for lines := bufio.NewScanner(f); lines.Scan(); {
			t.mu.Lock()
			t.said = append(t.said, lines.Text())
			t.mu.Unlock()
		}
	}()
	return t
}

// lines returns what was said of a router or group, or of all.
func (t *teller) lines(of string) []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(t.said), func(l string) bool { return !about(l, of) })
}

// forget drops what lines returns.
func (t *teller) forget(of string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.said = slices.DeleteFunc(t.said, func(l string) bool { return about(l, of) })
}

func about(line, name string) bool { return name == "" || strings.Contains(line, `"`+name+`"`) }
