package daemon

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"regent/fsm"
	"regent/health"
)

// A Why is the reason for which a router is in its condition: one value for the
// log, for those who are told, and for the status. Of its parts one applies.
type Why struct {
	Cause     fsm.Cause       // MASTER, BACKUP: of the transition that led there
	Faults    []health.Reason // FAULT: the checks that keep it from taking part,
	Obstacles []error         // and what else does
	Waits     *health.Reason  // INIT: a check without a result
	Delayed   bool            // INIT: the startup delay is not over
	Follows   string          // the member of its sync group whose reason it is; empty: its own
}

// String says it in one clause, without a subject where that is the router.
func (w Why) String() string {
	text := w.own()
	if w.Follows != "" && text != "" {
		return "the sync group follows " + w.Follows + ": " + text
	}
	return text
}

func (w Why) own() string {
	var all []string
	for _, f := range w.Faults {
		all = append(all, f.String())
	}
	for _, o := range w.Obstacles {
		all = append(all, o.Error())
	}
	switch {
	case len(all) > 0:
		return strings.Join(all, "; ")
	case w.Waits != nil:
		return w.Waits.String()
	case w.Delayed:
		return "the startup delay is not over"
	case w.Cause.Reason != fsm.NoReason:
		return w.Cause.String()
	}
	return ""
}

// complaint returns what keeps a router from taking part: its own faults, or
// else those of the member that its group follows.
func (g *group) complaint(r *router) Why {
	if r.fault {
		return r.faults()
	}
	for _, m := range g.members {
		if m.fault {
			w := m.faults()
			w.Follows = m.Name
			return w
		}
	}
	return Why{}
}

// explain returns why the state machine has acted.
func (g *group) explain(c fsm.Cause) Why {
	if c.Reason != fsm.GroupFollowed {
		return Why{Cause: c}
	}
	c.Reason = c.Because
	return Why{Cause: c, Follows: g.members[c.Member].Name}
}

// faults returns what keeps a router itself from taking part.
func (r *router) faults() Why {
	w := Why{Faults: r.verdict.Faults()}
	if r.FaultWithoutPeers {
		w.Obstacles = append(w.Obstacles, errors.New("it has no unicast peers (unicast_fault_no_peer)"))
	}
	if r.deaf != nil {
		w.Obstacles = append(w.Obstacles, fmt.Errorf("it cannot hear adverts: %w", r.deaf))
	}
	if r.toolong != "" {
		w.Obstacles = append(w.Obstacles, errors.New(r.toolong))
	}
	if err := r.unhoused(); err != nil {
		w.Obstacles = append(w.Obstacles, fmt.Errorf("its addresses have no place: %w", err))
	}
	return w
}

// waits returns what a router waits for that nothing keeps from taking part.
// When it is only for the others of its group to begin, that is not worth a word.
func (r *router) waits() Why {
	if reason := waiting(r.verdict); reason != nil {
		return Why{Waits: reason}
	}
	for _, m := range r.group.members {
		if reason := waiting(m.verdict); reason != nil {
			return Why{Waits: reason, Follows: m.Name}
		}
	}
	return Why{Delayed: r.Router.StartDelay > 0}
}

// waiting returns the first check without a result that a router needs.
func waiting(v health.Verdict) *health.Reason {
	i := slices.IndexFunc(v.Reasons, func(r health.Reason) bool { return r.Wait })
	if i < 0 {
		return nil
	}
	return &v.Reasons[i]
}

// A LastEvent is what happened to a router last that changed its state: an
// identity of RFC 8347 (M-63).
type LastEvent string

// Identities that the state machine cannot tell from a mere end and beginning,
// because health is their judge.
const (
	InterfaceUp   LastEvent = "interface-up"
	InterfaceDown LastEvent = "interface-down"
	AddressFound  LastEvent = "primary-ip-address"
	NoAddress     LastEvent = "no-primary-ip-address"
)

// lastEvent names a transition; before is why the router was as it was, and
// after why it is as it is.
func lastEvent(c fsm.Cause, before, after Why) LastEvent {
	reason := c.Reason
	if reason == fsm.GroupFollowed {
		reason = c.Because
	}
	about := func(w Why, kind health.Kind) bool {
		return slices.ContainsFunc(w.Faults, func(r health.Reason) bool { return r.Track.Kind == kind })
	}
	switch {
	case reason == fsm.Faulted && about(after, health.Interface):
		return InterfaceDown
	case reason == fsm.Faulted && about(after, health.Source):
		return NoAddress
	case reason == fsm.Recovered && about(before, health.Interface):
		return InterfaceUp
	case reason == fsm.Recovered && about(before, health.Source):
		return AddressFound
	}
	return LastEvent(c.Event())
}
