package syntax

import (
	"errors"
	"strconv"
	"strings"
)

// ShellWords splits a statement anew by the rules of script keywords: double
// and single quotes group, adjacent pieces join, and a backslash hides the
// character behind it. Backslashes stay: they mean something in the second
// pass, see Command.
func (s *Statement) ShellWords() ([]Word, error) {
	t := s.raw
	var out []Word
	var b strings.Builder
	for i := 0; ; {
		for i < len(t.s) && isBlank(t.s[i]) {
			i++
		}
		if i == len(t.s) {
			return out, nil
		}
		start := i
		b.Reset()
		for i < len(t.s) && !isBlank(t.s[i]) {
			switch c := t.s[i]; c {
			case '\\':
				end := min(i+2, len(t.s))
				b.WriteString(t.s[i:end])
				i = end
			case '"', '\'':
				end := i + 1
				for end < len(t.s) && t.s[end] != c {
					if t.s[end] == '\\' {
						end++
					}
					end++
				}
				if end >= len(t.s) {
					return out, errQuote
				}
				b.WriteString(t.s[i+1 : end])
				i = end + 1
			default:
				b.WriteByte(c)
				i++
			}
		}
		out = append(out, Word{b.String(), t.pos(start)})
	}
}

var errQuote = errors.New("unmatched quote")

// Command splits a command line into its arguments, and replaces escapes.
func Command(line string) ([]string, error) {
	var argv []string
	var b strings.Builder
	for i := 0; ; {
		for i < len(line) && isBlank(line[i]) {
			i++
		}
		if i == len(line) {
			return argv, nil
		}
		b.Reset()
		quote := byte(0)
		for i < len(line) && (quote != 0 || !isBlank(line[i])) {
			switch c := line[i]; {
			case c == '\\' && i+1 < len(line):
				i += 1 + escape(&b, line[i+1:])
				continue
			case c == quote:
				quote = 0
			case quote == 0 && (c == '"' || c == '\''):
				quote = c
			default:
				b.WriteByte(c)
			}
			i++
		}
		if quote != 0 {
			return argv, errQuote
		}
		argv = append(argv, b.String())
	}
}

// CommandOnceMore splits a command line whose escapes are replaced twice, first
// where they stand and then as by Command. That is what keepalived did before
// 2.3.2: there \"a b\" is one argument, and here it is two with a quote each.
func CommandOnceMore(line string) ([]string, error) {
	var b strings.Builder
	for i := 0; i < len(line); {
		if line[i] == '\\' && i+1 < len(line) {
			i += 1 + escape(&b, line[i+1:])
			continue
		}
		b.WriteByte(line[i])
		i++
	}
	return Command(b.String())
}

// escape writes the character that s, which follows a backslash, stands for,
// and returns how much of s that took.
func escape(b *strings.Builder, s string) int {
	const letters, values = "abEfnrtv", "\a\b\x1b\f\n\r\t\v"
	if i := strings.IndexByte(letters, s[0]); i >= 0 {
		b.WriteByte(values[i])
		return 1
	}
	numeral := func(base int, from, most int, valid string) int {
		n := from
		for n < len(s) && n < from+most && strings.IndexByte(valid, s[n]) >= 0 {
			n++
		}
		if n == from {
			return 0
		}
		v, _ := strconv.ParseUint(s[from:n], base, 16)
		b.WriteByte(byte(v))
		return n
	}
	switch {
	case s[0] >= '0' && s[0] <= '7':
		return numeral(8, 0, 3, "01234567")
	case s[0] == 'x':
		if n := numeral(16, 1, 2, "0123456789abcdefABCDEF"); n > 0 {
			return n
		}
	case s[0] == 'c' && len(s) > 1:
		b.WriteByte(s[1] & 0x1f)
		return 2
	}
	b.WriteByte(s[0])
	return 1
}
