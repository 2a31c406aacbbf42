package main

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// Memory is given back once after each burst, when it is over, and never for a
// little.
func TestMemoryIsGivenBackInCalm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const mebibyte = 1 << 20
		sums := []uint64{
			20 * mebibyte, 30 * mebibyte, 30*mebibyte + 1, // a start, and then nothing
			30*mebibyte + 2, 30*mebibyte + calm,
			36 * mebibyte, 36 * mebibyte, 36 * mebibyte, // a takeover
		}
		var lulls, freed []int
		ctx, cancel := context.WithCancel(t.Context())
		go giveBack(ctx, func() uint64 {
			lulls = append(lulls, len(lulls))
			return sums[len(lulls)-1]
		}, func() { freed = append(freed, len(lulls)-1) })
		time.Sleep(time.Duration(len(sums))*lull + lull/2)
		cancel()
		synctest.Wait()
		if want := []int{2, 6}; !slices.Equal(freed, want) {
			t.Errorf("given back in lulls %v, want %v", freed, want)
		}
	})
}

// What is taken counts.
func TestAllocated(t *testing.T) {
	before := allocated()
	block = make([]byte, 1<<20)
	if got := allocated() - before; got < 1<<20 {
		t.Errorf("%d bytes after a mebibyte was taken", got)
	}
}

var block []byte // keeps it on the heap
