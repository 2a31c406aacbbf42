package cfgparse

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"regent/cfgparse/syntax"
)

// integer is any type that a number may go into.
type integer interface {
	~int | ~int8 | ~int16 | ~int32 | ~int64 | ~uint8 | ~uint16 | ~uint32 | ~uint64
}

// number is a whole decimal number in a range. Anything else leaves the field
// as it is.
func number[T any, N integer](low, high int64, field func(*T) *N) value[T] {
	v := value[T]{args: span(low, high)}
	v.set = func(l *loader, t *T, s *syntax.Statement) {
		if n, ok := l.number(s, 1, low, high); ok {
			*field(t) = N(n)
		}
	}
	v.show = func(t *T) string { return fmt.Sprint(*field(t)) }
	return v
}

// numberOr is number, but what is wrong or missing sets the field to instead.
func numberOr[T any, N integer](low, high int64, instead N, field func(*T) *N) value[T] {
	v := number(low, high, field)
	v.set = func(l *loader, t *T, s *syntax.Statement) {
		if n, ok := l.number(s, 1, low, high); ok {
			*field(t) = N(n)
		} else {
			*field(t) = instead
		}
	}
	return v
}

func span(low, high int64) string {
	if high >= unbounded {
		return fmt.Sprintf("%d..", low)
	}
	return fmt.Sprintf("%d-%d", low, high)
}

// unbounded is a limit that stands for none: what keepalived's own integers hold.
const unbounded = 1<<31 - 1

// number reads argument i of a statement.
func (l *loader) number(s *syntax.Statement, i int, low, high int64) (int64, bool) {
	if !l.need(s, i, span(low, high)) {
		return 0, false
	}
	n, ok := parseNumber(s.Arg(i), low, high)
	if !ok {
		l.complain(s.Words[i].Pos, syntax.Number, "a whole number, "+span(low, high), "the line is ignored",
			"bad value %s of %s", quote(s.Arg(i)), s.Keyword())
	}
	return n, ok
}

// parseNumber reads a decimal number. Blanks before it and a sign are fine, as
// in C; trailing garbage is not.
func parseNumber(s string, low, high int64) (int64, bool) {
	s = strings.TrimLeft(s, " \t")
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < low || n > high {
		return 0, false
	}
	return n, true
}

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

// seconds is a time in seconds with at most six decimals.
func seconds[T any](low, high time.Duration, field func(*T) *time.Duration) value[T] {
	return duration(low, high, time.Second, field)
}

// milliseconds is a time in milliseconds with at most three decimals.
func milliseconds[T any](low, high time.Duration, field func(*T) *time.Duration) value[T] {
	return duration(low, high, time.Millisecond, field)
}

func duration[T any](low, high, unit time.Duration, field func(*T) *time.Duration) value[T] {
	v := value[T]{args: spanOf(low, high, unit)}
	v.set = func(l *loader, t *T, s *syntax.Statement) {
		if d, ok := l.duration(s, 1, low, high, unit); ok {
			*field(t) = d
		}
	}
	v.show = func(t *T) string { return inSeconds(*field(t)) }
	return v
}

func spanOf(low, high, unit time.Duration) string {
	name := " s"
	if unit == time.Millisecond {
		name = " ms"
	}
	f := func(d time.Duration) string { return strconv.FormatFloat(float64(d)/float64(unit), 'f', -1, 64) }
	if high >= forever {
		return f(low) + ".." + name
	}
	return f(low) + "-" + f(high) + name
}

// forever is a limit that stands for none: keepalived counts microseconds in
// 32 bits.
const forever = 4294967295 * time.Microsecond

func inSeconds(d time.Duration) string {
	return strconv.FormatFloat(d.Seconds(), 'f', -1, 64) + " s"
}

// duration reads argument i of a statement.
func (l *loader) duration(s *syntax.Statement, i int, low, high, unit time.Duration) (time.Duration, bool) {
	if !l.need(s, i, spanOf(low, high, unit)) {
		return 0, false
	}
	d, exact, ok := parseDuration(s.Arg(i), unit)
	if !ok || d < low || d > high {
		l.complain(s.Words[i].Pos, syntax.Number, spanOf(low, high, unit), "the line is ignored",
			"bad value %s of %s", quote(s.Arg(i)), s.Keyword())
		return 0, false
	}
	if !exact {
		l.complain(s.Words[i].Pos, syntax.Number, "no more decimals than microseconds", "it is rounded to "+inSeconds(d),
			"too many decimals in %s", quote(s.Arg(i)))
	}
	return d, true
}

// parseDuration reads a decimal number of units, to the microsecond.
func parseDuration(s string, unit time.Duration) (d time.Duration, exact, ok bool) {
	s = strings.TrimPrefix(strings.TrimLeft(s, " \t"), "+")
	whole, fraction, _ := strings.Cut(s, ".")
	if whole == "" && fraction == "" || !digits(whole) || !digits(fraction) || len(whole) > 10 {
		return 0, false, false
	}
	n, _ := strconv.ParseInt("0"+whole, 10, 64)
	d = time.Duration(n) * unit
	places := 6
	if unit == time.Millisecond {
		places = 3
	}
	exact = true
	if len(fraction) > places {
		exact = strings.Trim(fraction[places:], "0") == ""
		round := fraction[places] >= '5'
		fraction = fraction[:places]
		if round {
			d += time.Microsecond
		}
	}
	micro, _ := strconv.ParseInt("0"+fraction+strings.Repeat("0", places-len(fraction)), 10, 64)
	return d + time.Duration(micro)*time.Microsecond, exact, true
}

func digits(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// wholeSeconds is a time in seconds without decimals.
func wholeSeconds[T any](low, high int64, field func(*T) *time.Duration) value[T] {
	v := value[T]{args: span(low, high) + " s"}
	v.set = func(l *loader, t *T, s *syntax.Statement) {
		if n, ok := l.number(s, 1, low, high); ok {
			*field(t) = time.Duration(n) * time.Second
		}
	}
	v.show = func(t *T) string { return inSeconds(*field(t)) }
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
