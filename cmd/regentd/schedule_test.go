package main_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"regent/cmd/internal/lab"
)

// Numbers of scheduling policies (sched(7)).
const (
	ordinarily = 0
	roundRobin = 2
)

// scheduled returns policy and real-time priority of a thread or process, by the
// line that the kernel has of it.
func scheduled(stat string) (policy, priority int) {
	_, after, _ := strings.Cut(stat, ") ")
	f := strings.Fields(after) // from field 3 on, proc_pid_stat(5)
	if len(f) < 39 {
		return -1, -1
	}
	priority, _ = strconv.Atoi(f[40-3])
	policy, _ = strconv.Atoi(f[41-3])
	return policy, priority
}

// allRun reports whether every thread of a program runs so, or every one but that
// which starts scripts, which are to run ordinarily.
func allRun(p *lab.Proc, policy, priority int) bool {
	others := 0
	stats, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", p.PID))
	for _, name := range stats {
		b, err := os.ReadFile(name)
		if err != nil {
			continue // it has ended
		}
		if is, at := scheduled(string(b)); is != policy || at != priority {
			others++
		}
	}
	return len(stats) > 2 && others <= 1
}

// is reports whether a line of /proc/PID/status has a value.
func is(p *lab.Proc, key, value string) bool {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.PID))
	for line := range strings.Lines(string(b)) {
		if name, v, _ := strings.Cut(line, ":"); name == key {
			return strings.TrimSpace(v) == value
		}
	}
	return false
}

// vrrp_rt_priority, vrrp_cpu_affinity and vrrp_no_swap are the daemon's and not
// its scripts', come with a reload and go with one.
func TestScheduling(t *testing.T) {
	t.Parallel()
	s := setStage(t)
	h := s.host("router", "192.0.2.1/24")
	report := filepath.Join(s.Dir, "script.stat")
	script := fmt.Sprintf("vrrp_script chk {\nscript \"sh -c 'cat /proc/self/stat > %s.new && mv %[1]s.new %[1]s'\"\ninterval 0.1\nuser root\n}\n", report)
	conf := func(lines string) string {
		return script + "global_defs {\n" + lines + "\n}\n" + instance("eth0", 100, "0.2", "track_script {\nchk\n}")
	}
	p := s.start(regentd, h, conf("vrrp_rt_priority 10\nvrrp_cpu_affinity 0\nvrrp_no_swap"))
	s.until("it serves", func() bool { return h.Has(vip) })
	if p.Said("keeps its priority") {
		s.Skip("no right to real-time priority")
	}
	s.until("its threads run in real time", func() bool { return allRun(p, roundRobin, 10) })
	if !is(p, "Cpus_allowed_list", "0") || is(p, "VmLck", "0 kB") {
		t.Error("it is not tied to a processor, or not locked in memory")
	}
	s.until("a script runs", func() bool {
		b, err := os.ReadFile(report)
		if err != nil {
			return false
		}
		if policy, _ := scheduled(string(b)); policy != ordinarily {
			s.Fatalf("a script runs in real time: %s", b)
		}
		return true
	})
	s.rewrite(h, conf(""))
	s.must(p.Signal(syscall.SIGHUP))
	s.until("a reload makes it ordinary", func() bool {
		return allRun(p, ordinarily, 0) && is(p, "VmLck", "0 kB") && !is(p, "Cpus_allowed_list", "0")
	})
}

// max_auto_priority: who was held up asks for more, but for no more than that.
func TestSchedulingByNeed(t *testing.T) {
	t.Parallel()
	s := setStage(t)
	h := s.host("router", "192.0.2.1/24")
	p := s.start(regentd, h, "global_defs {\nmax_auto_priority 2\nmin_auto_priority_delay 300000\n}\n"+instance("eth0", 100, "0.2"))
	s.until("it serves", func() bool { return h.Has(vip) })
	for round := range 3 {
		s.must(p.Signal(syscall.SIGSTOP))
		stopped := time.Now()
		s.until("it was held up", func() bool { return time.Since(stopped) > time.Second })
		s.must(p.Signal(syscall.SIGCONT))
		want := min(round+1, 2)
		s.until("it has noticed", func() bool { return p.Said("holds the daemon up", fmt.Sprint("to=", want)) })
		if p.Said("keeps its priority") {
			s.Skip("no right to real-time priority")
		}
		s.until("it has more", func() bool { // the machine may have held it up, too
			return allRun(p, roundRobin, want) || allRun(p, roundRobin, 2)
		})
	}
	if p.Said("holds the daemon up", "to=3") {
		t.Error("it has asked for too much")
	}
}
