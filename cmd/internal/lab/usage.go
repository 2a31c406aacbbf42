package lab

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Usage is what a program and its descendants use.
type Usage struct {
	CPU    time.Duration // user and system time of all threads that live
	Memory int64         // bytes resident, pages that several share counted once (PSS)
}

// Usage measures the program and all its descendants.
func (p *Proc) Usage() (Usage, error) {
	var sum Usage
	for _, pid := range append(descendants(p.PID), p.PID) {
		cpu, _, err := schedule(pid)
		if err != nil {
			return Usage{}, fmt.Errorf("measure %s: %w", p.Name, err)
		}
		mem, err := proportional(pid)
		if err != nil {
			return Usage{}, fmt.Errorf("measure %s: %w", p.Name, err)
		}
		sum.CPU += cpu
		sum.Memory += mem
	}
	return sum, nil
}

// statFields returns the fields of /proc/PID/stat behind the name, so that the
// first is the state (field 3 of proc(5)).
func statFields(pid int) ([]string, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil, err
	}
	// The name may hold anything, blanks and brackets included.
	_, rest, _ := strings.Cut(string(b[strings.LastIndexByte(string(b), ')'):]), " ")
	fields := strings.Fields(rest)
	if len(fields) < 20 {
		return nil, fmt.Errorf("read /proc/%d/stat: only %d fields", pid, len(fields))
	}
	return fields, nil
}

// schedule sums up what the scheduler counts for each thread of a process: how
// long it ran, and how long it waited for a processor. The times of
// /proc/PID/stat come in steps of 10 ms; these are nanoseconds.
func schedule(pid int) (ran, waited time.Duration, err error) {
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	if err != nil {
		return 0, 0, err
	}
	if len(threads) == 0 {
		return 0, 0, fmt.Errorf("read /proc/%d/task: %w", pid, os.ErrNotExist)
	}
	for _, path := range threads {
		b, err := os.ReadFile(path)
		if err != nil {
			continue // the thread ended meanwhile
		}
		var run, wait time.Duration
		if _, err := fmt.Sscan(string(b), (*int64)(&run), (*int64)(&wait)); err != nil {
			return 0, 0, fmt.Errorf("read %s: %w", path, err)
		}
		ran, waited = ran+run, waited+wait
	}
	return ran, waited, nil
}

func proportional(pid int) (int64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "Pss:" {
			kib, err := strconv.ParseInt(f[1], 10, 64)
			return kib << 10, err
		}
	}
	return 0, fmt.Errorf("read /proc/%d/smaps_rollup: no Pss", pid)
}

// descendants returns the children of a process, theirs, and so on.
func descendants(root int) []int { return below(root, children()) }

func below(root int, children map[int][]int) []int {
	found := slices.Clone(children[root])
	for i := 0; i < len(found); i++ {
		found = append(found, children[found[i]]...)
	}
	return found
}

// children returns the children of every process of the machine.
func children() map[int][]int {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	all := make(map[int][]int)
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		f, err := statFields(pid)
		if err != nil {
			continue // it ended meanwhile
		}
		if parent, err := strconv.Atoi(f[1]); err == nil {
			all[parent] = append(all[parent], pid)
		}
	}
	return all
}
