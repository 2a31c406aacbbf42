package syntax

import (
	"os"
	"path/filepath"
	"strings"
)

// Options say how configuration text is read.
type Options struct {
	Files  Files                    // nil: Disk
	ID     string                   // the config-id that @ID lines are held against
	Dir    string                   // working directory, for ${_PWD}; empty: os.Getwd
	Getenv func(name string) string // for ${_ENV NAME}; nil: os.Getenv
	Random func(low, high int) int  // for ${_RANDOM}; nil: math/rand

	// CheckIncludes makes every include that finds nothing an error, as
	// keepalived's --all-config does.
	CheckIncludes bool
}

// An expander turns files into lines to read: conditions are decided,
// definitions replaced, includes and sequences spelled out.
type expander struct {
	Options
	report  *Report
	defs    map[string]*definition
	out     []text
	work    int  // bytes looked at, held against maxWork
	full    bool // a limit was hit: nothing more is read
	open    *definition
	reading []string // files being read, the innermost last
	checks  includeChecks
	seq     int
	missing map[string]bool // names reported as undefined
}

// A definition is what $NAME stands for. One with a body of several lines is
// replaced only at the end of a line.
type definition struct {
	name  string
	value string
	body  []text
	multi bool
}

func newExpander(o Options, r *Report) *expander {
	if o.Files == nil {
		o.Files = Disk{}
	}
	if o.Getenv == nil {
		o.Getenv = os.Getenv
	}
	if o.Dir == "" {
		o.Dir, _ = os.Getwd()
	}
	e := &expander{Options: o, report: r, defs: map[string]*definition{}}
	if o.CheckIncludes {
		e.checks = checkAll
	}
	return e
}

// physical takes a line as it stands in a file. Inside a definition of
// several lines it belongs to the definition.
func (e *expander) physical(raw string, from *origin) {
	t := text{s: raw, column: 1, from: from}
	if strings.IndexByte(raw, 0) >= 0 {
		e.report.Add(Diagnostic{Pos: from.at(strings.IndexByte(raw, 0) + 1), Severity: Warning, Class: General,
			Message: "line contains a NUL byte", Effect: "the line is ignored"})
		return
	}
	if len(raw) > maxRead {
		e.stop(from.at(maxRead), "line is longer than 8 KiB")
		return
	}
	if len(raw) > maxLine {
		e.report.Add(Diagnostic{Pos: from.at(maxLine), Severity: Warning, Class: General,
			Message: "line is longer than 1023 bytes",
			Effect:  "regent reads all of it; keepalived would read only a part"})
	}
	t = t.trim()
	continued := strings.HasSuffix(t.s, `\`)
	t = t.uncomment()
	if e.open != nil {
		e.collect(t, continued)
		return
	}
	e.line(t, 0)
}

// collect adds a line to the definition that is being read. A comment that
// ends in a backslash keeps the definition open, as in keepalived.
func (e *expander) collect(t text, continued bool) {
	t.s = strings.TrimRight(strings.TrimSuffix(t.s, `\`), blanks)
	if t.s != "" {
		e.open.body = append(e.open.body, t)
	}
	if !continued {
		e.open = nil
	}
}

// line takes a line without comment through conditions, definitions,
// sequences, substitution and includes. depth counts the definitions and
// sequences that it came out of.
func (e *expander) line(t text, depth int) {
	if e.charge(t.pos(0), len(t.s)); e.full || t.s == "" {
		return
	}
	if depth > maxDepth {
		e.report.Warn(t.pos(0), General, "definitions are nested too deeply")
		return
	}
	if t.s[0] == '@' {
		if t = e.condition(t); t.s == "" {
			return
		}
	}
	if t.s[0] == '$' && e.define(t) {
		return
	}
	if t.s[0] == '~' {
		if e.sequence(t, depth) {
			return
		}
	} else {
		var d *definition
		t, d = e.substitute(t)
		if d != nil {
			e.unfold(t, d, depth)
			return
		}
	}
	t = t.uncomment().trim()
	if strings.HasPrefix(t.s, "@") { // a condition out of a definition: keepalived 2.4 forgot these
		t = e.condition(t)
	}
	if t.s == "" || e.include(t) {
		return
	}
	if len(e.out) >= maxLines {
		e.stop(t.pos(0), "the configuration is larger than 100000 lines after expansion")
		return
	}
	e.out = append(e.out, t)
}

// charge counts work against the limit. Expansion can multiply text without
// end, so everything it looks at is paid for, whether it is kept or not.
func (e *expander) charge(p Pos, n int) {
	if e.work += n + 32; e.work > maxWork {
		e.stop(p, "the definitions and sequences of the configuration grow too large")
	}
}

// stop gives up reading: what is hostile or broken enough to hit a limit must
// not run half read.
func (e *expander) stop(p Pos, why string) {
	if !e.full {
		e.full = true
		e.report.Add(Diagnostic{Pos: p, Severity: Error, Class: General, Message: why,
			Effect: "the rest is not read and the daemon does not run"})
	}
}

// condition decides a line that begins with @ID or @^ID, and returns what is
// left of it: nothing if the line is for another.
func (e *expander) condition(t text) text {
	id := t.s[1:]
	end := strings.IndexAny(id, " \t")
	if end < 0 {
		return text{} // no blank after the id: dropped
	}
	id = id[:end]
	want := true
	if strings.HasPrefix(id, "^") {
		id, want = id[1:], false
	}
	if (id == e.ID && id != "") != want {
		return text{}
	}
	return t.after(1 + end).trim()
}

// define handles $NAME=VALUE, and reports whether t is such a line.
func (e *expander) define(t text) bool {
	n := identifier(t.s[1:])
	if n == 0 || len(t.s) <= n+1 || t.s[n+1] != '=' {
		return false
	}
	d := &definition{name: t.s[1 : n+1]}
	value := t.after(n + 2).trim()
	if strings.HasSuffix(value.s, `\`) {
		d.multi = true
		value.s = strings.TrimRight(strings.TrimSuffix(value.s, `\`), blanks)
		if value.s != "" {
			d.body = append(d.body, value)
		}
		e.open = d
	}
	d.value = value.s
	e.defs[d.name] = d
	return true
}

// unfold reads the body of a definition in place of its name at the end of t;
// what stands before the name goes before the first line of the body.
func (e *expander) unfold(t text, d *definition, depth int) {
	name := strings.LastIndexByte(t.s, '$')
	step := &Step{What: "$" + d.name, At: t.pos(name)}
	for i, b := range d.body {
		from := *b.from
		from.via = step
		e.seq++
		from.seq = e.seq
		b.from = &from
		if i == 0 && name > 0 {
			b = prefixed(t.upTo(name), b)
		}
		e.line(b.trim(), depth+1)
		if e.full {
			return
		}
	}
	if len(d.body) == 0 && name > 0 {
		e.line(t.upTo(name).trim(), depth+1)
	}
}

// prefixed is the text before a name followed by the first line of its body.
// The place of both is that of the name's line.
func prefixed(before, body text) text {
	return before.replace(len(before.s), len(before.s), body.s)
}

// identifier is the length of the name that s begins with.
func identifier(s string) int {
	i := 0
	for i < len(s) {
		c := s[i]
		if c != '_' && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (i == 0 || c < '0' || c > '9') {
			break
		}
		i++
	}
	return i
}

// uncomment drops a comment: what follows # or !, unless that stands in
// double quotes or behind a backslash.
func (t text) uncomment() text {
	if strings.IndexByte(t.s, '#') < 0 && strings.IndexByte(t.s, '!') < 0 {
		return t
	}
	quoted := false
	for i := 0; i < len(t.s); i++ {
		switch t.s[i] {
		case '\\':
			i++
		case '"':
			if !quoted && strings.IndexByte(t.s[i+1:], '"') < 0 {
				return t // unmatched: the lexer will say so
			}
			quoted = !quoted
		case '#', '!':
			if !quoted {
				t.s = strings.TrimRight(t.s[:i], blanks)
				return t
			}
		}
	}
	return t
}

// file reads a file and all that it includes.
func (e *expander) file(name string, via *Step) error {
	content, err := readText(e.Files, name)
	if err != nil {
		return err
	}
	checks := e.checks
	e.reading = append(e.reading, name)
	line := 0
	for content != "" && !e.full {
		line++
		raw, rest, _ := strings.Cut(content, "\n")
		content = rest
		raw = strings.TrimRight(raw, "\r")
		e.seq++
		e.physical(raw, &origin{file: name, line: line, text: raw, via: via, seq: e.seq})
	}
	if e.open != nil && len(e.reading) == 1 {
		e.open = nil // the end of the text ends a definition too
	}
	e.reading = e.reading[:len(e.reading)-1]
	e.checks = checks
	return nil
}

// dir is the directory of the file being read.
func (e *expander) dir() string {
	d := filepath.Dir(e.reading[len(e.reading)-1])
	if !filepath.IsAbs(d) {
		d = filepath.Join(e.Dir, d)
	}
	return d
}
