package cfgparse

import (
	"strings"
	"time"

	"regent/cfgparse/syntax"
)

// linkRows are what the top level says of links.
func linkRows() []*Keyword {
	delays := list("IF DOWN [UP]", addDelay, func(c *Config) string { return strings.Join(sortedKeys(c.Delays), ", ") })
	beats := list("IF [MII|ETHTOOL|IOCTL]", addBeat, func(c *Config) string { return strings.Join(sortedKeys(c.Beats), ", ") })
	return []*Keyword{
		key("interface_up_down_delays", B, delays, "", "how long links must be down or up before it counts"),
		key("linkbeat_interfaces", C, beats, "", "links whose state is polled"),
	}
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
