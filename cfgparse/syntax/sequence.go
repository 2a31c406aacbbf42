package syntax

import (
	"strconv"
	"strings"
)

// sequence spells out ~SEQ(...) and ~LST(...) lines and reports whether t is
// one. Whatever is wrong with it, such a line is used up.
func (e *expander) sequence(t text, depth int) bool {
	word, _, _ := strings.Cut(t.s, "(")
	if word != "~SEQ" && word != "~SEQx" && word != "~LST" {
		return false
	}
	closing := closingParen(t.s, len(word))
	if closing < 0 {
		e.badSequence(t, word+" without its closing parenthesis")
		return true
	}
	args, d := e.substitute(t.after(len(word) + 1).upTo(closing - len(word) - 1))
	if d != nil {
		e.badSequence(t, "a definition of several lines inside the parentheses of "+word)
		return true
	}
	rest := t.after(closing + 1).trim()
	if word == "~LST" {
		e.list(t, args.s, rest, depth)
	} else {
		e.numbers(t, args.s, rest, depth, word == "~SEQx")
	}
	return true
}

func (e *expander) badSequence(t text, message string) {
	e.report.Add(Diagnostic{Pos: t.pos(0), Severity: Warning, Class: General, Message: message,
		Expected: "~SEQ(VAR, [[FROM,] STEP,] TO) TEXT or ~LST(VAR, VALUE...) TEXT", Effect: "the line is ignored"})
}

// closingParen finds the parenthesis that closes the one at s[open].
func closingParen(s string, open int) int {
	depth := 0
	for i := open; i < len(s); i++ {
		switch s[i] {
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}

// set defines a variable of a sequence; it keeps its last value afterwards.
func (e *expander) set(name, value string) {
	e.defs[name] = &definition{name: name, value: value}
}

// numbers repeats rest with a variable that counts.
func (e *expander) numbers(t text, args string, rest text, depth int, hex bool) {
	parts := strings.Split(args, ",")
	for i := range parts {
		parts[i] = strings.Trim(parts[i], blanks)
	}
	if len(parts) < 2 || len(parts) > 4 || identifier(parts[0]) != len(parts[0]) || parts[0] == "" {
		e.badSequence(t, "malformed sequence")
		return
	}
	var n [3]int64
	for i, s := range parts[1:] {
		v, err := strconv.ParseInt(s, 0, 32)
		if err != nil {
			e.badSequence(t, "bad number "+quote(s)+" in sequence")
			return
		}
		n[i] = v
	}
	var from, step, to int64
	switch len(parts) {
	case 2:
		from, step, to = 1, 1, n[0]
		if to < 1 {
			step = -1
		}
		if to < 0 {
			from = -1
		}
	case 3:
		from, step, to = n[0], 1, n[1]
		if to < from {
			step = -1
		}
	case 4:
		from, step, to = n[0], n[1], n[2]
	}
	switch {
	case step == 0 || step > 0 && from > to || step < 0 && from < to:
		e.badSequence(t, "the step of the sequence does not lead to its end")
		return
	case hex && (from < 0 || to < 0):
		e.badSequence(t, "~SEQx with a negative number")
		return
	}
	base := 10
	if hex {
		base = 16
	}
	for v := from; (step > 0 && v <= to || step < 0 && v >= to) && !e.full; v += step {
		e.set(parts[0], strconv.FormatInt(v, base))
		e.line(rest, depth+1)
	}
}

// list repeats rest with variables that take the listed values.
func (e *expander) list(t text, args string, rest text, depth int) {
	groups := listGroups(args)
	if len(groups) < 2 {
		e.badSequence(t, "list without values")
		return
	}
	names := groups[0]
	for _, name := range names {
		if name == "" || identifier(name) != len(name) {
			e.badSequence(t, "bad variable name "+quote(name)+" in list")
			return
		}
	}
	for _, values := range groups[1:] {
		if len(values) > len(names) {
			e.badSequence(t, "more values than variables in list")
			return
		}
	}
	for _, values := range groups[1:] {
		for i, name := range names {
			value := ""
			if i < len(values) {
				value = values[i]
			}
			e.set(name, value)
		}
		e.line(rest, depth+1)
		if e.full {
			return
		}
	}
}

// listGroups splits "a, b" into groups of one and "{a,b}, {c,d}" into groups.
func listGroups(args string) [][]string {
	var groups [][]string
	for rest := args; ; {
		rest = strings.TrimLeft(rest, blanks)
		if strings.HasPrefix(rest, "{") {
			end := strings.IndexByte(rest, '}')
			if end < 0 {
				return nil
			}
			var group []string
			for _, w := range strings.Split(rest[1:end], ",") {
				group = append(group, strings.Trim(w, blanks))
			}
			groups = append(groups, group)
			rest = strings.TrimLeft(rest[end+1:], blanks)
			if rest == "" {
				return groups
			}
			if rest[0] != ',' {
				return nil
			}
			rest = rest[1:]
			continue
		}
		w, tail, more := strings.Cut(rest, ",")
		groups = append(groups, []string{strings.Trim(w, blanks)})
		if !more {
			return groups
		}
		rest = tail
	}
}
