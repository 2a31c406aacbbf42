package daemon

import (
	"time"

	"regent/fsm"
)

// A retry tries again what keeps a router from taking part although its links are
// as they should be: to hear its adverts, and to make its devices. What stood in
// the way, like another device of the same name, may go without any news of them.
type retry struct {
	timer timer
	wait  time.Duration // until the next attempt
}

// retryAfter takes the outcome of an attempt. After one that has failed comes the
// next, each time after twice as long.
func (d *Daemon) retryAfter(r *router, err error) {
	t := &r.retry
	switch {
	case err == nil && r.deaf == nil && r.unhoused() == nil:
		t.wait = 0
		d.timers.set(&t.timer, fsm.Never)
	case err != nil && t.timer.deadline == fsm.Never && !d.ended:
		t.wait = min(max(2*t.wait, auditAfter), auditMost)
		d.timers.set(&t.timer, d.now.Add(t.wait))
	}
}

// tryAgain is the next attempt.
func (d *Daemon) tryAgain(r *router) {
	if r.deaf != nil {
		d.hear(r)
	}
	for _, x := range r.annexes {
		if x.failed != nil {
			d.found(r, x, x.parent)
		}
	}
}
