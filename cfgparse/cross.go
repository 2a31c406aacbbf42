package cfgparse

import (
	"fmt"
	"net/netip"

	"regent/cfgparse/syntax"
	"regent/netif"
)

// cross looks at what only the whole configuration shows: what clashes, and
// what cannot have been meant.
func (l *loader) cross() {
	l.sameRouter()
	l.sameAddress()
	for _, d := range l.drafts {
		l.linkLocalFirst(d)
		l.idleWeights(d)
		l.holdAndWeights(d)
	}
	for _, s := range l.scripts.all {
		l.slowScript(s)
	}
	l.linkDelays()
	l.trackGroups()
	l.scriptSecurity()
	l.loadBalancing()
	l.warnPending()
}

// A place is where a VRID must be alone.
type place struct {
	vrid   uint8
	family netif.Family
	link   string
	group  netip.Addr // multicast
	source netip.Addr // unicast
	peer   netip.Addr
}

// sameRouter finds two instances that would take each other's adverts.
func (l *loader) sameRouter() {
	taken := map[place]*draft{}
	for _, d := range l.drafts {
		if d.VRID == 0 {
			continue
		}
		places := []place{{vrid: d.VRID, family: d.family, link: d.Port.Interface, group: d.Port.Group}}
		if len(d.Profile.Peers) > 0 {
			places = places[:0]
			for _, p := range d.Profile.Peers {
				places = append(places, place{vrid: d.VRID, family: d.family, link: d.Port.Interface, source: d.Port.Source, peer: p.Addr})
			}
		}
		for _, p := range places {
			if first := taken[p]; first != nil {
				if first != d {
					l.refuse(d.line("virtual_router_id"), syntax.General, "another virtual_router_id, interface or family",
						"virtual_router_id %d of %s is that of %s (%s) on the same link", d.VRID, quote(d.Name), quote(first.Name), first.line("virtual_router_id"))
				}
				break
			}
			taken[p] = d
		}
	}
}

// scriptSecurity is keepalived's complaint about scripts that run without
// enable_script_security.
func (l *loader) scriptSecurity() {
	if l.cfg.Global.ScriptSecurity {
		return
	}
	var first syntax.Pos
	for _, s := range l.scripts.all { // tracked or not, as keepalived does
		if !first.IsValid() && s.command != nil { // a vrrp_check has none
			first = s.command.At
		}
	}
	look := func(n *Notify) {
		for _, c := range n.commands() {
			if !first.IsValid() {
				first = c.At
			}
		}
	}
	for _, d := range l.drafts {
		look(&d.Notify)
	}
	for _, g := range l.groups {
		look(&g.Notify)
	}
	g := &l.cfg.Global.Notify
	for _, c := range []*Command{g.FIFO.Script, g.VRRP.Script, g.Startup, g.Shutdown} {
		if c != nil && !first.IsValid() {
			first = c.At
		}
	}
	if first.IsValid() {
		l.complain(first, syntax.Security, "enable_script_security in global_defs", "scripts that others may change would run with their user's rights",
			"scripts run, but enable_script_security is off")
	}
}

// loadBalancing says once that virtual servers are not regent's business.
func (l *loader) loadBalancing() {
	if len(l.foreign) == 0 {
		return
	}
	more := ""
	if n := len(l.foreign) - 1; n > 0 {
		more = fmt.Sprintf(" (and %d more like it)", n)
	}
	l.Add(syntax.Diagnostic{Pos: l.foreign[0], Severity: syntax.Warning, Class: syntax.Advice,
		Message: "load balancing is passed over" + more, Effect: "regent routes addresses and does not balance; run another program for that"})
}
