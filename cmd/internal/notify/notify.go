// Package notify tells scripts, pipes and people what happens to routers, in order.
//
// Each router and each group has a queue of its own: its scripts run one after
// the other, that of the state before notify, those of a transition before those
// of the next, while the scripts of others run beside them. A FIFO gets the lines
// of all in the order in which they were told, at once: it does not wait for
// scripts, and neither does mail. keepalived starts the scripts of a transition in
// the same order, but waits for none, so that they overlap and overtake each other.
//
// Because scripts wait for each other, none may take forever, and none is worth
// running when the news is old: see [Timeout] and [Backlog].
package notify

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"regent/cfgparse"
	"regent/health"
)

const (
	// Timeout is what a script may take while another one waits for it, like a
	// unit of systemd to start. Then its process group is ended. One that nobody
	// waits for may run on: it may be a database that recovers, or a service in
	// the foreground that the next transition is to end.
	Timeout = 90 * time.Second

	// Backlog is how many transitions of one router may wait for its scripts.
	// If more do, the oldest of them are left out: scripts that cannot keep up
	// with a router learn of its latest states, the last one always among them.
	Backlog = 128

	// Grace is what scripts get when the daemon ends: a second for what was
	// told before, and, after that, another for STOP.
	Grace = time.Second
)

// A Notifier tells of events. Nothing that belongs to an event happens on the
// goroutine that tells it.
type Notifier struct {
	log    *slog.Logger
	runner *health.Runner
	post   *post
	limits limits

	news, parting context.Context // end of the scripts of STOP, and of all others
	endNews, end  context.CancelFunc

	mu     sync.Mutex
	global *cfgparse.Global
	queues map[subject]*queue
	pipes  [2]*pipe // notify_fifo, vrrp_notify_fifo; nil: there is none
	closed bool

	queuing sync.WaitGroup // queues that run
	piping  sync.WaitGroup // pipes that are open
}

// A subject is what events happen to.
type subject struct {
	kind Kind
	name string
}

// limits are what tests change.
type limits struct {
	timeout time.Duration // of a script
	backlog int           // events that wait in one queue
	grace   time.Duration
	pauses  []time.Duration // before mail is sent again
	restart time.Duration   // pause before the reader of a FIFO is started anew, the first time
}

// New opens the FIFOs and starts their readers. A FIFO that cannot be used is
// told in the log, and is no reason not to route: the error is about what every
// script needs.
func New(global *cfgparse.Global, log *slog.Logger) (*Notifier, error) {
	return start(global, log, limits{timeout: Timeout, backlog: Backlog, grace: Grace, restart: time.Second, pauses: pauses})
}

func start(global *cfgparse.Global, log *slog.Logger, lim limits) (*Notifier, error) {
	runner, err := health.NewRunner()
	if err != nil {
		return nil, err
	}
	n := &Notifier{log: log, runner: runner, limits: lim, queues: map[subject]*queue{}}
	n.news, n.endNews = context.WithCancel(context.Background())
	n.parting, n.end = context.WithCancel(context.Background())
	n.post = newPost(n.parting, log, lim.pauses)
	n.Update(global)
	for _, p := range n.pipes {
		if p != nil {
			<-p.open
		}
	}
	return n, nil
}

// Update takes over new settings, for the events that come after it. A FIFO whose
// settings are the same stays open, and its reader loses nothing.
func (n *Notifier) Update(global *cfgparse.Global) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return
	}
	n.global = global
	wanted := pipeSettings(global)
	var before []<-chan struct{} // an old pipe may have the path of a new one
	for i, p := range n.pipes {
		if p != nil && !p.settings.same(&wanted[i]) {
			p.close()
			before = append(before, p.done)
			n.pipes[i] = nil
		}
	}
	for i := range wanted {
		if n.pipes[i] == nil && wanted[i].path != "" {
			p := newPipe(wanted[i], n.runner, n.log, n.limits)
			n.pipes[i] = p
			n.piping.Go(func() { p.run(before) })
		}
	}
}

// Tell tells of an event. It does not wait.
//
// A Deleted instance that does not ask for notify_deleted says FAULT instead, as
// in keepalived, and nothing if it has said that before.
func (n *Notifier) Tell(e Event) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return
	}
	s := subject{e.Kind, e.Name}
	q := n.queues[s]
	if q == nil {
		q = &queue{subject: s}
		n.queues[s] = q
	}
	deleted := e.State == Deleted
	if deleted && (e.Notify == nil || !e.Notify.TellDeleted) {
		e.State = Fault
	}
	if repeated := deleted && e.State == q.state; !repeated {
		n.tell(q, e)
	}
	q.gone = deleted
	if q.gone && !q.running {
		delete(n.queues, s)
	}
}

func (n *Notifier) tell(q *queue, e Event) {
	for _, p := range n.pipes {
		if p != nil {
			p.add(e.line())
		}
	}
	if e.Known {
		return
	}
	switch e.State {
	case MasterRxLowerPri, MasterPriority, BackupPriority:
	default:
		q.state = e.State
	}
	n.post.add(e, n.global)
	scripts := e.scripts(n.global)
	if len(scripts) == 0 {
		return
	}
	q.add(told{e, scripts, time.Now()}, n.limits.backlog)
	if !q.running {
		q.running = true
		n.queuing.Go(func() { n.serve(q) })
	}
}

// Close tells what has been told, STOP last, and ends what runs. Scripts get
// what Grace says, the readers of FIFOs as much to see the end of their input;
// the end of ctx cuts that short. After Close nothing is told, and nothing runs
// but what scripts have put into the background.
func (n *Notifier) Close(ctx context.Context) {
	n.mu.Lock()
	if n.closed {
		n.mu.Unlock()
		return
	}
	n.closed = true
	n.mu.Unlock()
	for _, p := range n.pipes {
		if p != nil {
			p.close()
		}
	}
	defer context.AfterFunc(ctx, n.endNews)()
	defer context.AfterFunc(ctx, n.end)()
	defer context.AfterFunc(ctx, n.cutPipes)()
	defer time.AfterFunc(n.limits.grace, n.endNews).Stop()
	defer time.AfterFunc(2*n.limits.grace, n.end).Stop()
	n.post.close()
	n.queuing.Wait()
	n.piping.Wait()
	n.endNews()
	n.end()
	n.runner.Close()
}

// cutPipes ends the readers of FIFOs at once.
func (n *Notifier) cutPipes() {
	for _, p := range n.pipes {
		if p != nil {
			p.cut()
		}
	}
}
