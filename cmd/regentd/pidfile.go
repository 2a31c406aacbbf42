package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// errRunning says that another daemon holds the pid file.
var errRunning = errors.New("daemon is already running")

// A pidFile names this process while it is locked. The lock goes with the
// process, so that a file left behind by a kill never stands in the way.
type pidFile struct {
	file  *os.File
	blank error // why it names nobody, as on a full disk; nil: it names this process
}

// writePID writes and locks the pid file. Another regentd that holds it, or a
// living keepalived that it names, gives errRunning. Locked is enough: no router
// is to stand still because a disk is full.
func writePID(path string) (*pidFile, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open pid file: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("%s: %w", path, errRunning)
		}
		return nil, fmt.Errorf("lock pid file %s: %w", path, err)
	}
	if name := namedIn(f); name == "keepalived" { // it does not always lock
		f.Close()
		return nil, fmt.Errorf("%s names a running keepalived: %w", path, errRunning)
	}
	p := &pidFile{file: f}
	if err := errors.Join(f.Truncate(0), write(f, fmt.Sprintln(os.Getpid()))); err != nil {
		p.blank = fmt.Errorf("write pid file: %w", err)
	}
	return p, nil
}

func write(f *os.File, s string) error {
	_, err := f.WriteAt([]byte(s), 0)
	return err
}

// namedIn returns the name of the living process that a pid file names.
func namedIn(f *os.File) string {
	b := make([]byte, 32)
	n, _ := f.ReadAt(b, 0)
	pid, err := strconv.Atoi(strings.TrimSpace(string(b[:n])))
	if err != nil || pid == os.Getpid() {
		return ""
	}
	name, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "comm"))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(name))
}

// remove removes the file and lets the lock go.
func (p *pidFile) remove() {
	_ = os.Remove(p.file.Name())
	_ = p.file.Close()
}
