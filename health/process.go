package health

import (
	"context"
	"slices"
	"strings"
	"time"
)

// A Match says how the parameters of a process are compared.
type Match uint8

const (
	MatchName    Match = iota // not at all
	MatchExact                // all, and no others
	MatchPartial              // the given ones come first
	MatchInitial              // as MatchPartial, and the last one may be longer
)

// A ProcessCheck counts processes (vrrp_track_process).
type ProcessCheck struct {
	Name        string
	Command     string   // the name of the process, 15 bytes of it unless FullCommand
	Params      []string // its arguments
	Match       Match
	FullCommand bool // Command is argv[0] (full_command)
	Weight      int
	Reverse     bool
	Quorum      int           // at least so many, 1 to 65535
	QuorumMax   int           // and at most so many; 0: none may run; Unlimited: any number
	Gained      time.Duration // how long the quorum must hold before it counts (fork_delay)
	Lost        time.Duration // how long it must be missed before that counts (terminate_delay)
}

// Check returns the processes as a check among others.
func (p ProcessCheck) Check() Check { return Check{Kind: Process, Name: p.Name, Process: p} }

// Unlimited is the QuorumMax of a check without one.
const Unlimited = -1

// same reports whether counts of p say something of q.
func (p *ProcessCheck) same(q *ProcessCheck) bool {
	return p.Command == q.Command && slices.Equal(p.Params, q.Params) && p.Match == q.Match && p.FullCommand == q.FullCommand
}

// A task is what tells one process from another.
type task struct {
	comm string   // the kernel's name for it, 15 bytes at most
	argv []string // its command line, which it can change
}

const commBytes = 15

// matches reports whether t is one of the processes that p counts.
func (p *ProcessCheck) matches(t task) bool {
	if p.FullCommand {
		if len(t.argv) == 0 || t.argv[0] != p.Command {
			return false
		}
	} else if t.comm != p.Command[:min(len(p.Command), commBytes)] {
		return false
	}
	if p.Match == MatchName {
		return true
	}
	given := t.argv[min(1, len(t.argv)):]
	n := len(p.Params)
	switch {
	case p.Match == MatchExact:
		return slices.Equal(given, p.Params)
	case n == 0:
		return true
	case len(given) < n:
		return false
	case p.Match == MatchPartial:
		return slices.Equal(given[:n], p.Params)
	}
	return slices.Equal(given[:n-1], p.Params[:n-1]) && strings.HasPrefix(given[n-1], p.Params[n-1])
}

// needsArguments reports whether the command line matters.
func (p *ProcessCheck) needsArguments() bool { return p.FullCommand || p.Match != MatchName }

// judge says what a number of processes means (keepalived-language 4.2.15).
func (p *ProcessCheck) judge(running int) Result {
	quorum := max(p.Quorum, 1)
	if p.QuorumMax == 0 {
		quorum = 0
	}
	switch {
	case running < quorum:
		return Result{Outcome: TooFew, Number: running, Limit: quorum}
	case p.QuorumMax != Unlimited && running > p.QuorumMax:
		return Result{Outcome: TooMany, Number: running, Limit: p.QuorumMax}
	}
	return Result{Outcome: Good, Number: running}
}

// settle reports what the counts mean until ctx ends. The first one counts at
// once. Later, a quorum that is gained or lost must stay so for its delay.
func (p *ProcessCheck) settle(ctx context.Context, counts <-chan int, report func(Result)) {
	var standing, latest Result
	var due <-chan time.Time // nil: nothing is pending
	for {
		select {
		case <-ctx.Done():
			return
		case n := <-counts:
			latest = p.judge(n)
			delay := p.Lost
			if latest.up() {
				delay = p.Gained
			}
			switch {
			case standing.Outcome != Unknown && latest.up() == standing.up():
				due = nil
				continue
			case standing.Outcome != Unknown && delay > 0:
				if due == nil {
					due = time.After(delay)
				}
				continue
			}
		case <-due:
		}
		due, standing = nil, latest
		report(standing)
	}
}
