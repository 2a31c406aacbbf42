package daemon

import (
	"container/heap"

	"regent/fsm"
)

// timers orders routers, their audits and retries, and a few links by the time they want to
// wake. An entry may lie before the true deadline, never after it: adverts push a
// backup's deadline out far more often than it comes, so the heap is put right
// only when an entry surfaces, and the usual cost of an advert is one assignment.
type timers struct{ heap timerHeap }

// A timer is a place among the timers.
type timer struct {
	deadline fsm.Time      // when it wants to wake
	entry    fsm.Time      // where the heap has it; never later than deadline
	slot     int           // index in the heap
	ring     func(*Daemon) // what to do then
}

// add registers a timer that never fires until it is set.
func (t *timers) add(tm *timer) {
	tm.deadline, tm.entry = fsm.Never, fsm.Never
	heap.Push(&t.heap, tm)
}

// remove forgets a timer. To set it has no effect from then on: there may be news of
// a router that is no more.
func (t *timers) remove(tm *timer) {
	heap.Remove(&t.heap, tm.slot)
	tm.entry = -fsm.Never
}

// set moves a timer's deadline.
func (t *timers) set(tm *timer, at fsm.Time) {
	tm.deadline = at
	if at < tm.entry {
		tm.entry = at
		heap.Fix(&t.heap, tm.slot)
	}
}

// next returns when the first timer may fire: fsm.Never if none will.
func (t *timers) next() fsm.Time {
	t.settle()
	if len(t.heap) == 0 {
		return fsm.Never
	}
	return t.heap[0].entry
}

// due returns a timer whose deadline has come, or nil. It stays due until it
// is set again.
func (t *timers) due(now fsm.Time) *timer {
	if t.next() > now {
		return nil
	}
	return t.heap[0]
}

// settle puts entries right until the first one is true.
func (t *timers) settle() {
	for len(t.heap) > 0 && t.heap[0].entry < t.heap[0].deadline {
		t.heap[0].entry = t.heap[0].deadline
		heap.Fix(&t.heap, 0)
	}
}

type timerHeap []*timer

func (h timerHeap) Len() int           { return len(h) }
func (h timerHeap) Less(i, j int) bool { return h[i].entry < h[j].entry }
func (h timerHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].slot, h[j].slot = i, j
}

func (h *timerHeap) Push(x any) {
	tm := x.(*timer)
	tm.slot = len(*h)
	*h = append(*h, tm)
}

func (h *timerHeap) Pop() any {
	last := len(*h) - 1
	tm := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	return tm
}
