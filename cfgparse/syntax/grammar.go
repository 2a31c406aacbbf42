package syntax

import (
	"errors"
	"io"
	"runtime"
	"slices"
	"sync"

	"github.com/alecthomas/participle/v2"
	plex "github.com/alecthomas/participle/v2/lexer"
)

// A Statement is a keyword with its arguments and its block.
type Statement struct {
	Words []Word
	Body  []*Statement // of a block or list
	End   Pos          // the brace that closes it
	raw   text
}

// Keyword is the first word.
func (s *Statement) Keyword() string { return s.Words[0].Text }

// Pos is where the statement begins.
func (s *Statement) Pos() Pos { return s.Words[0].Pos }

// Args are the words behind the keyword.
func (s *Statement) Args() []Word { return s.Words[1:] }

// Arg is the n-th word behind the keyword, from 1 on; empty if there is none.
func (s *Statement) Arg(n int) string {
	if n < len(s.Words) {
		return s.Words[n].Text
	}
	return ""
}

// The grammar. Participle's cost is by the token, so a run of lines without a
// block comes as one token, and so does a block of nothing but lines.
type (
	statementRule struct {
		Lines plex.Token `parser:"  @Lines"`
		Leaf  plex.Token `parser:"| @Leaf"`
		Block *blockRule `parser:"| @@"`
	}
	blockRule struct {
		Head  plex.Token       `parser:"@Head"`
		Open  plex.Token       `parser:"@Open"`
		Body  []*statementRule `parser:"@@*"`
		Close plex.Token       `parser:"@Close"`
	}
)

const (
	tokenLines plex.TokenType = -2 - iota
	tokenLeaf
	tokenHead
	tokenOpen
	tokenClose
)

// tokens feeds lexemes to participle. A token's offset is the index of its
// (first) lexeme; nothing else about it is needed.
type tokens struct {
	in []lexeme
	i  int
}

// Symbols names the tokens for the grammar.
func (t *tokens) Symbols() map[string]plex.TokenType {
	return map[string]plex.TokenType{
		"EOF": plex.EOF, "Lines": tokenLines, "Leaf": tokenLeaf, "Head": tokenHead, "Open": tokenOpen, "Close": tokenClose,
	}
}

// Lex is never called: the words were made by the stages before.
func (t *tokens) Lex(string, io.Reader) (plex.Lexer, error) {
	return nil, errors.New("the configuration is not read from a reader")
}

// Next is the next token.
func (t *tokens) Next() (plex.Token, error) {
	if t.i >= len(t.in) {
		return plex.EOFToken(plex.Position{Offset: t.i}), nil
	}
	token := plex.Token{Pos: plex.Position{Offset: t.i}}
	switch t.in[t.i].kind {
	case opening:
		token.Type = tokenOpen
	case closing:
		token.Type = tokenClose
	default:
		if t.opensAt(t.i) {
			token.Type = tokenHead
			if end := leafEnd(t.in, t.i); end > 0 {
				token.Type, t.i = tokenLeaf, end
			}
			break
		}
		token.Type = tokenLines
		for t.i+1 < len(t.in) && t.in[t.i+1].kind == lineOf && !t.opensAt(t.i+1) {
			t.i++
		}
	}
	t.i++
	return token, nil
}

// leafEnd is where the block of the line at i ends if it holds only lines; 0:
// it holds blocks.
func leafEnd(in []lexeme, i int) int {
	for j := i + 2; j < len(in); j++ {
		switch in[j].kind {
		case closing:
			return j
		case opening:
			return 0
		}
	}
	return 0
}

// opensAt reports whether the line at i has a block.
func (t *tokens) opensAt(i int) bool { return i+1 < len(t.in) && t.in[i+1].kind == opening }

// parser builds the grammar once, when it is first needed.
var parser = sync.OnceValue(func() *participle.Parser[statementRule] {
	return participle.MustBuild[statementRule](participle.Lexer(&tokens{}))
})

// parse makes statements of balanced lexemes, one top-level statement at a
// time, and on as many processors as there are: participle takes about half
// of the time that a large configuration needs.
func parse(in []lexeme, report *Report) []*Statement {
	parts := chunks(in, runtime.GOMAXPROCS(0))
	results := make([][]*Statement, len(parts))
	failures := make([]error, len(parts))
	var wg sync.WaitGroup
	for i, part := range parts {
		wg.Go(func() { results[i], failures[i] = parseChunk(part) })
	}
	wg.Wait()
	if err := errors.Join(failures...); err != nil {
		// Balanced braces always parse; should they not, nothing may run.
		report.Fail(in[0].pos(), Braces, "cannot make sense of the configuration: %v", err)
	}
	return slices.Concat(results...)
}

// minChunk is how many lexemes are worth a goroutine.
const minChunk = 4096

// chunks cuts lexemes between top-level statements into at most n parts.
func chunks(in []lexeme, n int) [][]lexeme {
	size := max(minChunk, len(in)/n+1)
	var out [][]lexeme
	depth, start := 0, 0
	for i := range in {
		switch in[i].kind {
		case opening:
			depth++
		case closing:
			depth--
		}
		if depth == 0 && i-start >= size && in[i].kind == closing {
			out = append(out, in[start:i+1])
			start = i + 1
		}
	}
	if start < len(in) {
		out = append(out, in[start:])
	}
	return out
}

func parseChunk(in []lexeme) ([]*Statement, error) {
	lex, err := plex.Upgrade(&tokens{in: in})
	if err != nil {
		return nil, err
	}
	b := builder{in: in, statements: make([]Statement, 0, len(in))}
	var out []*Statement
	for !lex.Peek().EOF() {
		rule, err := parser().ParseFromLexer(lex, participle.AllowTrailing(true))
		if err != nil {
			return out, err
		}
		out = b.add(out, rule)
	}
	return out, nil
}

// A builder turns what participle found into statements.
type builder struct {
	in         []lexeme
	statements []Statement // one piece of memory for all of them
}

func (b *builder) add(out []*Statement, rule *statementRule) []*Statement {
	switch {
	case rule.Leaf.Type == tokenLeaf:
		return append(out, b.leaf(rule.Leaf.Pos.Offset))
	case rule.Block == nil:
		for i := rule.Lines.Pos.Offset; i < len(b.in) && b.in[i].kind == lineOf && (i+1 == len(b.in) || b.in[i+1].kind != opening); i++ {
			out = append(out, b.statement(i))
		}
		return out
	}
	s := b.statement(rule.Block.Head.Pos.Offset)
	s.Body = make([]*Statement, 0, 2*len(rule.Block.Body))
	for _, r := range rule.Block.Body {
		s.Body = b.add(s.Body, r)
	}
	s.End = b.in[rule.Block.Close.Pos.Offset].pos()
	return append(out, s)
}

// leaf makes the statement at i with its block of lines.
func (b *builder) leaf(i int) *Statement {
	s := b.statement(i)
	end := leafEnd(b.in, i)
	s.Body = make([]*Statement, 0, end-i-2)
	for j := i + 2; j < end; j++ {
		s.Body = append(s.Body, b.statement(j))
	}
	s.End = b.in[end].pos()
	return s
}

func (b *builder) statement(i int) *Statement {
	b.statements = append(b.statements, Statement{Words: b.in[i].words, raw: b.in[i].raw})
	return &b.statements[len(b.statements)-1]
}
