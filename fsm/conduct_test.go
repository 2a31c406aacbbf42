package fsm_test

import (
	"fmt"

	"regent/fsm"
)

// A conduct runs routers in their groups and holds them to their manners: what
// the actions of any step obey, whatever the events were. Conversations,
// simulation and fuzzing all go through it.
type conduct struct {
	routers []manners
}

// manners is what the actions so far have made of one router.
type manners struct {
	seat    fsm.Seat
	team    *team
	state   fsm.State
	holds   bool     // the addresses
	wake    fsm.Time // told last
	running bool
	stopped bool
}

// newConduct returns routers in one group.
func newConduct(configs ...fsm.Config) *conduct {
	c := &conduct{routers: make([]manners, len(configs))}
	g, t := fsm.NewGroup(configs...), &team{}
	for i := range c.routers {
		c.routers[i].wake = fsm.Never
		c.seat(i, t, g)
	}
	return c
}

func (c *conduct) status(router int) fsm.Status {
	s := c.routers[router].seat
	return s.Group.Status(s.Router)
}

// step is Group.Step, with the first breach of manners it finds.
func (c *conduct) step(now fsm.Time, router int, ev fsm.Event, out []fsm.Action) ([]fsm.Action, error) {
	n := len(out)
	early := false
	r := &c.routers[router]
	switch ev.(type) {
	case fsm.Start:
		if !r.running && r.stopped && c.begun(r.team) {
			r.team.apart = true
		}
		r.running = true
	case fsm.Stop:
		r.running, r.stopped = false, true
	case fsm.Expire:
		early = now < r.wake
	}
	out = r.seat.Group.Step(now, r.seat.Router, ev, out)
	did := out[n:]
	if err := c.judge(now, r.team, did); err != nil {
		return out, err
	}
	if _, ok := ev.(fsm.Expire); ok {
		if woken := len(did) > 0 && did[len(did)-1].Do == fsm.Wake; !woken && !answered(did, router) {
			return out, fmt.Errorf("router %d: an Expire without a Wake", router)
		}
		if early && len(did) != 1 {
			return out, fmt.Errorf("router %d: an early Expire did something", router)
		}
	}
	return out, c.unity(r.team)
}

// judge follows the actions of one group, and names its routers as the conduct
// does.
func (c *conduct) judge(now fsm.Time, t *team, did []fsm.Action) error {
	for i := range did {
		if a := &did[i]; a.Router < 0 || a.Router >= len(t.members) {
			return fmt.Errorf("an action for router %d, which does not exist", a.Router)
		}
		did[i].Router = t.members[did[i].Router]
		if why := &did[i].Cause; why.Reason == fsm.GroupFollowed {
			why.Member = t.members[why.Member]
			if why.Member == did[i].Router || why.Because == fsm.Faulted && !c.status(why.Member).Fault {
				return fmt.Errorf("router %d follows router %d: %v", did[i].Router, why.Member, why)
			}
		}
	}
	for _, i := range t.members {
		if err := c.routers[i].judge(now, i, did, c.status(i)); err != nil {
			return fmt.Errorf("router %d: %w", i, err)
		}
	}
	return nil
}

// answered says whether a router was told a deadline.
func answered(did []fsm.Action, router int) bool {
	for _, a := range did {
		if a.Do == fsm.Wake && a.Router == router {
			return true
		}
	}
	return false
}

// judge follows the actions of one router.
func (r *manners) judge(now fsm.Time, router int, did []fsm.Action, s fsm.Status) error {
	was := r.state
	var adverts, resigned, wakes, entered, acquired int
	for _, a := range did {
		if a.Router != router {
			continue
		}
		if wakes > 0 {
			return fmt.Errorf("%v after the wake", a.Do)
		}
		switch a.Do {
		case fsm.Advertise:
			switch {
			case a.Priority == 0 && (was != fsm.Master || s.State != fsm.Initialize):
				return fmt.Errorf("resigned on the way from %v to %v", was, s.State)
			case a.Priority == 0 && !r.holds: // S-41
				return fmt.Errorf("resigned after the addresses were gone")
			case a.Priority != 0 && a.Priority != s.Priority:
				return fmt.Errorf("advertised priority %d, the effective one is %d", a.Priority, s.Priority)
			case a.Priority != 0 && was != fsm.Master && s.State != fsm.Master: // S-26
				return fmt.Errorf("advertised on the way from %v to %v", was, s.State)
			case a.Priority == 0:
				resigned++
			}
			adverts++
		case fsm.Acquire:
			if r.holds || adverts == 0 { // B-2
				return fmt.Errorf("acquired out of order")
			}
			r.holds = true
			acquired++
		case fsm.Release:
			if !r.holds {
				return fmt.Errorf("released what it did not hold")
			}
			r.holds = false
		case fsm.Announce:
			if !r.holds || a.Times < 1 {
				return fmt.Errorf("announced %d times, holding: %t", a.Times, r.holds)
			}
		case fsm.Enter:
			if a.From != r.state || a.Cause.Reason == fsm.NoReason || entered > 0 {
				return fmt.Errorf("entered %v from %v while in %v: %v", a.To, a.From, r.state, a.Cause)
			}
			if !lawful(a) {
				return fmt.Errorf("entered %v from %v because %v", a.To, a.From, a.Cause)
			}
			r.state = a.To
			entered++
		case fsm.Wake:
			if a.At <= now {
				return fmt.Errorf("a wake at %d, now is %d", a.At, now)
			}
			r.wake = a.At
			wakes++
		case fsm.Contest:
			if was != fsm.Master || s.State != fsm.Master {
				return fmt.Errorf("a contest on the way from %v to %v", was, s.State)
			}
		}
	}
	switch {
	case adverts > 1:
		return fmt.Errorf("%d adverts at once", adverts)
	case r.state != s.State:
		return fmt.Errorf("the actions say %v, the status %v", r.state, s.State)
	case r.holds != (r.state == fsm.Master):
		return fmt.Errorf("in %v, holding: %t", r.state, r.holds)
	case was == fsm.Master && r.state == fsm.Initialize && resigned != 1: // S-41
		return fmt.Errorf("resigned %d times", resigned)
	case was != fsm.Master && r.state == fsm.Master && acquired != 1:
		return fmt.Errorf("became master without the addresses")
	case r.state != fsm.Initialize && r.wake == fsm.Never:
		return fmt.Errorf("in %v with no deadline", r.state)
	}
	return nil
}

// lawful says whether a reason leads where the Enter goes.
func lawful(a fsm.Action) bool {
	why := a.Cause.Reason
	if why == fsm.GroupFollowed {
		why = a.Cause.Because
		if a.To == fsm.Master {
			return false // whoever becomes master has a reason of its own
		}
	}
	switch why {
	case fsm.Startup, fsm.Recovered:
		return a.From == fsm.Initialize && a.To == fsm.Backup
	case fsm.OwnerStartup:
		return a.From == fsm.Initialize && a.To == fsm.Master
	case fsm.MasterTimeout, fsm.MasterResigned, fsm.LesserMaster, fsm.HoldEnded:
		return a.From == fsm.Backup && a.To == fsm.Master
	case fsm.MasterFound:
		return a.Cause.Reason == fsm.GroupFollowed && a.From == fsm.Master && a.To == fsm.Backup
	case fsm.HigherPriority, fsm.HigherAddress, fsm.Stalled:
		return a.From == fsm.Master && a.To == fsm.Backup
	case fsm.Shutdown:
		return a.From != fsm.Initialize && a.To == fsm.Initialize
	case fsm.Faulted:
		return a.To == fsm.Initialize
	}
	return false
}
