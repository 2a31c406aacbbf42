package main_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// Two hundred scripts that hang, ignore SIGTERM, have children and talk without
// end cost their router nothing but their results: its adverts, one each 10 ms,
// come as regularly as those of a router on the same machine that has no scripts.
func TestHangingScriptsDelayNoAdvert(t *testing.T) {
	s := setStage(t) // not beside others: what is compared here is regularity
	h, other := s.host("busy", "192.0.2.1/24"), s.host("idle", "192.0.2.2/24")
	script := filepath.Join(s.Dir, "hang")
	s.must(os.WriteFile(script, []byte("#!/bin/sh\ntrap '' TERM HUP INT\nsleep 1000 &\nwhile :; do echo noise; sleep 1000; done\n"), 0o755))
	var conf, tracks strings.Builder
	conf.WriteString("global_defs {\n script_user root\n}\n")
	for i := range 200 {
		fmt.Fprintf(&conf, "vrrp_script hang%d {\n script %s\n interval 1\n timeout 1\n weight 1\n}\n", i, script)
		fmt.Fprintf(&tracks, "hang%d\n", i)
	}
	conf.WriteString(instance("eth0", 100, "0.01", "track_script {", tracks.String()+"}"))
	p := s.start(regentd, h, conf.String())
	s.start(regentd, other, strings.NewReplacer("virtual_router_id 51", "virtual_router_id 52", vip.String(), "192.0.2.101").
		Replace(instance("eth0", 100, "0.01")))
	s.until("both are masters", func() bool {
		_, busy := s.wire.Last(51)
		_, idle := s.wire.Last(52)
		return busy && idle
	})
	s.wire.Clear()
	const many = 600
	gaps := map[uint8][]time.Duration{}
	s.until("many adverts", func() bool {
		clear(gaps)
		last := map[uint8]time.Time{}
		for _, a := range s.wire.Adverts() {
			if before, ok := last[a.VRID]; ok {
				gaps[a.VRID] = append(gaps[a.VRID], a.At.Sub(before))
			}
			last[a.VRID] = a.At
		}
		return len(gaps[51]) >= many && len(gaps[52]) >= many
	})
	if children := strings.Count(processList(), script); children == 0 {
		t.Error("no script hangs")
	}
	at := func(vrid uint8, percent int) time.Duration {
		slices.Sort(gaps[vrid])
		return gaps[vrid][(len(gaps[vrid])-1)*percent/100]
	}
	for _, percent := range []int{50, 95} {
		busy, idle := at(51, percent), at(52, percent)
		t.Logf("%d%% of the adverts come within %v, without scripts within %v", percent, busy, idle)
		if busy > 2*idle+10*time.Millisecond {
			t.Errorf("%d%% of the adverts come within %v, without scripts within %v", percent, busy, idle)
		}
	}
	if p.Said("Entering BACKUP STATE was=MASTER") {
		t.Error("it has lost its place")
	}
}

// processList is the command lines of all processes.
func processList() string {
	var all strings.Builder
	paths, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, path := range paths {
		line, _ := os.ReadFile(path)
		all.Write(line)
		all.WriteByte('\n')
	}
	return all.String()
}
