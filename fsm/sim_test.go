package fsm_test

import (
	"flag"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

var simSeed = flag.Uint64("sim.seed", 0, "play one seed of the simulation and print its timeline")

// TestSimulation plays the stories of many seeds: 10,000, or as many as
// REGENT_SEEDS says. One that breaks a law (sim_laws_test.go) is played again
// with its timeline.
func TestSimulation(t *testing.T) {
	if *simSeed != 0 {
		var log strings.Builder
		err := play(*simSeed, &log)
		t.Logf("seed %d:\n%s", *simSeed, &log)
		if err != nil {
			t.Fatal(err)
		}
		return
	}
	seeds := uint64(10_000)
	if s := os.Getenv("REGENT_SEEDS"); s != "" {
		n, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			t.Fatalf("REGENT_SEEDS: %v", err)
		}
		seeds = n
	}
	var next atomic.Uint64
	var broken atomic.Uint64
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for seed := next.Add(1); seed <= seeds && broken.Load() == 0; seed = next.Add(1) {
				if play(seed, nil) != nil {
					broken.CompareAndSwap(0, seed)
				}
			}
		})
	}
	wg.Wait()
	if seed := broken.Load(); seed != 0 {
		var log strings.Builder
		err := play(seed, &log)
		t.Fatalf("%s\nseed %d: %v\nagain: go test ./fsm -run TestSimulation -v -sim.seed=%d", tail(log.String(), 150), seed, err, seed)
	}
	t.Logf("%d seeds", seeds)
}

// tail returns the head of a timeline, which is who there is, and its last lines.
func tail(log string, lines int) string {
	all := strings.SplitAfter(log, "\n")
	if len(all) <= lines+10 {
		return log
	}
	return strings.Join(all[:10], "") + "...\n" + strings.Join(all[len(all)-lines:], "")
}
