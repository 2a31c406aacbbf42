package main_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"regent/cmd/internal/lab"
)

// rewrite gives a host's first daemon another configuration.
func (s *stage) rewrite(h *lab.Host, conf string) {
	s.Helper()
	s.must(os.WriteFile(filepath.Join(s.Dir, h.Name, "regentd-1.conf"), []byte(conf), 0o644))
}

// reload_check_config: what any message is said of neither starts nor replaces
// what runs, and a file says why.
func TestReloadCheckConfig(t *testing.T) {
	t.Parallel()
	s := setStage(t)
	h := s.host("router", "192.0.2.1/24")
	log := filepath.Join(s.Dir, "check.log")
	strict := "global_defs {\nreload_check_config " + log + "\n}\n"
	p := s.start(regentd, h, strict+instance("eth0", 100, "0.2"))
	s.until("it serves", func() bool { return h.Has(vip) })
	s.rewrite(h, strict+instance("eth0", 90, "0.2", "nonsense 5"))
	s.must(p.Signal(syscall.SIGHUP))
	s.until("it refuses the new one", func() bool { return p.Said("the old configuration stays in force", "reload_check_config") })
	s.until("a file says why", func() bool { b, _ := os.ReadFile(log); return strings.Contains(string(b), "nonsense") })
	s.rewrite(h, strict+instance("eth0", 80, "0.2"))
	s.must(p.Signal(syscall.SIGHUP))
	s.advertised("one without faults replaces it", 51, func(a lab.Advert) bool { return a.Priority == 80 })

	q := s.start(regentd, s.host("other", "192.0.2.2/24"), strict+instance("eth0", 90, "0.2", "nonsense 5"))
	if code := s.ended(q); code != 2 {
		t.Errorf("exit code %d at the start", code)
	}
}

// reload_time_file: a time in a file reloads once, and takes the file with it;
// a day that is over does nothing.
func TestReloadTimeFile(t *testing.T) {
	t.Parallel()
	s := setStage(t)
	h := s.host("router", "192.0.2.1/24")
	file := filepath.Join(s.Dir, "reload.time")
	mark := filepath.Join(s.Dir, "reload.mark")
	conf := "global_defs {\nreload_time_file " + file + "\nreload_file " + mark + "\n}\n"
	s.must(os.WriteFile(file, []byte("2001-02-03 04:05:06\n"), 0o644))
	p := s.start(regentd, h, conf+instance("eth0", 100, "0.2"))
	s.until("it serves", func() bool { return h.Has(vip) })
	s.rewrite(h, conf+instance("eth0", 90, "0.2"))
	s.must(os.WriteFile(file, []byte("soon"), 0o644))
	s.until("a bad time is named", func() bool { return p.Said("no reload at a time", `bad time \"soon\"`) })
	if a, ok := s.wire.Last(51); !ok || a.Priority != 100 {
		t.Fatal("it has reloaded already")
	}
	s.must(os.WriteFile(mark, []byte("look"), 0o644))
	s.must(os.WriteFile(file, []byte(time.Now().Add(6*time.Second).UTC().Format("15:04:05Z")), 0o644))
	s.until("it reloads", func() bool { return p.Said("reloaded") })
	s.advertised("the new configuration is in force", 51, func(a lab.Advert) bool { return a.Priority == 90 })
	for _, gone := range []string{file, mark} {
		s.until(gone+" is gone", func() bool { _, err := os.Stat(gone); return os.IsNotExist(err) })
	}
}
