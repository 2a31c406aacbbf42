// Package syntax turns configuration text into a tree of words that remember
// where they stood.
package syntax

// A Pos is a place in a configuration file. Line and Column count from 1.
type Pos struct {
	File   string
	Line   int
	Column int
}
