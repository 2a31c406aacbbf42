package cfgparse

import (
	"strconv"
	"strings"
	"time"

	"regent/cfgparse/syntax"
)

// seconds is a time in seconds with at most six decimals.
func seconds[T any](low, high time.Duration, field func(*T) *time.Duration) value[T] {
	return duration(low, high, time.Second, field)
}

// milliseconds is a time in milliseconds with at most three decimals.
func milliseconds[T any](low, high time.Duration, field func(*T) *time.Duration) value[T] {
	return duration(low, high, time.Millisecond, field)
}

// wholeSeconds is a time in seconds without decimals.
func wholeSeconds[T any](low, high int64, field func(*T) *time.Duration) value[T] {
	v := value[T]{args: span(low, high) + " s"}
	v.set = func(l *loader, t *T, s *syntax.Statement) {
		if n, ok := l.leniently(s, low, high); ok {
			*field(t) = time.Duration(n) * time.Second
		}
	}
	v.show = func(t *T) string { return inSeconds(*field(t)) }
	return v
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

// microseconds is a whole number of them.
func microseconds[T any](low, high int64, field func(*T) *time.Duration) value[T] {
	return value[T]{args: span(low, high) + " us",
		set: func(l *loader, t *T, s *syntax.Statement) {
			if n, ok := l.leniently(s, low, high); ok {
				*field(t) = time.Duration(n) * time.Microsecond
			}
		},
		show: func(t *T) string { return inSeconds(*field(t)) },
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
