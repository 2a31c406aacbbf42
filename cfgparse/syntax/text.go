package syntax

import "strings"

// A text is a line on its way through the stages. It knows for each byte the
// column in which a person wrote it, or what it was substituted for.
type text struct {
	s      string
	column int    // of s[0], where spans is empty
	spans  []span // ascending; empty: nothing was substituted
	from   *origin
}

// A span maps the bytes from offset off on to columns of the source line.
type span struct {
	off, column int
	fixed       bool // substituted: all bytes stand in this column
}

func (t text) col(i int) int {
	if len(t.spans) == 0 {
		return t.column + i
	}
	k := len(t.spans) - 1
	for k > 0 && t.spans[k].off > i {
		k--
	}
	sp := t.spans[k]
	if sp.fixed {
		return sp.column
	}
	return sp.column + i - sp.off
}

func (t text) pos(i int) Pos { return t.from.at(t.col(i)) }

// upTo is the first n bytes.
func (t text) upTo(n int) text {
	t.s = t.s[:n]
	return t
}

// after is the text without its first n bytes.
func (t text) after(n int) text {
	if n == 0 {
		return t
	}
	if len(t.spans) == 0 {
		t.column += n
		t.s = t.s[n:]
		return t
	}
	var spans []span
	for i, sp := range t.spans {
		last := i+1 == len(t.spans) || t.spans[i+1].off > n
		switch {
		case sp.off >= n:
			sp.off -= n
		case !last:
			continue
		default:
			if !sp.fixed {
				sp.column += n - sp.off
			}
			sp.off = 0
		}
		spans = append(spans, sp)
	}
	t.s, t.spans = t.s[n:], spans
	return t
}

// replace puts a value in place of the bytes from i to j.
func (t text) replace(i, j int, value string) text {
	old := t.spans
	if len(old) == 0 {
		old = []span{{0, t.column, false}}
	}
	spans := make([]span, 0, len(old)+2)
	for _, sp := range old {
		if sp.off < i {
			spans = append(spans, sp)
		}
	}
	spans = append(spans, span{i, t.col(i), true})
	if j < len(t.s) {
		spans = append(spans, span{i + len(value), t.col(j), t.fixedAt(j)})
	}
	for _, sp := range old {
		if sp.off > j {
			sp.off += len(value) - (j - i)
			spans = append(spans, sp)
		}
	}
	t.s, t.spans = t.s[:i]+value+t.s[j:], spans
	return t
}

func (t text) fixedAt(i int) bool {
	fixed := false
	for _, sp := range t.spans {
		if sp.off <= i {
			fixed = sp.fixed
		}
	}
	return fixed
}

// trim drops the blanks at both ends.
func (t text) trim() text {
	if n := len(t.s); n == 0 || !isBlank(t.s[0]) && !isBlank(t.s[n-1]) {
		return t
	}
	t.s = strings.TrimRight(t.s, blanks)
	return t.after(len(t.s) - len(strings.TrimLeft(t.s, blanks)))
}

// blanks separate words.
const blanks = " \t\r\v\f\n"

func isBlank(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }
