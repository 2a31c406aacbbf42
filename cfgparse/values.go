package cfgparse

import (
	"fmt"
	"net/netip"
	"sort"
	"strings"

	"regent/cfgparse/syntax"
)

// flag is a keyword that says yes by standing there.
func flag[T any](field func(*T) *bool) value[T] {
	return value[T]{
		set:  func(l *loader, t *T, s *syntax.Statement) { *field(t) = true },
		show: func(t *T) string { return yesNo(*field(t)) },
	}
}

// boolean is a keyword with an optional yes or no.
func boolean[T any](field func(*T) *bool) value[T] {
	return value[T]{args: "[yes|no]",
		set: func(l *loader, t *T, s *syntax.Statement) {
			if b, ok := l.boolean(s); ok {
				*field(t) = b
			}
		},
		show: func(t *T) string { return yesNo(*field(t)) },
	}
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

func (l *loader) boolean(s *syntax.Statement) (b, ok bool) {
	if len(s.Words) == 1 {
		return true, true
	}
	switch s.Arg(1) {
	case "true", "on", "yes":
		return true, true
	case "false", "off", "no":
		return false, true
	}
	l.complain(s.Words[1].Pos, syntax.General, "true, on or yes; false, off or no; or nothing, which is yes",
		"the line is ignored", "bad value %s of %s", quote(s.Arg(1)), s.Keyword())
	return false, false
}

// text is any word.
func text[T any](field func(*T) *string) value[T] {
	return value[T]{args: "TEXT",
		set: func(l *loader, t *T, s *syntax.Statement) {
			if l.need(s, 1, "TEXT") {
				*field(t) = s.Arg(1)
			}
		},
		show: func(t *T) string { return *field(t) },
	}
}

// textOr is a word that may be missing; instead is meant then.
func textOr[T any](instead string, field func(*T) *string) value[T] {
	v := text(field)
	v.args = "[TEXT]"
	v.set = func(l *loader, t *T, s *syntax.Statement) {
		*field(t) = instead
		if len(s.Words) > 1 {
			*field(t) = s.Arg(1)
		}
	}
	return v
}

// choice is one of a few words.
func choice[T any, E comparable](words map[string]E, field func(*T) *E) value[T] {
	names := sortedKeys(words)
	v := value[T]{args: strings.Join(names, "|")}
	v.set = func(l *loader, t *T, s *syntax.Statement) {
		if !l.need(s, 1, v.args) {
			return
		}
		e, ok := words[s.Arg(1)]
		if !ok {
			l.Add(syntax.Diagnostic{Pos: s.Words[1].Pos, Severity: syntax.Warning, Class: syntax.General,
				Message: fmt.Sprintf("bad value %s of %s", quote(s.Arg(1)), s.Keyword()), Expected: v.args,
				Suggest: nearestOf(s.Arg(1), names), Effect: "the line is ignored"})
			return
		}
		*field(t) = e
	}
	v.show = func(t *T) string {
		for _, name := range names {
			if words[name] == *field(t) {
				return name
			}
		}
		return ""
	}
	return v
}

// custom is a keyword with rules of its own.
func custom[T any](args string, set func(l *loader, t *T, s *syntax.Statement), show func(t *T) string) value[T] {
	return value[T]{args: args, set: set, show: show}
}

// list is a block of items, one a line.
func list[T any](args string, item func(l *loader, t *T, s *syntax.Statement), show func(t *T) string) value[T] {
	return value[T]{args: "{ " + args + " }", shape: syntax.List, item: item, show: show}
}

// absolutePath is a path from the root.
func absolutePath[T any](field func(*T) *string) value[T] {
	v := text(field)
	v.args = "PATH"
	v.set = func(l *loader, t *T, s *syntax.Statement) {
		if !l.need(s, 1, "PATH") {
			return
		}
		if !strings.HasPrefix(s.Arg(1), "/") {
			l.complain(s.Words[1].Pos, syntax.General, "a path that begins with /", "the line is ignored", "%s is not absolute", quote(s.Arg(1)))
			return
		}
		*field(t) = s.Arg(1)
	}
	return v
}

// words is a block of words, any number a line.
func words[T any](field func(*T) *[]string) value[T] {
	return list("WORD...", func(l *loader, t *T, s *syntax.Statement) {
		for _, w := range s.Words {
			*field(t) = append(*field(t), w.Text)
		}
	}, func(t *T) string { return strings.Join(*field(t), ", ") })
}

// maybe is a boolean for which silence is an answer of its own.
func maybe[T any](field func(*T) **bool) value[T] {
	return value[T]{args: "[yes|no]",
		set: func(l *loader, t *T, s *syntax.Statement) {
			if b, ok := l.boolean(s); ok {
				*field(t) = &b
			}
		},
		show: func(t *T) string {
			if b := *field(t); b != nil {
				return yesNo(*b)
			}
			return ""
		},
	}
}

// showing replaces how a value is shown: some settings are worked out from
// more than their keyword.
func showing[T any](v value[T], show func(*T) string) value[T] {
	v.show = show
	return v
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

func showAddr(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}
