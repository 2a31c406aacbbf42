package syntax

// A Shape says how a keyword goes on after its own line.
type Shape uint8

const (
	Unknown Shape = iota // no keyword of this block
	Line                 // nothing follows
	Block                // { statements }
	List                 // { items, one a line }
	Foreign              // { anything }: not ours, nothing in it is looked at
)

// A Scope is the keywords of a block.
type Scope interface {
	// Keyword tells the shape of a keyword, and for a Block its scope.
	Keyword(name string) (Shape, Scope)
	// Name is what messages call the block.
	Name() string
}

// balance makes braces balance the way keepalived would have understood them,
// with a diagnostic for each repair. What comes out is well formed: each
// opening brace follows the line of a keyword that takes one, each has its
// closing one, and no line of a keyword that takes a block lacks them.
//
// keepalived finds out that a brace is wrong only by the keywords, so this
// stage needs to know them, too.
type balancer struct {
	report *Report
	in     []lexeme
	i      int
	out    []lexeme
}

func (b *balancer) emit(k kind, like lexeme) {
	like.kind = k
	if k != lineOf {
		like.words = nil
	}
	b.out = append(b.out, like)
}

func (b *balancer) next() (lexeme, bool) {
	if b.i == len(b.in) {
		return lexeme{}, false
	}
	b.i++
	return b.in[b.i-1], true
}

// nextIs reports whether a brace of kind k comes next.
func (b *balancer) nextIs(k kind) bool { return b.i < len(b.in) && b.in[b.i].kind == k }

// top reads the whole configuration.
func (b *balancer) top(scope Scope) {
	for b.i < len(b.in) {
		b.statements(scope, lexeme{}, 0)
	}
}

// statements reads keywords up to the brace that closes the block, or at the
// top level up to the end. head is the line of the block.
func (b *balancer) statements(scope Scope, head lexeme, depth int) {
	for {
		l, ok := b.next()
		if !ok {
			if depth > 0 {
				b.unclosed(head)
			}
			return
		}
		switch {
		case l.kind == opening:
			b.report.Add(Diagnostic{Pos: l.pos(), Severity: Warning, Class: Braces, Message: "unexpected '{'",
				Effect: "the brace is ignored; the one that closes it will close " + enclosing(scope)})
		case l.kind == closing && depth == 0:
			b.report.Add(Diagnostic{Pos: l.pos(), Severity: Warning, Class: Braces, Message: "'}' without a '{'",
				Effect: "it is ignored"})
		case l.kind == closing:
			b.emit(closing, l)
			return
		default:
			b.statement(scope, l, depth)
		}
	}
}

func enclosing(scope Scope) string {
	if n := scope.Name(); n != "" {
		return n
	}
	return "nothing"
}

func (b *balancer) statement(scope Scope, l lexeme, depth int) {
	shape, inner := scope.Keyword(l.words[0].Text)
	b.emit(lineOf, l)
	switch shape {
	case Block:
		b.open(l)
		b.statements(inner, l, depth+1)
	case List:
		b.open(l)
		b.list(l)
	case Foreign:
		if b.nextIs(opening) {
			b.skip(l)
		}
	}
}

// open reads the brace that opens a block.
func (b *balancer) open(head lexeme) {
	if b.nextIs(opening) {
		l, _ := b.next()
		b.emit(opening, l)
		return
	}
	p := head.pos()
	if b.i < len(b.in) {
		p = b.in[b.i].pos()
	}
	b.report.Add(Diagnostic{Pos: p, Severity: Warning, Class: Braces,
		Message:  "missing '{' after " + quote(head.words[0].Text),
		Expected: "'{' on the same line or first on the next",
		Effect:   "what follows is read as its block, up to the next '}'"})
	b.emit(opening, head)
}

// list reads items up to the closing brace. An opening brace is an item.
func (b *balancer) list(head lexeme) {
	for {
		l, ok := b.next()
		if !ok {
			b.unclosed(head)
			return
		}
		switch l.kind {
		case closing:
			b.emit(closing, l)
			return
		case opening:
			l.words = []Word{{"{", l.pos()}}
			l.kind = lineOf
			b.out = append(b.out, l)
		default:
			b.emit(lineOf, l)
		}
	}
}

// skip reads a block that is not ours by counting its braces.
func (b *balancer) skip(head lexeme) {
	l, _ := b.next()
	b.emit(opening, l)
	for depth := 1; ; {
		l, ok := b.next()
		if !ok {
			b.unclosed(head)
			return
		}
		switch l.kind {
		case opening:
			depth++
		case closing:
			if depth--; depth == 0 {
				b.emit(closing, l)
				return
			}
		}
	}
}

// unclosed closes a block at the end of the text.
func (b *balancer) unclosed(head lexeme) {
	b.report.Add(Diagnostic{Pos: head.pos(), Severity: Warning, Class: Braces,
		Message: "missing '}': the block of " + quote(head.words[0].Text) + " is never closed",
		Effect:  "it is closed at the end of the file"})
	b.emit(closing, head)
}
