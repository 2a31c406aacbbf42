package cfgparse

import (
	"regent/cfgparse/syntax"
	"regent/netif"
)

// staticRows are what the daemon keeps on its host whatever its routers do.
func staticRows() []*Keyword {
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

// trackGroups looks for the members of track_group, which may stand anywhere.
func (l *loader) trackGroups() {
	for i := range l.cfg.Static.Groups {
		g := &l.cfg.Static.Groups[i]
		kept := g.Members[:0:0]
		for _, name := range g.Members {
			if l.instances[name] == nil {
				l.Add(syntax.Diagnostic{Pos: g.line("group"), Severity: syntax.Warning, Class: syntax.General,
					Message: "track_group " + quote(g.Name) + " has a member " + quote(name) + " that is no instance",
					Suggest: l.nearestInstance(name), Effect: "it is left out"})
				continue
			}
			kept = append(kept, name)
		}
		g.Members = kept
	}
}
