package notify

import (
	"context"
	"log/slog"
	"sync"
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
	running bool   // a goroutine serves it
	skipped int    // events left out since the last look
	press   func() // ends the script that runs, which has had its time; nil: it has not
}

// told is an event with the scripts that are to learn of it.
type told struct {
	event   Event
	scripts []script
	at      time.Time
}

func (q *queue) add(t told, backlog int) {
	q.waiting = append(q.waiting, t)
	if q.press != nil {
		q.press()
	}
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
		if t.event.State == Stop {
			n.part(log, t.scripts)
			continue
		}
		for i, s := range t.scripts {
			n.runPressed(log, q, s, i < len(t.scripts)-1)
		}
	}
}

// part runs the scripts of STOP, which have a second alone: beside each other, so
// that none loses its own to another. Nothing comes after them that could overtake
// them.
func (n *Notifier) part(log *slog.Logger, scripts []script) {
	var all sync.WaitGroup
	for _, s := range scripts {
		all.Go(func() { n.run(n.parting, n.parting, log, s) })
	}
	all.Wait()
}

// runPressed runs a script of a queue. When it has had its time it is ended as
// soon as another one waits, one of the same event (followed) or of the next.
func (n *Notifier) runPressed(log *slog.Logger, q *queue, s script, followed bool) {
	due, press := context.WithCancel(n.news)
	defer press()
	timer := time.AfterFunc(n.limits.timeout, func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		q.press = press
		if followed || len(q.waiting) > 0 {
			press()
		} else if due.Err() == nil {
			log.Info(s.keyword+" still runs, and is ended when something else is to be told", "script", s.check.Command[0], "after", n.limits.timeout)
		}
	})
	n.run(n.news, due, log, s)
	timer.Stop()
	n.mu.Lock()
	defer n.mu.Unlock()
	q.press = nil
}

// run runs a script until due ends, and says in the log what came of it.
func (n *Notifier) run(ctx, due context.Context, log *slog.Logger, s script) {
	log = log.With("script", s.check.Command[0])
	if ctx.Err() != nil {
		log.Warn(s.keyword + " is not run: the daemon ends")
		return
	}
	r := n.runner.RunUntil(ctx, due, s.check)
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
