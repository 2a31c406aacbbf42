// Package lab builds small networks of virtual hosts inside the running
// process, for the tests, the demo and the benchmark: each host is an
// anonymous network namespace, each segment a bridge between their cables.
//
// Nothing outlives the process. A namespace is held by one thread and one file
// descriptor, never by a name in the file system, and every program that a host
// runs gets a death signal from that thread. So even SIGKILL leaves no
// namespace, no interface and no daemon behind, only a temporary directory.
//
// A lab needs the right to create network namespaces: root, or the root of a
// user namespace (unshare -Urn).
package lab

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// ErrPrivilege says that the process may not create network namespaces.
var ErrPrivilege = errors.New("creating network namespaces needs root, or a user namespace (unshare -Urn)")

// A Lab is a network of virtual hosts.
type Lab struct {
	Dir string // a temporary directory, removed by Close

	start  time.Time
	fabric *Host // holds the bridges; no traffic of its own
	stop   func() bool

	closing sync.Once

	mu       sync.Mutex
	hosts    []*Host
	procs    []*Proc
	captures []*Capture
	probes   []*Probe
	ports    int // counts cables, for names and MAC addresses
	closed   bool
}

// New opens an empty lab. It closes when ctx ends, if Close is not called
// before. The error is ErrPrivilege where namespaces cannot be made.
func New(ctx context.Context) (*Lab, error) {
	dir, err := os.MkdirTemp("", "regent-lab-")
	if err != nil {
		return nil, fmt.Errorf("make the lab's directory: %w", err)
	}
	l := &Lab{Dir: dir, start: time.Now()}
	if l.fabric, err = newHost(l, "switch"); err != nil {
		os.RemoveAll(dir)
		return nil, err
	}
	// The switch itself must be silent, or its neighbour discovery ends up in captures.
	if err := l.fabric.Sysctl("net/ipv6/conf/default/disable_ipv6", "1"); err != nil && !errors.Is(err, os.ErrNotExist) {
		l.Close()
		return nil, err
	}
	l.stop = context.AfterFunc(ctx, l.Close)
	return l, nil
}

// Close kills what still runs and takes the network away. It may be called
// more than once; every call returns when all of that is done.
func (l *Lab) Close() { l.closing.Do(l.close) }

func (l *Lab) close() {
	l.mu.Lock()
	l.closed = true
	procs, hosts, captures, probes := l.procs, l.hosts, l.captures, l.probes
	l.mu.Unlock()

	if l.stop != nil {
		l.stop()
	}
	for _, p := range procs {
		p.Kill()
		<-p.Done()
	}
	for _, p := range probes {
		p.Close()
	}
	for _, c := range captures {
		c.Close()
	}
	for _, h := range hosts {
		h.close()
	}
	l.fabric.close()
	os.RemoveAll(l.Dir)
}

// Host adds a host with the given ports, in order.
func (l *Lab) Host(name string, ports ...Port) (*Host, error) {
	h, err := newHost(l, name)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	l.hosts = append(l.hosts, h)
	l.mu.Unlock()
	if err := h.prepare(); err != nil {
		return nil, err
	}
	for _, p := range ports {
		if err := h.Attach(p); err != nil {
			return nil, err
		}
	}
	return h, nil
}

// File writes a file into the lab's directory and returns its path.
func (l *Lab) File(name, content string) (string, error) {
	path := filepath.Join(l.Dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", fmt.Errorf("write %s: %w", name, err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		return "", fmt.Errorf("write %s: %w", name, err)
	}
	return path, nil
}

// Report returns what every program of the lab has printed, in one timeline:
// the first thing to read when something did not happen.
func (l *Lab) Report() string {
	type entry struct {
		Line
		who string
	}
	var all []entry
	l.mu.Lock()
	for _, p := range l.procs {
		for _, line := range p.Lines() {
			all = append(all, entry{line, p.Name})
		}
	}
	l.mu.Unlock()
	slices.SortStableFunc(all, func(a, b entry) int { return cmp.Compare(a.At.UnixNano(), b.At.UnixNano()) })
	var b strings.Builder
	for _, e := range all {
		fmt.Fprintf(&b, "%9.3f %-16s %s\n", e.At.Sub(l.start).Seconds(), e.who, e.Text)
	}
	return b.String()
}
