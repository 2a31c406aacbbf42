package cfgparse

import (
	"fmt"
	"strconv"
	"strings"

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
		if n, ok := l.leniently(s, low, high); ok {
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
		if n, ok := l.leniently(s, low, high); ok {
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
			n, ok = l.leniently(s, low, high)
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
		n, ok := l.leniently(s, 0, unbounded)
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

func showNumber[N integer](n N) string { return fmt.Sprint(n) }

func showCount(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}
