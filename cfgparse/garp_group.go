package cfgparse

import (
	"strings"
	"time"

	"regent/cfgparse/syntax"
)

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
