package fsm

// A Group is one or more virtual routers that share one fate
// (vrrp_sync_group): they begin, become master, yield and fail together.
// A router without a sync group is a group of one; there is no second path.
//
// A Group is not safe for concurrent use.
type Group struct {
	members []machine
	held    bool // until Settle
}

// NewGroup returns a group of routers with these settings, none of them
// started. Each is known by its index.
func NewGroup(configs ...Config) *Group {
	g := &Group{members: make([]machine, len(configs))}
	for i, c := range configs {
		g.members[i] = newMachine(i, c)
	}
	return g
}

// Step lets one event happen to one router and appends to out what is to be
// done, for that router and for those that follow it, in the order to do it.
// An event that means nothing in the present state does nothing.
//
// Time must not run backwards from one call to the next. Adverts that arrived
// before a deadline belong before its Expire (T-11).
func (g *Group) Step(now Time, router int, ev Event, out []Action) []Action {
	m, was := &g.members[router], g.members[router].state
	out = m.step(now, ev, out)
	if m.contested {
		out = g.reclaim(now, router, out)
	}
	switch {
	case was == Master && m.state == Backup:
		out = g.yield(now, followed(router, m.cause), out)
	case m.submitted: // others may be masters all the same: see Regroup
		out = g.yield(now, followed(router, m.because(now, MasterFound)), out)
	}
	m.submitted = false
	if !g.held {
		out = g.conclude(now, out)
	}
	return g.wake(now, out)
}

// conclude takes the steps that the members can only take together.
func (g *Group) conclude(now Time, out []Action) []Action {
	out = g.fail(now, out)
	out = g.begin(now, out)
	return g.promote(now, out)
}

// wake tells every deadline that has changed.
func (g *Group) wake(now Time, out []Action) []Action {
	for i := range g.members {
		out = g.members[i].wake(now, out)
	}
	return out
}

// Stop ends all routers at once (S-20, S-30), as if all were told Stop: but no
// router takes part, or becomes master, because another one no longer keeps it
// from that.
func (g *Group) Stop(now Time, out []Action) []Action {
	for i := range g.members {
		out = g.members[i].step(now, Stop{}, out)
	}
	return g.wake(now, out)
}

// reclaim lets the other masters announce their addresses too: what confused
// the hosts of one network may have reached those of the others.
func (g *Group) reclaim(now Time, by int, out []Action) []Action {
	g.members[by].contested = false
	for i := range g.members {
		if m := &g.members[i]; i != by && m.state == Master {
			out = m.reclaim(now, out)
		}
	}
	return out
}

// yield makes the others follow a member that found a better master. They do
// not resign: their better masters are on their way too.
func (g *Group) yield(now Time, why Cause, out []Action) []Action {
	for i := range g.members {
		if m := &g.members[i]; m.state == Master {
			m.active = m.config.Interval // nobody's has been heard yet
			out = m.become(now, Backup, why, out)
		}
	}
	return out
}

// fail takes every member out as long as one of them is at fault.
func (g *Group) fail(now Time, out []Action) []Action {
	by, why := -1, Cause{}
	for i := range g.members {
		if m := &g.members[i]; m.life == running && m.verdict.Fault {
			by, why = i, Cause{Reason: Faulted, Priority: m.priority()}
			out = m.fail(now, why, out)
		}
	}
	if by < 0 {
		return out
	}
	for i := range g.members {
		if m := &g.members[i]; m.life == running {
			out = m.fail(now, followed(by, why), out)
		}
	}
	return out
}

// begin lets the group take part once nothing keeps any of its members from it
// (S-10, S-11). Owners are masters at once, if all are.
func (g *Group) begin(now Time, out []Action) []Action {
	idle, owners := false, true
	for i := range g.members {
		m := &g.members[i]
		if m.life == gone {
			continue
		}
		if m.state == Initialize && !m.ready() {
			return out
		}
		idle = idle || m.state == Initialize
		owners = owners && m.owner()
	}
	if !idle {
		return out
	}
	for i := range g.members {
		m := &g.members[i]
		if m.life == gone || m.state != Initialize {
			continue
		}
		why := Cause{Reason: Startup, Priority: m.priority()}
		if m.cause.own() == Faulted {
			why.Reason = Recovered
		}
		m.active = m.config.Interval // S-7
		if owners {
			why.Reason = OwnerStartup
			out = m.become(now, Master, why, out)
		} else {
			out = m.become(now, Backup, why, out)
		}
	}
	return out
}

// promote makes masters of all once all want it (S-21).
func (g *Group) promote(now Time, out []Action) []Action {
	wanted := false
	for i := range g.members {
		m := &g.members[i]
		if m.life == gone || m.state == Master {
			continue
		}
		if !m.wants {
			return out
		}
		wanted = true
	}
	if !wanted {
		return out
	}
	for i := range g.members {
		if m := &g.members[i]; m.wants {
			out = m.become(now, Master, m.because(now, m.expects), out)
		}
	}
	return out
}

// followed returns the cause for those that follow a member, which has a cause of
// its own.
func followed(member int, c Cause) Cause {
	c.Because, c.Reason, c.Member = c.Reason, GroupFollowed, member
	return c
}
