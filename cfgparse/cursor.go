package cfgparse

import (
	"net/netip"
	"strconv"
	"strings"

	"regent/cfgparse/syntax"
)

// A cursor walks over the words of a line that is a small language of its
// own: a route or a rule. Once something failed, the line is lost.
type cursor struct {
	l      *loader
	s      *syntax.Statement
	i      int    // of the word last taken
	what   string // route or rule
	failed bool
}

func (c *cursor) more() bool { return !c.failed && c.i+1 < len(c.s.Words) }

// take goes on to the next word.
func (c *cursor) take() string {
	c.i++
	return c.s.Words[c.i].Text
}

// peek is the next word, empty at the end.
func (c *cursor) peek() string { return c.s.Arg(c.i + 1) }

func (c *cursor) at() syntax.Pos { return c.s.Words[min(max(c.i, 0), len(c.s.Words)-1)].Pos }

// fail drops the line.
func (c *cursor) fail(expected, format string, args ...any) {
	if !c.failed {
		c.l.complain(c.at(), syntax.General, expected, "the "+c.what+" is ignored", format, args...)
	}
	c.failed = true
}

// warn complains and goes on.
func (c *cursor) warn(class syntax.Class, expected, effect, format string, args ...any) {
	c.l.complain(c.at(), class, expected, effect, format, args...)
}

// argument takes the word behind an option.
func (c *cursor) argument(option string) string {
	if !c.more() {
		c.fail(option+" with an argument", "%s lacks its argument", option)
		return ""
	}
	return c.take()
}

// number takes a number in any base that C knows.
func (c *cursor) number(option string, low, high uint64) uint64 {
	word := c.argument(option)
	if c.failed {
		return 0
	}
	n, err := strconv.ParseUint(word, 0, 64)
	if err != nil || n < low || n > high {
		c.fail(span(int64(low), int64(min(high, 1<<62))), "bad value %s of %s", quote(word), option)
	}
	return n
}

// name takes a number or a name out of a file of iproute2.
func (c *cursor) name(option, file string, high uint64) uint64 {
	word := c.argument(option)
	if c.failed {
		return 0
	}
	if n, err := strconv.ParseUint(word, 0, 64); err == nil && n <= high {
		return n
	}
	if n, ok := c.l.iprouteName(file, word); ok && n <= high {
		return n
	}
	c.fail("a number up to "+strconv.FormatUint(high, 10)+", or a name of "+file, "unknown %s %s", option, quote(word))
	return 0
}

// address takes an address, optionally behind inet or inet6.
func (c *cursor) address(option string) netip.Addr {
	if p := c.peek(); p == "inet" || p == "inet6" {
		c.take()
	}
	word := c.argument(option)
	a, err := parseAddr(word)
	if err != nil && !c.failed {
		c.fail("an address", "%s %s is not an address", option, quote(word))
	}
	return a
}

// prefix takes an address with length, or a word for all addresses.
func (c *cursor) prefix(option string) (p netip.Prefix, all bool) {
	word := c.argument(option)
	switch word {
	case "default", "any", "all":
		return p, true
	}
	text, length, slash := strings.Cut(word, "/")
	a, err := parseAddr(text)
	if err != nil {
		c.fail("ADDR[/LEN], or default", "%s %s is not an address", option, quote(word))
		return p, false
	}
	bits := a.BitLen()
	if slash {
		n, ok := parseNumber(length, 0, int64(bits))
		if !ok {
			c.fail("a length of "+span(0, int64(bits)), "bad prefix length in %s", quote(word))
			return p, false
		}
		bits = int(n)
	}
	return netip.PrefixFrom(a, bits), false
}

// iface takes the name of an interface.
func (c *cursor) iface(option string) string {
	name := c.argument(option)
	if !c.failed && !c.l.interfaceName(c.s.Words[c.i]) {
		c.failed = true
	}
	return name
}
