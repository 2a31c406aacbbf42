package notify

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/user"
	"strings"
	"sync"
	"time"

	"regent/cfgparse"
	"regent/cmd/internal/mail"
)

// letters is how much mail may wait for its server. If there is more, the
// oldest is left out.
const letters = 256

// pauses are how long a letter waits, after each failure, before it is tried
// again. A failover often is the moment when the mail server cannot be reached.
var pauses = []time.Duration{5 * time.Second, 20 * time.Second, time.Minute, 3 * time.Minute}

// A post sends mail of transitions (smtp_alert), one letter after the other, in
// the order of the transitions.
type post struct {
	log    *slog.Logger
	ctx    context.Context // ends all sending
	pauses []time.Duration

	mu      sync.Mutex
	waiting []letter
	skipped int
	last    map[subject]State // that mail was last sent of
	running bool
	closing chan struct{} // closed when no second try is worth its while
	ended   sync.WaitGroup
}

type letter struct {
	server  mail.Server
	message mail.Message
}

func newPost(ctx context.Context, log *slog.Logger, pauses []time.Duration) *post {
	return &post{log: log, ctx: ctx, pauses: pauses, last: map[subject]State{}, closing: make(chan struct{})}
}

// wantsMail reports whether mail is to be sent of an event: the instance or
// group decides (smtp_alert), else smtp_alert_vrrp, else the global smtp_alert.
func wantsMail(e *Event, g *cfgparse.Global) bool {
	m := &g.Mail
	if m.Server == "" || len(m.To) == 0 || e.State == Fault && m.NoFault {
		return false
	}
	switch e.State {
	case Master, Backup, Fault, Stop, Deleted:
	default:
		return false
	}
	wanted := []*bool{m.VRRP, m.Alert}
	if e.Notify != nil {
		wanted = append([]*bool{e.Notify.Mail}, wanted...)
	}
	for _, w := range wanted {
		if w != nil {
			return *w
		}
	}
	return false
}

// add sends mail of an event, unless the last one said the same.
func (p *post) add(e Event, g *cfgparse.Global) {
	if !wantsMail(&e, g) {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	s := subject{e.Kind, e.Name}
	if p.last[s] == e.State {
		return
	}
	p.last[s] = e.State
	p.waiting = append(p.waiting, write(&e, g, time.Now()))
	if over := len(p.waiting) - letters; over > 0 {
		p.waiting = p.waiting[over:]
		p.skipped += over
	}
	if !p.running {
		p.running = true
		p.ended.Go(p.run)
	}
}

func (p *post) next() (l letter, skipped int, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.waiting) == 0 || p.ctx.Err() != nil {
		p.running = false
		return letter{}, 0, false
	}
	l, p.waiting = p.waiting[0], p.waiting[1:]
	skipped, p.skipped = p.skipped, 0
	return l, skipped, true
}

// run sends what waits.
func (p *post) run() {
	for {
		l, skipped, ok := p.next()
		if !ok {
			return
		}
		if skipped > 0 {
			p.log.Warn("the mail server is too slow, and not all transitions are told by mail", "transitions", skipped)
		}
		p.send(&l)
	}
}

// send sends one letter, and again if that fails.
func (p *post) send(l *letter) {
	for i := 0; ; i++ {
		err := l.server.Send(p.ctx, &l.message)
		switch {
		case err == nil:
			return
		case mail.Accepted(err):
			p.log.Warn("smtp_alert: sent, but not to everybody", "subject", l.message.Subject, "error", err)
			return
		}
		again := i < len(p.pauses) && !mail.Permanent(err)
		if again {
			p.log.Warn("smtp_alert: trying again", "subject", l.message.Subject, "after", p.pauses[i], "error", err)
			again = p.pause(p.pauses[i])
		}
		if !again {
			p.log.Error("smtp_alert: giving up", "subject", l.message.Subject, "error", err)
			return
		}
	}
}

// pause waits, and reports whether another try is worth its while.
func (p *post) pause(d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-p.closing:
	case <-p.ctx.Done():
	}
	return false
}

// close sends what waits, but tries nothing twice.
func (p *post) close() {
	close(p.closing)
	p.ended.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.waiting); n > 0 {
		p.log.Warn("smtp_alert: the daemon ends before all mail was sent", "letters", n)
	}
}

// write writes the letter of an event. Its subject is keepalived's: people have
// filters for it.
func write(e *Event, g *cfgparse.Global, now time.Time) letter {
	what := map[Kind]string{Instance: "VRRP Instance ", Group: "VRRP Group "}[e.Kind] + e.Name
	happened := "Entering " + string(e.State) + " state"
	switch e.State {
	case Stop:
		happened = "Stopping"
	case Deleted:
		happened = "Deleted"
	}
	router := g.RouterID
	host, _ := os.Hostname()
	if router == "" {
		router = host
	}
	var text strings.Builder
	fmt.Fprintf(&text, "%s on %s: %s\n\n", what, router, happened)
	fmt.Fprintf(&text, "When:     %s\n", now.Format(time.RFC3339))
	if e.Kind == Instance {
		fmt.Fprintf(&text, "Priority: %d\n", e.Priority)
	}
	if e.Reason != "" {
		fmt.Fprintf(&text, "Reason:   %s\n", e.Reason)
	}
	m := &g.Mail
	l := letter{
		mail.Server{Host: m.Server, Port: m.Port, Helo: m.Helo, Timeout: m.Timeout},
		mail.Message{From: m.From, To: m.To, Date: now, Subject: fmt.Sprintf("[%s] %s - %s", router, what, happened), Text: text.String()},
	}
	if l.server.Helo == "" {
		l.server.Helo = host
	}
	if l.message.From == "" {
		l.message.From = sender() + "@" + host
	}
	return l
}

// sender is the name of who runs the daemon.
func sender() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return "root"
}
