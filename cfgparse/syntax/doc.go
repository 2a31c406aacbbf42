// Package syntax turns configuration text into a tree of words that remember
// where they stood.
//
// Text goes one way through five stages, each in a file of its own:
//
//	source.go  files           -> lines as people wrote them
//	expand.go  conditions, definitions, includes, sequences -> lines to read
//	lex.go     quotes and braces -> words
//	braces.go  the keywords that take a block -> braces that balance
//	grammar.go a participle grammar -> statements
//
// No stage stops at a mistake: each reports it and goes on the way keepalived
// does, so that an author hears of every mistake at once.
package syntax
