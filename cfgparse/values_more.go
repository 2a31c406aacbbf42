package cfgparse

import (
	"fmt"
	"sort"
	"strings"
	"time"

	"regent/cfgparse/syntax"
)

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

// microseconds is a whole number of them.
func microseconds[T any](low, high int64, field func(*T) *time.Duration) value[T] {
	return value[T]{args: span(low, high) + " us",
		set: func(l *loader, t *T, s *syntax.Statement) {
			if n, ok := l.number(s, 1, low, high); ok {
				*field(t) = time.Duration(n) * time.Microsecond
			}
		},
		show: func(t *T) string { return inSeconds(*field(t)) },
	}
}

// clamped is a number that is moved into its range.
func clamped[T any](low, high int64, field func(*T) *int) value[T] {
	v := number(low, high, field)
	v.set = func(l *loader, t *T, s *syntax.Statement) {
		if !l.need(s, 1, span(low, high)) {
			return
		}
		n, ok := parseNumber(s.Arg(1), -unbounded, unbounded)
		if ok && (n < low || n > high) {
			n = max(low, min(n, high))
			l.complain(s.Words[1].Pos, syntax.Number, span(low, high), fmt.Sprintf("%d is used", n), "%s %s is out of range", s.Keyword(), s.Arg(1))
		}
		if !ok {
			_, ok = l.number(s, 1, low, high)
		}
		if ok {
			*field(t) = int(n)
		}
	}
	return v
}

// repeats is a number of messages, at least one.
func repeats[T any](field func(*T) *int) value[T] {
	v := number(0, unbounded, field)
	v.set = func(l *loader, t *T, s *syntax.Statement) {
		n, ok := l.number(s, 1, 0, unbounded)
		if ok && n == 0 {
			l.complain(s.Words[1].Pos, syntax.Number, "at least 1", "1 is used", "%s must be greater than 0", s.Keyword())
			n = 1
		}
		if ok {
			*field(t) = int(n)
		}
	}
	return v
}

// processors is a list of processor numbers. One that is wrong drops them all.
func processors(field func(*Global) *[]int) value[Global] {
	return value[Global]{args: "CPU...",
		set: func(l *loader, g *Global, s *syntax.Statement) {
			if !l.need(s, 1, "CPU...") {
				return
			}
			var cpus []int
			for _, w := range s.Args() {
				n, ok := parseNumber(w.Text, 0, 4095)
				if !ok {
					l.complain(w.Pos, syntax.Number, "numbers of processors", "the line is ignored", "bad processor %s", quote(w.Text))
					return
				}
				cpus = append(cpus, int(n))
			}
			*field(g) = cpus
		},
		show: func(g *Global) string { return strings.Trim(fmt.Sprint(*field(g)), "[]") },
	}
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

// extraLinks is [all] SECONDS.
func extraLinks[T any](low int64, field func(*T) *ExtraLinks) value[T] {
	return value[T]{args: "[all] " + span(low, 86400) + " s",
		set: func(l *loader, t *T, s *syntax.Statement) {
			i := 1
			if s.Arg(1) == "all" {
				i = 2
			}
			if n, ok := l.number(s, i, low, 86400); ok {
				*field(t) = ExtraLinks{Every: time.Duration(n) * time.Second, All: i == 2}
			}
		},
		show: func(t *T) string {
			x := field(t)
			if x.All {
				return "all " + inSeconds(x.Every)
			}
			return inSeconds(x.Every)
		},
	}
}

// bothDelays is one time for two fields.
func bothDelays[T any](a, b func(*T) *time.Duration) value[T] {
	v := seconds(time.Microsecond, time.Hour, a)
	set := v.set
	v.set = func(l *loader, t *T, s *syntax.Statement) {
		*a(t) = -1
		set(l, t, s)
		if *a(t) >= 0 {
			*b(t) = *a(t)
		} else {
			*a(t) = 0
		}
	}
	return v
}

// showing replaces how a value is shown: some settings are worked out from
// more than their keyword.
func showing[T any](v value[T], show func(*T) string) value[T] {
	v.show = show
	return v
}
