package main

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

const (
	lull  = 10 * time.Second // how often memory is looked at
	calm  = 256 << 10        // bytes taken in a lull: nothing is going on but checks, which take 2 KiB each
	worth = 512 << 10        // bytes taken since memory was last given back: enough to do it again
)

// growth is by how many percent the heap may grow before garbage is collected: a
// takeover by five hundred routers is over by then, and giveBack collects after it.
const growth = 200

// collectLate lets the heap grow that far, unless GOGC says how far.
func collectLate() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(growth)
	}
}

// giveBack has memory given back to the system, until ctx ends, each time all is
// calm again after a start, a reload or many transitions. By itself the collector
// would wait until as much again is taken, which a daemon that only sends and
// hears adverts never does, and then come in the middle of the next takeover.
//
// taken returns how many bytes were ever allocated; free collects and gives back.
func giveBack(ctx context.Context, taken func() uint64, free func()) {
	tick := time.NewTicker(lull)
	defer tick.Stop()
	var before, freed uint64
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now := taken()
		if now-before < calm && now-freed > worth {
			free()
			freed = now
		}
		before = now
	}
}

// allocated returns how many bytes the process has ever taken from its heap.
func allocated() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}
