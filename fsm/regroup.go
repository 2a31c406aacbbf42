package fsm

// What a reload may do to groups: it tells much at once, and it may say that
// other routers than before share a fate. Neither is a reason for a master to
// give anything up (O-9).

// A Seat is a router's place in a group.
type Seat struct {
	Group  *Group
	Router int // index in it
}

// Regroup returns a group of the routers in these seats, in this order, which
// leave the groups that they are in: of those only Status may be asked from now
// on. Each router keeps all that it is, its state and its timers too. The group
// is held (see Hold) until Settle.
//
// So it may begin with members in different states, which become one state by
// themselves: if one is at fault, at once. Otherwise masters stay masters, for
// they need not leave what nobody else claims; the others listen, as who starts
// has to (S-11). If one of them finds a master, all yield to it; else they
// become masters when their down timers run out.
func Regroup(seats ...Seat) *Group {
	g := &Group{members: make([]machine, len(seats)), held: true}
	for i, s := range seats {
		m := s.Group.members[s.Router]
		m.router = i
		m.cause.Reason = m.cause.own() // whom it followed has no index here
		g.members[i] = m
	}
	return g
}

// Hold lets the group conclude nothing from what happens to its members until
// Settle: none fails, begins or becomes master. So what is told one after the
// other counts as one.
func (g *Group) Hold() { g.held = true }

// Settle ends a Hold: see Step.
func (g *Group) Settle(now Time, out []Action) []Action {
	g.held = false
	return g.wake(now, g.conclude(now, out))
}
