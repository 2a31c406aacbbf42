package syntax

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// Terminal colours.
const (
	bold   = "\x1b[1m"
	red    = "\x1b[1;31m"
	yellow = "\x1b[1;33m"
	cyan   = "\x1b[1;36m"
	green  = "\x1b[1;32m"
	plain  = "\x1b[0m"
)

var severityColours = [...]string{Note: cyan, Warning: yellow, Error: red}

// Fprint writes the diagnostics for people: the place and the problem, the
// line with a caret under the word, then what was expected and what follows.
func (ds Diagnostics) Fprint(w io.Writer, colour bool) error {
	b := bufio.NewWriter(w)
	for _, d := range ds {
		d.print(b, colour)
	}
	return b.Flush()
}

func (d Diagnostic) print(b *bufio.Writer, colour bool) {
	paint := func(c, s string) string {
		if !colour {
			return s
		}
		return c + s + plain
	}
	if p := d.Pos.String(); p != "" {
		fmt.Fprint(b, paint(bold, p+":"), " ")
	}
	fmt.Fprint(b, paint(severityColours[d.Severity], d.Severity.String()+":"), " ", d.Message)
	if d.Suggest != "" {
		fmt.Fprintf(b, " (did you mean %s?)", paint(green, fmt.Sprintf("%q", d.Suggest)))
	}
	fmt.Fprintln(b)
	if line := d.Pos.Source(); line != "" {
		line, indent := clip(line, d.Pos.Column)
		fmt.Fprintf(b, "    %s\n    %s%s\n", line, indent, paint(green, "^"))
	}
	for i, s := range d.Pos.Via() {
		if i == 4 {
			fmt.Fprintln(b, "    ...")
			break
		}
		fmt.Fprintf(b, "    %s at %s\n", s.What, s.At)
	}
	if d.Expected != "" {
		fmt.Fprintf(b, "    expected: %s\n", d.Expected)
	}
	if d.Effect != "" {
		fmt.Fprintf(b, "    effect: %s\n", d.Effect)
	}
}

// clip returns the part of a source line that is worth showing, without
// control characters, and the blanks that lead to the column. Tabs stay tabs
// in both, so that the caret lines up.
func clip(line string, column int) (shown, indent string) {
	const width = 160
	start := 0
	if column > width {
		start = column - width/2
	}
	line = line[min(start, len(line)):]
	column -= start
	if len(line) > width {
		line = line[:width]
	}
	var s, in strings.Builder
	for i, r := range line {
		if r == utf8.RuneError || r < ' ' && r != '\t' || r == 0x7f {
			r = '.'
		}
		s.WriteRune(r)
		if i < column-1 {
			if r != '\t' {
				r = ' '
			}
			in.WriteRune(r)
		}
	}
	return strings.TrimRight(s.String(), " \t"), in.String()
}

// MarshalJSON writes a diagnostic for editors and pipelines.
func (d Diagnostic) MarshalJSON() ([]byte, error) {
	type via struct {
		What string `json:"what"`
		File string `json:"file"`
		Line int    `json:"line"`
	}
	v := struct {
		File     string   `json:"file,omitempty"`
		Line     int      `json:"line,omitempty"`
		Column   int      `json:"column,omitempty"`
		Severity Severity `json:"severity"`
		Class    Class    `json:"class"`
		Message  string   `json:"message"`
		Expected string   `json:"expected,omitempty"`
		Suggest  string   `json:"suggestion,omitempty"`
		Effect   string   `json:"effect,omitempty"`
		Source   string   `json:"source,omitempty"`
		Via      []via    `json:"via,omitempty"`
	}{d.Pos.File, d.Pos.Line, d.Pos.Column, d.Severity, d.Class, d.Message, d.Expected, d.Suggest, d.Effect, d.Pos.Source(), nil}
	for _, s := range d.Pos.Via() {
		v.Via = append(v.Via, via{s.What, s.At.File, s.At.Line})
	}
	return json.Marshal(v)
}
