package fsm_test

import (
	"fmt"

	"regent/fsm"
)

// A conduct runs a group and holds it to its manners: what the actions of any
// step obey, whatever the events were. Conversations, simulation and fuzzing
// all go through it.
type conduct struct {
	group    *fsm.Group
	routers  []manners
	rejoined bool // a member came back alone, so that the members may differ
}

// manners is what the actions so far have made of one router.
type manners struct {
	state   fsm.State
	holds   bool     // the addresses
	wake    fsm.Time // told last
	running bool
	stopped bool
}

func newConduct(configs ...fsm.Config) *conduct {
	c := &conduct{group: fsm.NewGroup(configs...), routers: make([]manners, len(configs))}
	for i := range c.routers {
		c.routers[i].wake = fsm.Never
	}
	return c
}

// step is Group.Step, with the first breach of manners it finds.
func (c *conduct) step(now fsm.Time, router int, ev fsm.Event, out []fsm.Action) ([]fsm.Action, error) {
	n := len(out)
	early := false
	switch r := &c.routers[router]; ev.(type) {
	case fsm.Start:
		if !r.running {
			c.rejoined = (c.rejoined || r.stopped) && c.begun()
		}
		r.running = true
	case fsm.Stop:
		r.running, r.stopped = false, true
	case fsm.Expire:
		early = now < r.wake
	}
	out = c.group.Step(now, router, ev, out)
	did := out[n:]
	for i := range c.routers {
		if err := c.routers[i].judge(now, i, did, c.group.Status(i)); err != nil {
			return out, fmt.Errorf("router %d: %w", i, err)
		}
	}
	for _, a := range did {
		if a.Router < 0 || a.Router >= len(c.routers) {
			return out, fmt.Errorf("an action for router %d, which does not exist", a.Router)
		}
	}
	if _, ok := ev.(fsm.Expire); ok {
		if woken := len(did) > 0 && did[len(did)-1].Do == fsm.Wake; !woken && !answered(did, router) {
			return out, fmt.Errorf("router %d: an Expire without a Wake", router)
		}
		if early && len(did) != 1 {
			return out, fmt.Errorf("router %d: an early Expire did something", router)
		}
	}
	return out, c.unity()
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

// begun says whether some member already takes part.
func (c *conduct) begun() bool {
	for i := range c.routers {
		if c.routers[i].state != fsm.Initialize {
			return true
		}
	}
	return false
}

// unity checks that the members of a group are together in what they do.
func (c *conduct) unity() error {
	var masters, idle, all int
	for i := range c.routers {
		if !c.routers[i].running {
			continue
		}
		all++
		switch c.routers[i].state {
		case fsm.Master:
			masters++
		case fsm.Initialize:
			idle++
		}
	}
	if c.rejoined || masters%max(all, 1) == 0 && idle%max(all, 1) == 0 {
		return nil
	}
	return fmt.Errorf("of %d members %d are masters and %d do not take part", all, masters, idle)
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
	case fsm.HigherPriority, fsm.HigherAddress, fsm.Stalled:
		return a.From == fsm.Master && a.To == fsm.Backup
	case fsm.Shutdown:
		return a.From != fsm.Initialize && a.To == fsm.Initialize
	case fsm.Faulted:
		return a.To == fsm.Initialize
	}
	return false
}
