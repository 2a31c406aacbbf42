package daemon

import (
	"maps"
	"net/netip"
	"slices"
	"testing/synctest"

	"regent/netif"
	"regent/vrrp"
)

// refusals checks that packets are refused for the addresses of who only
// forwards, wherever they are (B-23), and that for addresses with a virtual MAC
// its device alone answers (B-10, B-12).
func (c *chaos) refusals(a *actor) {
	routers := a.observe()
	want, seats := map[netif.Refusal]bool{}, map[netif.Seat]bool{}
	for i := range a.plan.virtuals {
		v := &a.plan.virtuals[i]
		s := &v.shares[a.k]
		if device := routers[s.name].device.Index; !s.absent && s.vmac != "" && device != 0 {
			for _, x := range v.addresses {
				if addr := netip.MustParsePrefix(x).Addr(); addr.Is4() {
					seats[netif.Seat{Addr: addr, Link: device}] = true
					if s.priority == 255 { // B-8
						seats[netif.Seat{Addr: addr, Link: a.link(linkOf(v.slot)).Index, Mute: true}] = true
					}
				} else if s.priority == 255 {
					want[netif.Refusal{Addr: addr, Link: a.link(linkOf(v.slot)).Index, Questions: true}] = true
				}
			}
		}
		if annex := routers[s.name].annex.Index; !s.absent && annex != 0 {
			addr := netip.MustParsePrefix(v.excluded()).Addr()
			seats[netif.Seat{Addr: addr, Link: annex}] = true
			if s.priority == 255 { // B-8
				seats[netif.Seat{Addr: addr, Link: a.link(linkOf(1 - v.slot)).Index, Mute: true}] = true
			}
		}
		if s.absent || !s.noAccept || s.priority == 255 {
			continue
		}
		all := slices.Clone(v.addresses)
		if s.excluded != "" {
			all = append(all, v.excluded())
		}
		for _, x := range all {
			addr := netip.MustParsePrefix(x).Addr()
			refusal := netif.Refusal{Addr: addr}
			if addr.IsLinkLocalUnicast() && addr.Is6() {
				refusal.Link = a.link(linkOf(v.slot)).Index
				if d := routers[s.name].device; s.vmac != "" && d.Index != 0 {
					refusal.Link = d.Index
				}
				if refusal.Link == 0 {
					continue
				}
			}
			want[refusal] = true
		}
	}
	taken := map[netif.Seat]bool{}
	for _, s := range a.Seats() {
		taken[s] = true
	}
	if !maps.Equal(taken, seats) {
		c.fail("%s answers at %v, want %v", a.name, taken, seats)
	}
	got := a.Refused()
	if len(got) == 0 && len(want) == 0 {
		return
	}
	if !maps.Equal(got, want) {
		c.fail("%s refuses %v, want %v", a.name, got, want)
	}
}

// noLeaks checks that nothing is kept of what is gone, and nothing waits.
func (c *chaos) noLeaks(a *actor) {
	a.ask(func(d *Daemon) {
		s := d.steward
		s.mu.Lock()
		defer s.mu.Unlock()
		alive := map[*router]bool{nil: true}
		for _, r := range d.routers {
			alive[r] = true
		}
		check := func(ok bool, what string, x any) {
			if !ok {
				c.fail("%s keeps %s: %v", a.name, what, x)
			}
		}
		check(len(s.queue) == 0 && len(s.open) == 0 && len(s.orders) == 0, "orders", len(s.queue)+len(s.open)+len(s.orders))
		for r := range s.gone {
			check(alive[r], "a retired router", r)
		}
		for p := range s.refused {
			check(alive[p.router], "a refused address of a retired router", p)
		}
		for _, r := range s.announcer.routers {
			check(alive[r], "an announcer that is retired", r)
		}
		names := map[string]bool{"lan": true, "wan": true, "eth0": true, "eth1": true}
		for name := range d.lans {
			check(names[name], "strangers of", name)
		}
		for index := range d.strange {
			check(d.names[index] != "", "strangers of a link that is gone", index)
		}
		for index := range d.promoted {
			check(d.names[index] != "", "a setting of a link that is gone", index)
		}
		check(len(d.links) == len(d.names), "names of links", d.names)
		meetings := 0
		for _, rs := range d.table {
			meetings += len(rs)
			for _, r := range rs {
				check(alive[r], "an entry of a retired router", r.Name)
			}
		}
		check(meetings <= len(d.routers), "meetings", meetings)
		check(len(d.timers.heap) <= 3*len(d.routers)+len(d.debounces)+2, "timers", len(d.timers.heap))
		check(len(d.lookouts.running) <= 1, "checks", len(d.lookouts.running))
	})
	for slot, name := range a.names {
		joined := 0
		for i := range a.plan.virtuals {
			if v := &a.plan.virtuals[i]; v.slot == slot && !v.unicast && !v.shares[a.k].absent && name == linkOf(slot) {
				joined++
			}
		}
		if got := a.Memberships(name); name != "" && got != joined {
			c.fail("%s listens to %d groups on %s, want %d", a.name, got, name, joined)
		}
	}
}

// census checks that no counter runs backwards, and what the grips have seen.
func (c *chaos) census() {
	for _, a := range c.actors {
		if a.grip != nil {
			a.grip.mu.Lock()
			for _, w := range a.grip.wrong {
				c.fail("%s: %s", a.name, w)
			}
			a.grip.mu.Unlock()
		}
		if a.plan == nil {
			continue
		}
		a.ask(func(d *Daemon) {
			for _, r := range d.routers {
				now := r.counters()
				before := a.counted[r.serial]
				was := maps.Collect(before.All)
				for name, n := range now.All {
					if n < was[name] {
						c.fail("%s: %s of %s was %d and is %d", a.name, name, r.Name, was[name], n)
					}
				}
				a.counted[r.serial] = now
			}
		})
	}
}

// nothingLeft checks that a daemon that has ended has left nothing behind.
func (c *chaos) nothingLeft(a *actor) {
	links, _ := a.Links()
	for _, l := range links {
		if !slices.Contains(a.names[:], l.Name) {
			c.fail("%s has left the device %s behind", a.name, l.Name)
		}
		for _, x := range l.Addresses {
			if x.Ours {
				c.fail("%s has left %v on %s behind", a.name, x.Prefix, l.Name)
			}
		}
	}
	c.paths(a, nil, nil, nil)
	a.Die() // what else there is goes with its process
}

// watchMasters returns a function that checks that the masters of a node that it
// still has are masters, and have not resigned or given up an address that is
// still theirs (O-9), unless they cannot be: one of those whose fate they share
// now is at fault.
func (c *chaos) watchMasters(a *actor) func() {
	a.observe() // its loop may be held up, and there may be news by then
	synctest.Wait()
	before, plan := a.observe(), a.plan
	changes := len(a.Changes())
	seen := [2]int{len(c.segments[0].Adverts()), len(c.segments[1].Adverts())}
	return func() {
		after := a.observe()
		for i := range plan.virtuals {
			v := &plan.virtuals[i]
			w := a.heir(v)
			if w == nil || v.shares[a.k].absent || before[v.shares[a.k].name].condition != Master {
				continue
			}
			name := w.shares[a.k].name
			if slices.ContainsFunc(a.plan.mates(w, a.k), func(m *virtual) bool { return after[m.shares[a.k].name].fault }) {
				continue
			}
			switch is := after[name]; {
			case is.condition == Backup && is.cause.Peer.IsValid() && is.cause.PeerPriority >= is.cause.Priority:
				continue // what it has said at the reload was answered by a better one
			case is.condition != Master:
				c.fail("%s: %s, a master, is %v after a reload", a.name, name, is.condition)
			}
			for _, change := range a.Changes()[changes:] {
				address := change.Address.Prefix.String()
				if change.Remove && slices.Contains(v.addresses, address) && slices.Contains(w.addresses, address) {
					c.fail("%s: %s has given up %v at a reload", a.name, name, address)
				}
			}
			for _, sent := range c.segments[v.slot].Adverts()[seen[v.slot]:] {
				h, _ := vrrp.ParseHeader(sent.Payload)
				if sent.From == a.Host && int(h.VRID) == v.id && h.Priority == vrrp.Resign {
					c.fail("%s: %s has resigned at a reload", a.name, name)
				}
			}
		}
	}
}

// heir returns what has become of a virtual router of a node, which follows
// another plan now; nil: it has it no more, or only now with a virtual MAC or only
// until now, which makes it another one.
func (a *actor) heir(v *virtual) *virtual {
	i := slices.IndexFunc(a.plan.virtuals, func(x virtual) bool { return x.id == v.id })
	if i < 0 {
		return nil
	}
	is, was := &a.plan.virtuals[i].shares[a.k], &v.shares[a.k]
	if is.absent || (is.vmac == "") != (was.vmac == "") {
		return nil
	}
	return &a.plan.virtuals[i]
}
