package cfgparse

import (
	"strconv"
	"strings"
)

// nearest is the keyword of the block that a misspelt word was meant to be;
// empty if none is near enough.
func (v *Vocabulary) nearest(word string) string {
	best, bestAt := "", limit(word)+1
	for _, k := range v.Keywords {
		for _, name := range k.Names() {
			if d := distance(strings.ToLower(word), name, bestAt); d < bestAt {
				best, bestAt = name, d
			}
		}
	}
	return best
}

// maxCandidates bounds how many names are searched for the one that was meant.
const maxCandidates = 1000

// maxSearches bounds how often they are: who has misspelt so many names has
// other problems.
const maxSearches = 200

// nearestOf is the same for a plain list of words.
func nearestOf(word string, words []string) string {
	words = words[:min(len(words), maxCandidates)]
	best, bestAt := "", limit(word)+1
	for _, name := range words {
		if d := distance(strings.ToLower(word), strings.ToLower(name), bestAt); d < bestAt {
			best, bestAt = name, d
		}
	}
	if best == word { // right, but in the wrong place
		return ""
	}
	return best
}

// limit is how many slips a word of its length may have.
func limit(word string) int { return min(3, (len(word)+2)/4) }

// homeOf names the block in which a word is a keyword.
func homeOf(word string) string {
	root := Language()
	for _, k := range root.Keywords {
		if k.Block != nil && k.Block.index[word] != nil {
			return k.Block.Title
		}
	}
	if root.index[word] != nil {
		return "the top level"
	}
	return ""
}

// distance counts the letters to insert, drop, change or swap with the next to
// make b of a, and gives up at limit.
func distance(a, b string, limit int) int {
	if len(a)-len(b) >= limit || len(b)-len(a) >= limit {
		return limit
	}
	before := make([]int, len(b)+1)
	last := make([]int, len(b)+1)
	this := make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		this[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			this[j] = min(last[j]+1, this[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				this[j] = min(this[j], before[j-2]+1)
			}
		}
		before, last, this = last, this, before
	}
	return last[len(b)]
}

// quote puts a word from the configuration into a message.
func quote(s string) string {
	if len(s) > 80 {
		s = s[:77] + "..."
	}
	return strconv.Quote(s)
}
