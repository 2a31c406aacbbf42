package cfgparse

import (
	"regent/cfgparse/syntax"
)

// Format lays a configuration out in the canonical way; see syntax.Format.
func Format(text string) (string, error) {
	root := Language()
	return syntax.Format(text, func(word string) bool {
		k := root.Lookup(word)
		// track_file opens a list inside an instance, too.
		return k != nil && k.Shape != syntax.Line && word != "track_file"
	})
}
