package notify

import (
	"context"
	"log/slog"
	"time"

	"regent/health"
)

// late is how long the news may wait for scripts before that is worth a line.
const late = time.Second

// A queue is what one router or group has yet to tell its scripts. All of it is
// guarded by the notifier's lock.
type queue struct {
	subject subject
	state   State // the latest one told
	gone    bool  // the subject was deleted
	waiting []told
	running bool // a goroutine serves it
	skipped int  // events left out since the last look
}

// told is an event with the scripts that are to learn of it.
type told struct {
	event   Event
	scripts []script
	at      time.Time
}

func (q *queue) add(t told, backlog int) {
	q.waiting = append(q.waiting, t)
	if over := len(q.waiting) - backlog; over > 0 {
		q.waiting = q.waiting[over:]
		q.skipped += over
	}
}

// next takes the next event off a queue. If there is none, the queue is no longer
// served.
func (n *Notifier) next(q *queue) (t told, skipped int, ok bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(q.waiting) == 0 {
		q.running, q.waiting = false, nil
		if q.gone {
			delete(n.queues, q.subject)
		}
		return told{}, 0, false
	}
	t, q.waiting = q.waiting[0], q.waiting[1:]
	skipped, q.skipped = q.skipped, 0
	return t, skipped, true
}

// serve runs scripts until a queue is empty.
func (n *Notifier) serve(q *queue) {
	for {
		t, skipped, ok := n.next(q)
		if !ok {
			return
		}
		log := n.about(&t.event)
		if skipped > 0 {
			log.Warn("scripts are too slow, and are not told of all that happened", "transitions", skipped)
		}
		if wait := time.Since(t.at); wait > late {
			log.Info("scripts are late: those before took long", "state", string(t.event.State), "waited", wait.Round(time.Millisecond))
		}
		ctx := n.news
		if t.event.State == Stop {
			ctx = n.parting
		}
		for _, s := range t.scripts {
			n.run(ctx, log, s)
		}
	}
}

// run runs a script and says in the log what came of it.
func (n *Notifier) run(ctx context.Context, log *slog.Logger, s script) {
	s.check.Timeout = n.limits.timeout
	log = log.With("script", s.check.Command[0])
	if ctx.Err() != nil {
		log.Warn(s.keyword + " is not run: the daemon ends")
		return
	}
	r := n.runner.Run(ctx, s.check)
	took := r.Took.Round(time.Millisecond)
	switch {
	case r.Outcome == health.Good:
		log.Debug(s.keyword+": done", "took", took)
	case r.Outcome == health.TimedOut && ctx.Err() != nil:
		log.Warn(s.keyword+": cut short, the daemon ends", "took", took)
	case r.Outcome == health.Unrunnable:
		log.Error(s.keyword + ": " + r.String())
	default:
		log.Warn(s.keyword+": "+r.String(), "took", took)
	}
}

// about returns the log for what concerns the subject of an event.
func (n *Notifier) about(e *Event) *slog.Logger {
	if e.Kind == Group {
		return n.log.With("group", e.Name)
	}
	return n.log.With("instance", e.Name)
}
