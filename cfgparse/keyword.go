package cfgparse

import (
	"regent/cfgparse/syntax"
)

// A Tier says how common a keyword is, and so how faithful regent must be.
type Tier byte

// The tiers.
const (
	A Tier = 'A' // of typical configurations in production
	B Tier = 'B' // real, but less common
	C Tier = 'C' // rare, or in need of hardware or another program
	D Tier = 'D' // of load balancing, which regent does not do
	R Tier = 'R' // of regent alone: keepalived does not know it
)

func (t Tier) String() string { return string(t) }

// A Keyword is one word of the configuration language: the single place that
// says what it is called, what it takes, what holds without it, what it does
// and where its value goes. The parser, the suggestions for misspelt words,
// "regentctl config show" and the reference are all made of it.
type Keyword struct {
	Name    string
	Aliases []string // other spellings; keepalived calls those in Old deprecated
	Old     []string
	Args    string // as the reference shows them; empty: none
	Default string // what holds without it; empty: nothing
	Help    string
	Tier    Tier
	Pending bool // understood and checked, but regent does not act on it yet

	Shape  syntax.Shape
	Block  *Vocabulary // of a block: its keywords
	target func(l *loader, parent any, s *syntax.Statement) any
	close  func(l *loader, parent, target any, s *syntax.Statement)
	set    func(l *loader, target any, s *syntax.Statement)
	item   func(l *loader, target any, s *syntax.Statement) // of a list: one line of it
	show   func(target any) string
}

// Names are all spellings of the keyword.
func (k *Keyword) Names() []string {
	return append(append([]string{k.Name}, k.Aliases...), k.Old...)
}

// A Vocabulary is the keywords of a block. It is the scope by which syntax
// knows which of them take a block of their own.
type Vocabulary struct {
	Title    string // of the block, as it is written; empty at the top level
	Keywords []*Keyword
	index    map[string]*Keyword
}

func vocabulary(title string, keywords ...*Keyword) *Vocabulary {
	v := &Vocabulary{Title: title, Keywords: keywords, index: map[string]*Keyword{}}
	for _, k := range keywords {
		for _, name := range k.Names() {
			if v.index[name] != nil {
				panic("keyword " + name + " twice in " + title)
			}
			v.index[name] = k
		}
		k.Pending = k.Pending || isPending(title, k.Name)
	}
	return v
}

// Name is the title of the block.
func (v *Vocabulary) Name() string { return v.Title }

// Keyword tells the shape of a keyword.
func (v *Vocabulary) Keyword(name string) (syntax.Shape, syntax.Scope) {
	k := v.index[name]
	if k == nil {
		return syntax.Unknown, nil
	}
	return k.Shape, k.Block
}

// Lookup finds a keyword by any of its spellings.
func (v *Vocabulary) Lookup(name string) *Keyword { return v.index[name] }

// A value is a way to read the arguments of a keyword into a T, and to show
// what is there.
type value[T any] struct {
	args  string
	shape syntax.Shape
	set   func(l *loader, t *T, s *syntax.Statement)
	item  func(l *loader, t *T, s *syntax.Statement)
	show  func(t *T) string
}

// key is a row of a table.
func key[T any](name string, tier Tier, v value[T], def, help string, more ...func(*Keyword)) *Keyword {
	k := &Keyword{Name: name, Tier: tier, Args: v.args, Default: def, Help: help, Shape: v.shape}
	if k.Shape == syntax.Unknown {
		k.Shape = syntax.Line
	}
	if v.set != nil {
		k.set = func(l *loader, t any, s *syntax.Statement) { v.set(l, t.(*T), s) }
	}
	if v.item != nil {
		k.item = func(l *loader, t any, s *syntax.Statement) { v.item(l, t.(*T), s) }
	}
	if v.show != nil {
		k.show = func(t any) string { return v.show(t.(*T)) }
	}
	for _, f := range more {
		f(k)
	}
	return k
}

// block is a row whose keyword opens a block. open makes the target that its
// keywords fill, nil to skip the block; shut, which may be nil, looks at it
// when it is complete.
func block[P, T any](name string, tier Tier, v *Vocabulary, help string,
	open func(l *loader, parent *P, s *syntax.Statement) *T,
	shut func(l *loader, parent *P, t *T, s *syntax.Statement), more ...func(*Keyword)) *Keyword {
	k := &Keyword{Name: name, Tier: tier, Args: "{ }", Help: help, Shape: syntax.Block, Block: v}
	k.target = func(l *loader, parent any, s *syntax.Statement) any {
		if t := open(l, parent.(*P), s); t != nil {
			return t
		}
		return nil
	}
	if shut != nil {
		k.close = func(l *loader, parent, t any, s *syntax.Statement) { shut(l, parent.(*P), t.(*T), s) }
	}
	for _, f := range more {
		f(k)
	}
	return k
}

// alias gives a keyword other spellings.
func alias(names ...string) func(*Keyword) {
	return func(k *Keyword) { k.Aliases = append(k.Aliases, names...) }
}

// old gives a keyword spellings that keepalived warns of.
func old(names ...string) func(*Keyword) {
	return func(k *Keyword) { k.Old = append(k.Old, names...) }
}

// named says that a block has a name.
func named(k *Keyword) { k.Args = "NAME { }" }
