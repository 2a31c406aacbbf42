package dump

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"regent/cfgparse"
	"regent/cmd/internal/daemon"
	"regent/health"
	"regent/netif"
	"regent/vrrp"
)

// A phrase is a line in the making.
type phrase []string

// add adds words, unless the condition fails.
func (p *phrase) add(when bool, format string, args ...any) {
	if when {
		*p = append(*p, fmt.Sprintf(format, args...))
	}
}

func (p phrase) String() string { return strings.Join(p, " ") }

// addresses writes those that a router owns: the advertised ones, or the others.
func addresses(s *daemon.Status, r *daemon.RouterStatus, advertised bool) (all []string) {
	list, places, n := r.Settings.Estate.Addresses, r.Places, len(r.Settings.Advertised)
	if advertised {
		list, places = list[:n], places[:n]
	} else {
		list, places = list[n:], places[n:]
	}
	has := make(map[string]map[netip.Addr]bool) // what is there, by device
	for i := range list {
		a, where := &list[i], places[i].Device
		if has[where] == nil {
			has[where] = on(s, where)
		}
		all = append(all, address(r, a, places[i], r.Holds && has[where][a.Prefix.Addr()]))
	}
	return all
}

// address writes an address as keepalived does: ADDRESS brd B dev D scope S and
// what else was asked for, and "set" while the kernel has it.
func address(r *daemon.RouterStatus, a *netif.Address, at daemon.Place, set bool) string {
	six := a.Prefix.Addr().Is6()
	p := phrase{prefix(a.Prefix)}
	p.add(a.Broadcast.IsValid(), "brd %v", a.Broadcast)
	if at.On != "" {
		at.Device += "@" + at.On
	}
	p.add(true, "dev %s", at.Device)
	p.add(a.VMAC && !r.Settings.VMAC.Each, "use_vmac")
	p.add(true, "scope %s", scope(a.Scope))
	p.add(a.Label != "", "label %s", a.Label)
	p.add(a.Peer.IsValid(), "peer %v", a.Peer)
	p.add(a.Home, "home")
	p.add(a.ManageTemp, "mngtmpaddr")
	p.add(a.NoPrefixRoute, "noprefixroute")
	p.add(a.AutoJoin, "autojoin")
	p.add(a.DetectDuplicates, "-nodad")
	switch preferred := a.HasPreferred && a.Preferred != 1<<32-1; {
	case !six:
	case preferred && a.Preferred > 0:
		p.add(true, "preferred_lft %d", a.Preferred)
	case preferred, !a.HasPreferred && a.Prefix.IsSingleIP():
		p.add(true, "deprecated")
	default:
		p.add(true, "preferred_lft forever")
	}
	p.add(a.NoTrack, "no_track")
	p.add(set, "set")
	p.add(set && !r.Settings.Accept, "nftable_set")
	return p.String()
}

// on returns the addresses of a link.
func on(s *daemon.Status, name string) map[netip.Addr]bool {
	all := make(map[netip.Addr]bool)
	for i := range s.Links {
		if l := &s.Links[i].Link; l.Name == name {
			for _, a := range l.Addresses {
				all[a.Prefix.Addr()] = true
			}
		}
	}
	return all
}

// prefix leaves the length of a single address out.
func prefix(p netip.Prefix) string {
	if p.IsSingleIP() {
		return p.Addr().String()
	}
	return p.String()
}

func scope(n uint8) string {
	switch n {
	case 0:
		return "global"
	case 200:
		return "site"
	case 253:
		return "link"
	case 254:
		return "host"
	}
	return fmt.Sprint(n)
}

// routes writes the routes that a router holds while master.
func routes(r *daemon.RouterStatus) (all []string) {
	for i := range r.Settings.Routes {
		all = append(all, route(&r.Settings.Routes[i]))
	}
	return all
}

func route(r *netif.Route) string {
	p := phrase{[...]string{"prepend", "append", "add"}[r.Insert]}
	kind := map[uint8]string{6: "blackhole", 7: "unreachable", 8: "prohibit", 9: "throw"}[r.Type]
	p.add(kind != "", "%s", kind)
	p.add(true, "%v", r.Destination)
	p.add(r.From.IsValid(), "from %v", r.From)
	p.add(r.Source.IsValid(), "src %v", r.Source)
	p.add(r.Via.IsValid(), "via %s", via(r.Via))
	p.add(r.Interface != "", "dev %s", r.Interface)
	p.add(r.Table != 0, "table %d", r.Table)
	p.add(r.TOS != 0, "tos %#x", r.TOS)
	p.add(r.HasScope, "scope %d", r.Scope)
	p.add(r.Protocol != 0, "proto %d", r.Protocol)
	p.add(r.HasMetric, "metric %d", r.Metric)
	p.add(r.OnLink, "onlink")
	p.add(r.Encap != nil, "encap")
	for _, name := range slices.Sorted(maps.Keys(r.Metrics.Set)) {
		p.add(true, "%s %d", name, r.Metrics.Set[name])
	}
	for _, n := range r.NextHops {
		p.add(true, "nexthop")
		p.add(n.Via.IsValid(), "via %s", via(n.Via))
		p.add(n.Interface != "", "dev %s", n.Interface)
		p.add(n.Weight > 1, "weight %d", n.Weight)
	}
	p.add(r.NoTrack, "no_track")
	return p.String()
}

func via(a netip.Addr) string {
	if a.Is6() {
		return "inet6 " + a.String()
	}
	return "inet " + a.String()
}

// rules writes the policy rules that a router holds while master.
func rules(r *daemon.RouterStatus) (all []string) {
	for i := range r.Settings.Rules {
		all = append(all, rule(&r.Settings.Rules[i]))
	}
	return all
}

func rule(r *netif.Rule) string {
	var p phrase
	p.add(r.Invert, "not")
	p.add(!r.From.IsValid(), "from all")
	if r.From.IsValid() {
		p.add(true, "from %s", prefix(r.From))
	}
	if r.To.IsValid() {
		p.add(true, "to %s", prefix(r.To))
	}
	p.add(true, "priority %d", r.Priority)
	p.add(true, "tos %#x", r.TOS)
	p.add(r.HasMark, "fwmark %#x/%#x", r.Mark, r.Mask)
	p.add(r.IIF != "", "iif %s", r.IIF)
	p.add(r.OIF != "", "oif %s", r.OIF)
	p.add(r.Protocol != 0, "protocol %d", r.Protocol)
	switch r.Action {
	case netif.ToTable:
		p.add(true, "lookup %d", r.Table)
	case netif.GotoRule:
		p.add(true, "goto %d", r.Goto)
	case netif.L3MDev:
		p.add(true, "l3mdev")
	default:
		p.add(true, "type %s", map[netif.RuleAction]string{
			netif.NoOperation: "nop", netif.Blackhole: "blackhole",
			netif.Unreachable: "unreachable", netif.Prohibit: "prohibit",
		}[r.Action])
	}
	return p.String()
}

// command writes a command with each of its words in quotes.
func command(args []string) string {
	var quoted []string
	for _, a := range args {
		quoted = append(quoted, "'"+a+"'")
	}
	return strings.Join(quoted, " ")
}

// A script is one that a router runs at a transition.
type script struct {
	what    string
	command *cfgparse.Command // nil: none
}

// scripts are what a router runs, in keepalived's order.
func scripts(n *cfgparse.Notify) []script {
	return []script{
		{"Backup", n.Backup}, {"Master", n.Master}, {"Fault", n.Fault}, {"Stop", n.Stop}, {"Deleted", n.Deleted},
		{"Generic", n.Any}, {"Master rx lower pri", n.LowerPriority},
	}
}

// tracked are the checks of one kind that a router depends on.
func tracked(r *daemon.RouterStatus, kind health.Kind) (all []health.Track) {
	for _, t := range r.Settings.Tracks {
		if t.Kind == kind {
			all = append(all, t)
		}
	}
	return all
}

// weight writes a weight as it is configured.
func weight(t health.Track) string {
	if t.Reverse {
		return fmt.Sprintf("weight %d reverse", t.Weight)
	}
	return fmt.Sprintf("weight %d", t.Weight)
}

// alerts reports whether a router's transitions are to be mailed (smtp_alert):
// the instance decides, else its kind, else all.
func alerts(cfg *cfgparse.Config, r *daemon.RouterStatus) bool {
	for _, said := range []*bool{r.Settings.Notify.Mail, cfg.Global.Mail.VRRP, cfg.Global.Mail.Alert} {
		if said != nil {
			return *said
		}
	}
	return false
}

// silent reports whether a router sends nothing to a lesser master at once
// (lower_prio_no_advert).
func silent(r *daemon.RouterStatus) bool {
	if r.Settings.Router.Version == vrrp.V2 {
		return !r.Settings.Router.ReplyToLower
	}
	return r.Settings.Router.SilentToLower
}
