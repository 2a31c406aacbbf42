package main_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"regent/cmd/internal/lab"
)

// The first process of a container inherits the orphans of its scripts. It reaps
// them, passes signals on, and ends as the daemon under it does.
func TestTheFirstProcessOfAContainer(t *testing.T) {
	t.Parallel()
	s := setStage(t)
	h := s.host("router", "192.0.2.1/24")
	orphan, script := filepath.Join(s.Dir, "orphan"), filepath.Join(s.Dir, "leave")
	s.must(os.WriteFile(script, []byte("#!/bin/sh\nsleep 0.2 &\necho $! > "+orphan+".new\nmv "+orphan+".new "+orphan+"\n"), 0o755))
	p := s.start(regentd.Contained(), h, "global_defs {\n script_user root\n}\n"+instance("eth0", 100, "0.2", "notify_backup "+script))
	var first string // as the machine knows it
	s.until("it has started", func() bool {
		children, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", p.PID))
		first = strings.TrimSpace(string(children))
		return first != "" && h.Has(vip)
	})
	var left []byte
	s.until("the script has left an orphan", func() bool { left, _ = os.ReadFile(orphan); return len(left) > 0 })
	s.until("the orphan is reaped", func() bool {
		_, err := os.Stat(filepath.Join("/proc", first, "root/proc", strings.TrimSpace(string(left))))
		return os.IsNotExist(err)
	})
	var pid int
	fmt.Sscan(first, &pid)
	s.must(syscall.Kill(pid, syscall.SIGHUP))
	s.until("it reloads", func() bool { return p.Said("reloaded") })
	s.must(syscall.Kill(pid, syscall.SIGTERM))
	if code := s.ended(p); code != 0 {
		t.Errorf("exit code %d", code)
	}
	s.advertised("it has resigned", 51, func(a lab.Advert) bool { return a.Priority == 0 })
}
