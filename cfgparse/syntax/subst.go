package syntax

import (
	"errors"
	"io/fs"
	"math/rand/v2"
	"strconv"
	"strings"
)

// substitute replaces the definitions in a line, again and again until none
// is left. If the line ends with the name of a definition of several lines,
// that is returned for unfold and the name left in place.
func (e *expander) substitute(t text) (text, *definition) {
	// active holds the names whose values are being looked at, each with the
	// number of bytes that follow its value: when the scan gets there, the
	// value is done. A name within its own value would never end.
	type frame struct {
		name string
		tail int
	}
	var active []frame
	count := 0
	original := t
	for i := 0; i < len(t.s); i++ {
		if t.s[i] != '$' {
			continue
		}
		name, param, end := reference(t.s, i)
		if end == 0 {
			continue
		}
		for len(active) > 0 && i >= len(t.s)-active[len(active)-1].tail {
			active = active[:len(active)-1]
		}
		value, d, ok := e.lookup(t, i, name, param)
		if !ok {
			e.undefined(t, i, name, end)
			continue
		}
		if d != nil && d.multi {
			if end == len(t.s) {
				return t.replace(i, end, "$"+name), d
			}
			continue
		}
		for _, f := range active {
			if f.name == name {
				e.report.Add(Diagnostic{Pos: t.pos(i), Severity: Warning, Class: General,
					Message: "definition $" + name + " refers to itself", Effect: "it is left as it stands"})
				return original, nil
			}
		}
		e.charge(t.pos(i), len(t.s)+24*len(t.spans))
		if count++; e.full || count > maxReplace || len(t.s)-(end-i)+len(value) > maxLine {
			e.report.Add(Diagnostic{Pos: original.pos(0), Severity: Warning, Class: General,
				Message: "line is longer than 1023 bytes with its definitions replaced",
				Effect:  "the definitions are left as they stand"})
			return original, nil
		}
		active = append(active, frame{name, len(t.s) - end})
		t = t.replace(i, end, value)
		i--
	}
	return t, nil
}

// reference reads a use of a definition at the dollar sign s[i]: its name,
// for built-in ones the parameters behind it, and where it ends; 0: it is none.
func reference(s string, i int) (name, param string, end int) {
	rest := s[i+1:]
	if strings.HasPrefix(rest, "{") {
		n := identifier(rest[1:])
		stop := strings.IndexByte(rest, '}')
		if n == 0 || stop < 0 {
			return "", "", 0
		}
		name = rest[1 : n+1]
		switch param = rest[n+1 : stop]; {
		case param == "":
		case name[0] == '_' && isBlank(param[0]): // only built-in ones take any
		default:
			return "", "", 0
		}
		return name, strings.Trim(param, blanks), i + 1 + stop + 1
	}
	n := identifier(rest)
	if n == 0 || n < len(rest) && !isBlank(rest[n]) && rest[n] != ',' && rest[n] != ')' {
		return "", "", 0
	}
	return rest[:n], "", i + 1 + n
}

// lookup finds the value of a name. What the author defined comes before what
// is built in.
func (e *expander) lookup(t text, i int, name, param string) (value string, d *definition, ok bool) {
	if d = e.defs[name]; d != nil && param == "" {
		return d.value, d, true
	}
	switch name {
	case "_PWD":
		return e.dir(), nil, true
	case "_INSTANCE":
		return e.ID, nil, true
	case "_HASH":
		return "#", nil, true
	case "_BANG":
		return "!", nil, true
	case "_ENV":
		// One line: a value may not smuggle in others.
		v, _, _ := strings.Cut(e.Getenv(param), "\n")
		return v, nil, true
	case "_RANDOM":
		return e.random(t.pos(i), strings.Fields(param))
	}
	return "", nil, false
}

// undefined reports, once for each name, the use of a definition that does
// not exist. Within quotes it may be meant for the shell.
func (e *expander) undefined(t text, i int, name string, end int) {
	if e.missing[name] || strings.HasPrefix(name, "_") || strings.Count(t.s[:i], `"`)%2 == 1 || strings.Count(t.s[:i], "'")%2 == 1 {
		return
	}
	if e.missing == nil {
		e.missing = map[string]bool{}
	}
	e.missing[name] = true
	effect := "the name stays as it is"
	if t.s[i+1] == '{' {
		effect += ", and its braces count as those of a block"
	}
	e.report.Add(Diagnostic{Pos: t.pos(i), Severity: Warning, Class: Advice, Message: "definition " + t.s[i:end] + " is not known here",
		Expected: "$" + name + "=VALUE on a line of its own above", Effect: effect})
}

// random is the value of ${_RANDOM [MIN [MAX]]}.
func (e *expander) random(p Pos, params []string) (string, *definition, bool) {
	bounds := []int{0, 32767}
	for i, s := range params {
		n, err := strconv.Atoi(s)
		if err != nil || i >= len(bounds) || n < 0 {
			e.report.Add(Diagnostic{Pos: p, Severity: Warning, Class: General,
				Message: "bad parameter " + quote(s) + " of ${_RANDOM}", Expected: "${_RANDOM [MIN [MAX]]}, whole numbers"})
			return "", nil, false
		}
		bounds[i] = n
	}
	low, high := bounds[0], max(bounds[0], bounds[1])
	draw := e.Random
	if draw == nil {
		draw = func(low, high int) int { return low + rand.IntN(high-low+1) }
	}
	return strconv.Itoa(draw(low, high)), nil, true
}

// quote puts a word into quotes for a message, cut to a reasonable length.
func quote(s string) string {
	if len(s) > 80 {
		s = s[:77] + "..."
	}
	return strconv.Quote(s)
}

// reason is an error without the name that the message already has.
func reason(err error) string {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err.Error()
	}
	return err.Error()
}
