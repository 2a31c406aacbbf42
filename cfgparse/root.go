package cfgparse

import (
	"strings"
	"sync"
	"time"

	"regent/cfgparse/syntax"
	"regent/netif"
)

// Language is the whole vocabulary: the keywords of the top level, and through
// them those of every block.
var Language = sync.OnceValue(func() *Vocabulary {
	rows := []*Keyword{
		block("global_defs", A, globalVocabulary(), "what holds for the whole daemon", openGlobal, closeGlobal),
		block("vrrp_script", A, scriptVocabulary(), "a script that is run again and again", openScript, closeScript, named),
		block("vrrp_check", R, probeVocabulary(), "a service that is asked again and again, without a script; tracked by track_script", openProbe, closeProbe, named),
		block("track_file", A, fileVocabulary(), "a file whose number moves priorities", openFile, closeFile, named, alias("vrrp_track_file")),
		block("vrrp_track_process", A, processVocabulary(), "processes that are counted", openProcess, closeProcess, named),
		block("bfd_instance", C, bfdVocabulary(), "a BFD session", openBFD, closeBFD, named),
		block("vrrp_instance", A, instanceVocabulary(), "a virtual router", openInstance, closeInstance, named),
		block("vrrp_sync_group", A, groupVocabulary(), "virtual routers that share one fate", openGroup, closeGroup, named),
		block("track_group", B, trackGroupVocabulary(), "instances that fail with static addresses", openTrackGroup, closeTrackGroup, named),
		block("garp_group", B, garpVocabulary(), "links that share a rate of announcements", openGarpGroup, closeGarpGroup),
	}
	rows = append(rows, staticRows()...)
	rows = append(rows, processRows()...)
	return vocabulary("", append(rows, foreignRows()...)...)
})

func openGlobal(_ *loader, c *Config, s *syntax.Statement) *Global {
	if !c.Global.At.IsValid() {
		c.Global.At = s.Pos()
	}
	return &c.Global
}

func closeGlobal(l *loader, c *Config, g *Global, _ *syntax.Statement) {
	if g.said("notification_email") && len(g.Mail.To) == 0 {
		l.complain(g.line("notification_email"), syntax.Doubtful, "notification_email { ADDRESS... }", "there is no mail", "the notification_email block is empty")
	}
}

func openInstance(l *loader, c *Config, s *syntax.Statement) *draft {
	if !l.need(s, 1, "NAME") {
		return nil
	}
	name := s.Arg(1)
	if first := l.instances[name]; first != nil {
		l.complain(s.Pos(), syntax.General, "each name once", "the whole block is ignored", "vrrp_instance %s is defined twice; the first is at %s", quote(name), first.At)
		return nil
	}
	d := &draft{ttl: -1, interval: time.Second}
	d.At, d.Name, d.TrackPrimary = s.Pos(), name, true
	l.instances[name] = d
	l.drafts = append(l.drafts, d)
	return d
}

// closeInstance checks what is known at the end of the block; the rest waits
// for the end of the file.
func closeInstance(l *loader, _ *Config, d *draft, _ *syntax.Statement) {
	if d.VMAC.Kind != netif.Parent && d.VMAC.Name != "" {
		l.devices[d.VMAC.Name] = true
	}
}

func processRows() []*Keyword {
	return []*Keyword{
		key("net_namespace", B, text(func(c *Config) *string { return &c.Process.Namespace }), "none", "network namespace to run in"),
		key("instance", B, text(func(c *Config) *string { return &c.Process.Instance }), "none", "name that is part of file names"),
		key("use_pid_dir", B, flag(func(c *Config) *bool { return &c.Process.PIDDir }), "", "pid files in /run/keepalived"),
		key("linkbeat_use_polling", C, flag(func(c *Config) *bool { return &c.Process.PollLinks }), "", "poll the state of links"),
		key("child_wait_time", B, wholeSeconds(0, unbounded/1_000_000, func(c *Config) *time.Duration { return &c.Process.ChildWait }), "5 s", "time for children to end"),
		key("namespace_with_ipsets", C, flag(func(c *Config) *bool { return &c.Process.IPSetsInNetNS }), "", "ipsets in a namespace of an old kernel"),
	}
}

// foreignRows are the blocks and words of load balancing.
func foreignRows() []*Keyword {
	foreign := value[Config]{args: "... { }", shape: syntax.Foreign}
	rows := []*Keyword{key("net_namespace_ipvs", D, custom[Config]("[NAME]", nil, nil), "", "load balancing: passed over")}
	for _, name := range []string{"virtual_server", "virtual_server_group", "SSL"} {
		rows = append(rows, key(name, D, foreign, "", "load balancing: the block is passed over"))
	}
	return rows
}

func staticRows() []*Keyword {
	delays := list("IF DOWN [UP]", addDelay, func(c *Config) string { return strings.Join(sortedKeys(c.Delays), ", ") })
	beats := list("IF [MII|ETHTOOL|IOCTL]", addBeat, func(c *Config) string { return strings.Join(sortedKeys(c.Beats), ", ") })
	return []*Keyword{
		key("static_ipaddress", B, list(addressArgs+" [track_group NAME]", addStaticAddress, func(c *Config) string {
			var out []netif.Address
			for _, a := range c.Static.Addresses {
				out = append(out, a.Address)
			}
			return showAddresses(out)
		}), "", "addresses kept while the daemon runs"),
		key("static_routes", B, list(routeArgs, func(l *loader, c *Config, s *syntax.Statement) {
			if r, ok := l.route(s, true); ok {
				c.Static.Routes = append(c.Static.Routes, r)
			}
		}, func(c *Config) string { return showCount(len(c.Static.Routes)) }), "", "routes kept while the daemon runs"),
		key("static_rules", B, list(ruleArgs, func(l *loader, c *Config, s *syntax.Statement) {
			if r, ok := l.rule(s, true); ok {
				c.Static.Rules = append(c.Static.Rules, r)
			}
		}, func(c *Config) string { return showCount(len(c.Static.Rules)) }), "", "policy rules kept while the daemon runs"),
		key("interface_up_down_delays", B, delays, "", "how long links must be down or up before it counts"),
		key("linkbeat_interfaces", C, beats, "", "links whose state is polled"),
	}
}

func addStaticAddress(l *loader, c *Config, s *syntax.Statement) {
	line, ok := l.address(s, true)
	if !ok {
		return
	}
	if line.Interface == "" {
		line.Interface = c.Global.DefaultInterface
		if line.Interface == "" {
			line.Interface = "eth0"
		}
		l.interfaceName(syntax.Word{Text: line.Interface, Pos: s.Pos()})
	}
	c.Static.Addresses = append(c.Static.Addresses, StaticAddress{line.Address, line.trackGroup})
}

func addDelay(l *loader, c *Config, s *syntax.Statement) {
	if !l.interfaceName(s.Words[0]) {
		return
	}
	if len(s.Words) < 2 {
		l.complain(s.Pos(), syntax.General, "IF DOWN [UP], seconds", "the line is ignored", "the delays of %s are missing", quote(s.Keyword()))
		return
	}
	var d LinkDelay
	for i, field := range []*time.Duration{&d.Down, &d.Up} {
		if len(s.Words) < i+2 {
			break
		}
		v, ok := l.duration(s, i+1, 0, 255*time.Second, time.Second)
		if !ok {
			return
		}
		*field = v
	}
	if len(s.Words) == 2 && d.Down > 0 {
		l.complain(s.Pos(), syntax.Advice, "IF DOWN UP", "the link counts as up at once", "without a second number the delay of going up is 0, not that of going down")
	}
	if c.Delays == nil {
		c.Delays = map[string]LinkDelay{}
	}
	c.Delays[s.Keyword()] = d
}

func addBeat(l *loader, c *Config, s *syntax.Statement) {
	if !l.interfaceName(s.Words[0]) {
		return
	}
	method := s.Arg(1)
	switch method {
	case "", "MII", "ETHTOOL", "IOCTL":
	default:
		l.complain(s.Words[1].Pos, syntax.General, "MII, ETHTOOL or IOCTL", "it is ignored", "bad method %s", quote(method))
		method = ""
	}
	if c.Beats == nil {
		c.Beats = map[string]string{}
	}
	c.Beats[s.Keyword()] = method
}

func trackGroupVocabulary() *Vocabulary {
	return vocabulary("track_group",
		key("group", B, words(func(g *TrackGroup) *[]string { return &g.Members }), "required", "the instances"))
}

func openTrackGroup(l *loader, c *Config, s *syntax.Statement) *TrackGroup {
	if !l.need(s, 1, "NAME") {
		return nil
	}
	for _, g := range c.Static.Groups {
		if g.Name == s.Arg(1) {
			l.complain(s.Pos(), syntax.General, "each name once", "the block is ignored", "track_group %s is defined twice", quote(g.Name))
			return nil
		}
	}
	g := &TrackGroup{Name: s.Arg(1)}
	g.At = s.Pos()
	return g
}

func closeTrackGroup(l *loader, c *Config, g *TrackGroup, _ *syntax.Statement) {
	if len(g.Members) == 0 {
		l.complain(g.At, syntax.General, "group { INSTANCE... }", "the block is removed", "track_group %s has no members", quote(g.Name))
		return
	}
	c.Static.Groups = append(c.Static.Groups, *g)
}

// trackGroup judges the name of a track_group, which must stand above.
func (l *loader) trackGroup(w syntax.Word) {
	var names []string
	for _, g := range l.cfg.Static.Groups {
		if g.Name == w.Text {
			return
		}
		names = append(names, g.Name)
	}
	l.Add(syntax.Diagnostic{Pos: w.Pos, Severity: syntax.Warning, Class: syntax.General,
		Message: "track_group " + quote(w.Text) + " is not defined before this line", Suggest: nearestOf(w.Text, names), Effect: "it is ignored"})
}

func garpVocabulary() *Vocabulary {
	return vocabulary("garp_group",
		key("garp_interval", B, seconds(0, forever, func(g *GarpGroup) *time.Duration { return &g.Interval4 }), "none", "spacing of gratuitous ARPs"),
		key("gna_interval", B, seconds(0, forever, func(g *GarpGroup) *time.Duration { return &g.Interval6 }), "none", "spacing of neighbour advertisements"),
		key("interface", B, custom("IF", func(l *loader, g *GarpGroup, s *syntax.Statement) {
			if l.need(s, 1, "IF") {
				l.garpMember(g, s.Words[1])
			}
		}, nil), "", "a member"),
		key("interfaces", B, list("IF...", func(l *loader, g *GarpGroup, s *syntax.Statement) {
			for _, w := range s.Words {
				l.garpMember(g, w)
			}
		}, func(g *GarpGroup) string { return strings.Join(g.Interfaces, ", ") }), "", "members"),
	)
}

func (l *loader) garpMember(g *GarpGroup, w syntax.Word) {
	if !l.interfaceName(w) {
		return
	}
	if l.garpMembers[w.Text] {
		l.complain(w.Pos, syntax.General, "each interface in one garp_group", "it is ignored here", "%s is in a garp_group already", quote(w.Text))
		return
	}
	l.garpMembers[w.Text] = true
	g.Interfaces = append(g.Interfaces, w.Text)
}

func openGarpGroup(_ *loader, _ *Config, s *syntax.Statement) *GarpGroup {
	g := &GarpGroup{}
	g.At = s.Pos()
	return g
}

func closeGarpGroup(l *loader, c *Config, g *GarpGroup, _ *syntax.Statement) {
	switch {
	case !g.said("garp_interval") && !g.said("gna_interval"):
		l.complain(g.At, syntax.General, "garp_interval or gna_interval", "the block is removed", "garp_group without an interval")
	case len(g.Interfaces) == 0:
		l.complain(g.At, syntax.General, "interfaces { IF... }", "the block is removed", "garp_group without interfaces")
	default:
		c.Garp = append(c.Garp, *g)
	}
}
