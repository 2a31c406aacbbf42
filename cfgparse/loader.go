package cfgparse

import (
	"fmt"
	"strings"

	"regent/cfgparse/syntax"
	"regent/netif"
)

// A loader turns statements into settings. It is the one who knows the
// configuration so far, the machine, and what was wrong.
type loader struct {
	*syntax.Report
	env Env
	cfg *Config

	files     catalog[fileDraft]
	processes catalog[processDraft]
	scripts   catalog[scriptDraft]
	bfds      catalog[bfdDraft]
	drafts    []*draft
	groups    []*groupDraft
	foreign   []syntax.Pos // keywords of load balancing
	postponed []*postponed

	noScriptUser bool // scripts without a user of their own cannot run
	searches     int  // for names that were meant
	tracked      map[trackKey]bool

	instances   map[string]*draft
	groupNames  map[string]syntax.Pos
	garpMembers map[string]bool
	devices     map[string]bool              // that regent itself will make
	names       map[string]map[string]uint64 // of iproute2, by file
	preferences map[netif.Family]uint32      // of the next rule that says none
}

// A catalog is the blocks of a kind, in their order.
type catalog[T any] struct {
	all   []*T
	names []string // of each
	index map[string]*T
}

func (c *catalog[T]) add(name string, block *T) {
	c.all, c.names = append(c.all, block), append(c.names, name)
	if c.index == nil {
		c.index = map[string]*T{}
	}
	if c.index[name] == nil {
		c.index[name] = block
	}
}

// find returns the first block of a name, nil if there is none.
func (c *catalog[T]) find(name string) *T { return c.index[name] }

// An Origin says where a block stands, and where each of its values was said.
type Origin struct {
	At    syntax.Pos
	Lines map[string]syntax.Pos // by keyword; one that is missing has its default
}

func (o *Origin) note(keyword string, p syntax.Pos) {
	if o.Lines == nil {
		o.Lines = make(map[string]syntax.Pos, 8)
	}
	o.Lines[keyword] = p
}

// said reports whether a keyword stands in the block.
func (o *Origin) said(keyword string) bool {
	_, ok := o.Lines[keyword]
	return ok
}

// line is where a keyword was said, else where the block begins.
func (o *Origin) line(keyword string) syntax.Pos {
	if p, ok := o.Lines[keyword]; ok {
		return p
	}
	return o.At
}

type noter interface {
	note(keyword string, p syntax.Pos)
}

// block reads the statements of a block into a target.
func (l *loader) block(v *Vocabulary, target any, body []*syntax.Statement) {
	for _, s := range body {
		k := v.index[s.Keyword()]
		if k == nil {
			l.unknown(v, s)
			continue
		}
		l.statement(k, target, s)
	}
}

// statement fills what a keyword is about from one statement of it.
func (l *loader) statement(k *Keyword, target any, s *syntax.Statement) {
	l.spelling(k, s)
	if k.Pending {
		l.pending(k, s)
	}
	if k.Tier == D {
		l.foreign = append(l.foreign, s.Pos())
	}
	if n, ok := target.(noter); ok {
		n.note(k.Name, s.Pos())
	}
	switch k.Shape {
	case syntax.Block:
		t := k.target(l, target, s)
		if t == nil {
			return
		}
		l.block(k.Block, t, s.Body)
		if k.close != nil {
			k.close(l, target, t, s)
		}
	case syntax.List:
		l.extra(k, s)
		if k.set != nil {
			k.set(l, target, s)
		}
		for _, item := range s.Body {
			k.item(l, target, item)
		}
	default:
		if k.set != nil {
			k.set(l, target, s)
		}
	}
}

// spelling warns of names that keepalived calls deprecated.
func (l *loader) spelling(k *Keyword, s *syntax.Statement) {
	for _, name := range k.Old {
		if name == s.Keyword() {
			l.Add(syntax.Diagnostic{Pos: s.Pos(), Severity: syntax.Warning, Class: syntax.Deprecated,
				Message: quote(name) + " is deprecated", Suggest: k.Name, Effect: "it still works"})
		}
	}
}

// postponed is a keyword that regent only understands.
type postponed struct {
	at    syntax.Pos // the first
	name  string
	count int
}

// pending remembers a keyword that regent only understands.
func (l *loader) pending(k *Keyword, s *syntax.Statement) {
	for _, p := range l.postponed {
		if p.name == k.Name {
			p.count++
			return
		}
	}
	l.postponed = append(l.postponed, &postponed{s.Pos(), k.Name, 1})
}

// warnPending says once for each such keyword that it does nothing yet.
// Nobody should have to find out at the first failure.
func (l *loader) warnPending() {
	for _, p := range l.postponed {
		more := ""
		if p.count > 1 {
			more = fmt.Sprintf(" (here and in %d more places)", p.count-1)
		}
		l.Add(syntax.Diagnostic{Pos: p.at, Severity: syntax.Warning, Class: syntax.Advice,
			Message: quote(p.name) + " is accepted, but regent does not act on it yet" + more})
	}
}

// extra warns of words between the keyword of a list and its brace.
func (l *loader) extra(k *Keyword, s *syntax.Statement) {
	if len(s.Words) > 1 {
		l.Add(syntax.Diagnostic{Pos: s.Words[1].Pos, Severity: syntax.Warning, Class: syntax.General,
			Message: fmt.Sprintf("unexpected %s between %s and its '{'", quote(s.Arg(1)), k.Name), Effect: "it is ignored"})
	}
}

// unknown reports a word that is no keyword of its block.
func (l *loader) unknown(v *Vocabulary, s *syntax.Statement) {
	if l.Full() { // counted, but not worth a search for what was meant
		l.Add(syntax.Diagnostic{Pos: s.Pos(), Severity: syntax.Warning, Class: syntax.UnknownKeyword})
		return
	}
	where := "at the top level"
	if v.Title != "" {
		where = "in " + v.Title
	}
	word := s.Keyword()
	d := syntax.Diagnostic{Pos: s.Pos(), Severity: syntax.Warning, Class: syntax.UnknownKeyword,
		Message: fmt.Sprintf("unknown keyword %s %s", quote(word), where), Effect: "the line is ignored"}
	d.Suggest = v.nearest(word)
	if d.Suggest == "" {
		if home := homeOf(word); home != "" && home != v.Title {
			d.Expected = fmt.Sprintf("%s belongs into %s", word, home)
		}
	}
	if strings.HasPrefix(word, "$") {
		d.Expected = "a definition of " + word + " before this line, on a line of its own"
	}
	l.Add(d)
}

// complain is a warning about one word of a statement.
func (l *loader) complain(p syntax.Pos, c syntax.Class, expected, effect, format string, args ...any) {
	l.Add(syntax.Diagnostic{Pos: p, Severity: syntax.Warning, Class: c, Message: fmt.Sprintf(format, args...),
		Expected: expected, Effect: effect})
}

// refuse is an error: the daemon does not run.
func (l *loader) refuse(p syntax.Pos, c syntax.Class, expected, format string, args ...any) {
	l.Add(syntax.Diagnostic{Pos: p, Severity: syntax.Error, Class: c, Message: fmt.Sprintf(format, args...),
		Expected: expected, Effect: "the daemon does not run"})
}

// need reports whether a statement has at least n arguments. keepalived gives
// up at one that has not.
func (l *loader) need(s *syntax.Statement, n int, expected string) bool {
	if len(s.Words) > n {
		return true
	}
	l.refuse(s.Pos(), syntax.MissingParameter, s.Keyword()+" "+expected, "%s lacks its argument", quote(s.Keyword()))
	return false
}
