package main_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// A disk without room for the pid file, and for what is noted beside it, is told
// of, and keeps no router from its work; nor does a second daemon begin beside
// the first.
func TestAFullDisk(t *testing.T) {
	s := setStage(t)
	h := s.host("router", "192.0.2.1/24")
	disk := filepath.Join(s.Dir, "disk")
	s.must(os.Mkdir(disk, 0o755))
	s.must(unix.Mount("none", disk, "tmpfs", 0, "size=4k"))
	t.Cleanup(func() { s.must(unix.Unmount(disk, 0)) })
	if err := os.WriteFile(filepath.Join(disk, "full"), make([]byte, 8192), 0o600); !errors.Is(err, unix.ENOSPC) {
		t.Fatalf("the disk is not full: %v", err)
	}
	conf, pid := instance("eth0", 200, "0.1", "use_vmac", "no_accept"), filepath.Join(disk, "the.pid")
	p := s.start(regentd, h, conf, "-p", pid)
	s.until("the router has its address", func() bool { return h.Has(vip) })
	s.until("it tells of the pid file", func() bool { return p.Said("the pid file names nobody") })
	second := s.start(regentd, h, conf, "-p", pid)
	if s.ended(second); !strings.Contains(second.Log(), "already running") {
		t.Errorf("a second one says\n%s", second.Log())
	}
	s.must(p.Signal(unix.SIGTERM))
	if code := s.ended(p); code != 0 || h.Has(vip) {
		t.Errorf("exit code %d, the address is there: %v", code, h.Has(vip))
	}
}
