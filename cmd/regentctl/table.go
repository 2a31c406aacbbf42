package main

import (
	"io"
	"strings"
	"unicode/utf8"
)

// A table prints aligned columns row by row, for a capture may come from a
// pipe that does not end. A column grows with the widest field it has seen; the
// last ones, whose width varies most, are not padded.
type table struct {
	w       io.Writer
	started bool
	widths  []int
	line    strings.Builder
}

// column is a heading. Its width is that of what is usual there, so that few
// rows need more.
type column struct {
	name  string
	width int
	right bool // numbers line up at their last digit
}

var columns = [...]column{
	{"TIME", 10, true},
	{"VRID", 4, true},
	{"VER", 3, false},
	{"FROM", 11, false},
	{"MAC", 17, false},
	{"TO", 10, false},
	{"TTL", 3, true},
	{"PRIORITY", 9, false},
	{"INTERVAL", 8, false},
	{"CHECKSUM", 12, false},
	{"BYTES", 5, true},
	{"ADDRESSES", 0, false},
	{"", 0, false}, // remarks
}

func newTable(w io.Writer) *table {
	t := &table{w: w, widths: make([]int, len(columns))}
	for i, c := range columns {
		t.widths[i] = max(c.width, len(c.name))
	}
	return t
}

// row prints one row, and before the first the headings.
func (t *table) row(fields ...string) error {
	if !t.started {
		t.started = true
		names := make([]string, len(columns))
		for i, c := range columns {
			names[i] = c.name
		}
		if err := t.print(names); err != nil {
			return err
		}
	}
	return t.print(fields)
}

func (t *table) print(fields []string) error {
	t.line.Reset()
	for i, field := range fields {
		n := utf8.RuneCountInString(field)
		if i < len(columns)-2 {
			t.widths[i] = max(t.widths[i], n)
		}
		pad := strings.Repeat(" ", max(0, t.widths[i]-n))
		if i > 0 && field != "" {
			t.line.WriteString("  ")
		}
		if columns[i].right {
			t.line.WriteString(pad + field)
		} else {
			t.line.WriteString(field + pad)
		}
	}
	_, err := io.WriteString(t.w, strings.TrimRight(t.line.String(), " ")+"\n")
	return err
}
