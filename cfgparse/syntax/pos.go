package syntax

import "strconv"

// A Pos is a place in a configuration file. Line and Column count from 1; the
// zero Pos is no place.
type Pos struct {
	File   string
	Line   int
	Column int

	origin *origin // how the line came into the configuration
}

// An origin is one line as a person wrote it, and what brought it into the
// configuration.
type origin struct {
	file string
	line int
	text string // without its end of line
	via  *Step  // nil in the main file
	seq  int    // counts lines in the order in which they are read
}

// A Step is an include or a definition through which a line came.
type Step struct {
	What string // "included", "$NAME"
	At   Pos    // the line that included or used it
}

// IsValid reports whether p is a place at all.
func (p Pos) IsValid() bool { return p.Line > 0 }

// String is p as file:line:column.
func (p Pos) String() string {
	if !p.IsValid() {
		return p.File
	}
	s := p.File + ":" + strconv.Itoa(p.Line)
	if p.Column > 0 {
		s += ":" + strconv.Itoa(p.Column)
	}
	return s
}

// Source is the line that p lies in, as it was written.
func (p Pos) Source() string {
	if p.origin == nil {
		return ""
	}
	return p.origin.text
}

// Via is the way by which the line came into the configuration, the nearest
// step first; empty for a line of the main file that stands for itself.
func (p Pos) Via() []Step {
	var steps []Step
	for o := p.origin; o != nil && o.via != nil; o = o.via.At.origin {
		steps = append(steps, *o.via)
	}
	return steps
}

// at is a place in the line.
func (o *origin) at(column int) Pos {
	return Pos{File: o.file, Line: o.line, Column: column, origin: o}
}
