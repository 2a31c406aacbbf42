package fsm_test

import (
	"fmt"
	"slices"

	"regent/fsm"
)

// A team is a group as a conduct knows it.
type team struct {
	members []int // by their place in the group
	held    bool
	apart   bool // a member came in alone, so that the members may differ
}

// seat gives a router the next place in a team, whose group this is.
func (c *conduct) seat(router int, t *team, g *fsm.Group) {
	c.routers[router].team, c.routers[router].seat = t, fsm.Seat{Group: g, Router: len(t.members)}
	t.members = append(t.members, router)
}

// regroup puts all routers into other groups, and settles those that are new.
// What a master may do then is next to nothing: see loyal.
func (c *conduct) regroup(now fsm.Time, sets [][]int, out []fsm.Action) ([]fsm.Action, error) {
	for _, set := range sets {
		if slices.Equal(c.routers[set[0]].team.members, set) {
			continue
		}
		seats := make([]fsm.Seat, len(set))
		for i, router := range set {
			seats[i] = c.routers[router].seat
		}
		g, t := fsm.Regroup(seats...), &team{held: true, apart: true}
		for _, router := range set {
			c.seat(router, t, g)
		}
	}
	for _, set := range sets {
		if !c.routers[set[0]].team.held {
			continue
		}
		before := slices.Clone(c.routers)
		var err error
		n := len(out)
		if out, err = c.settle(now, set[0], out); err != nil {
			return out, err
		}
		if err := c.loyal(set, before, out[n:]); err != nil {
			return out, err
		}
	}
	return out, nil
}

// loyal checks that those who have got other mates stay masters and do nothing
// about it, unless they cannot (O-9).
func (c *conduct) loyal(set []int, before []manners, did []fsm.Action) error {
	faulty := slices.ContainsFunc(set, func(i int) bool { return c.routers[i].running && c.status(i).Fault })
	for _, i := range set {
		if before[i].state != fsm.Master {
			continue
		}
		if c.routers[i].state == fsm.Master == faulty {
			return fmt.Errorf("router %d was MASTER and is %v; at fault: %t", i, c.routers[i].state, faulty)
		}
		if !faulty && slices.ContainsFunc(did, func(a fsm.Action) bool { return a.Router == i }) {
			return fmt.Errorf("router %d, a master, does something because it has other mates", i)
		}
	}
	return nil
}

// hold and settle are those of a router's group.
func (c *conduct) hold(router int) {
	r := &c.routers[router]
	r.team.held = true
	r.seat.Group.Hold()
}

func (c *conduct) settle(now fsm.Time, router int, out []fsm.Action) ([]fsm.Action, error) {
	r := &c.routers[router]
	r.team.held = false
	n := len(out)
	out = r.seat.Group.Settle(now, out)
	if err := c.judge(now, r.team, out[n:]); err != nil {
		return out, err
	}
	return out, c.unity(r.team)
}

// begun says whether some member already takes part.
func (c *conduct) begun(t *team) bool {
	return slices.ContainsFunc(t.members, func(i int) bool { return c.routers[i].state != fsm.Initialize })
}

// unity checks that the members of a group are together in what they do.
func (c *conduct) unity(t *team) error {
	var masters, idle, faulty, all int
	expected := false // some that will come in alone
	for _, i := range t.members {
		r := &c.routers[i]
		if !r.running {
			expected = expected || !r.stopped
			continue
		}
		all++
		switch r.state {
		case fsm.Master:
			masters++
		case fsm.Initialize:
			idle++
		}
		if c.status(i).Fault {
			faulty++
		}
	}
	switch {
	case t.held:
		return nil
	case faulty > 0 && idle < all:
		return fmt.Errorf("of %d members %d are at fault and %d take part", all, faulty, all-idle)
	case masters%max(all, 1) == 0 && idle%max(all, 1) == 0:
		t.apart = t.apart && expected
		return nil
	case t.apart:
		return nil
	}
	return fmt.Errorf("of %d members %d are masters and %d do not take part", all, masters, idle)
}
