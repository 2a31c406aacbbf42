package syntax

import (
	"path/filepath"
	"strings"
)

// includeChecks are the problems that an include may not have.
type includeChecks uint8

const (
	checkRead     includeChecks = 1 << iota // what is found can be read
	checkMatch                              // a plain name exists
	checkWildcard                           // a pattern matches something
	checkBrace                              // every alternative of {a,b} exists

	checkAll = checkRead | checkMatch | checkWildcard | checkBrace
)

var includeWords = map[string]includeChecks{
	"include":  0,
	"includer": checkRead,
	"includem": checkRead | checkMatch,
	"includew": checkRead | checkMatch | checkWildcard,
	"includeb": checkRead | checkBrace,
	"includea": checkAll,
}

var includeCheckWords = map[string]includeChecks{
	"read": checkRead, "match": checkMatch, "wildcard_match": checkWildcard, "brace_match": checkBrace,
}

// include carries out an include line and reports whether t is one. It also
// hears include_check, which governs the includes that follow.
func (e *expander) include(t text) bool {
	if t.s[0] != 'i' {
		return false
	}
	word, pattern, found := strings.Cut(strings.ReplaceAll(t.s, "\t", " "), " ")
	if word == "include_check" {
		e.setIncludeChecks(strings.Fields(pattern))
		return false // it is a keyword, too
	}
	checks, ok := includeWords[word]
	if !ok || !found {
		return false
	}
	e.includeAll(t, strings.Trim(pattern, blanks), checks|e.checks)
	return true
}

func (e *expander) setIncludeChecks(words []string) {
	if len(words) == 0 {
		e.checks = checkAll
		return
	}
	for i, w := range words {
		switch c := includeCheckWords[strings.TrimLeft(w, "+-")]; {
		case w[0] == '+':
			e.checks |= c
		case w[0] == '-':
			e.checks &^= c
		case i == 0:
			e.checks = c
		default:
			e.checks |= c
		}
	}
}

func (e *expander) includeAll(t text, pattern string, checks includeChecks) {
	missing := func(what string, fatal bool) {
		d := Diagnostic{Pos: t.pos(0), Severity: Warning, Class: FileNotFound, Message: what,
			Effect: "nothing is included here"}
		if fatal {
			d.Severity, d.Class = Error, Unreadable
			d.Effect = "the include must succeed (include_check, or its keyword), so the daemon does not run"
		}
		e.report.Add(d)
	}
	if len(e.reading) > maxDepth {
		e.stop(t.pos(0), "files include each other more than 32 deep")
		return
	}
	via := &Step{What: "included", At: t.pos(0)}
	told := false // what became of the include
	for _, alternative := range alternatives(pattern) {
		full := alternative
		if !filepath.IsAbs(full) {
			full = filepath.Join(filepath.Dir(e.reading[len(e.reading)-1]), full)
		}
		names, err := e.Files.Glob(full)
		if err != nil {
			missing("bad include pattern "+quote(alternative), checks&checkRead != 0)
			continue
		}
		if len(names) == 0 && checks&checkBrace != 0 {
			missing("no file matches "+quote(alternative), true)
			told = true
		}
		for _, name := range names {
			told = true
			e.includeOne(t, name, via, checks, missing)
		}
	}
	if !told {
		wild := strings.ContainsAny(pattern, "*?[")
		missing("no file matches "+quote(pattern), !wild && checks&checkMatch != 0 || checks&checkWildcard != 0)
	}
}

func (e *expander) includeOne(t text, name string, via *Step, checks includeChecks, missing func(string, bool)) {
	for _, outer := range e.reading {
		if filepath.Clean(outer) == filepath.Clean(name) {
			e.stop(t.pos(0), "file "+quote(name)+" includes itself")
			return
		}
	}
	if err := e.file(name, via); err != nil {
		missing("cannot include "+name+": "+reason(err), checks&checkRead != 0)
	}
}

// IncludeChecks are the words of include_check.
var IncludeChecks = []string{"read", "match", "wildcard_match", "brace_match"}

// IsIncludeCheck reports whether w is one of them.
func IsIncludeCheck(w string) bool { return includeCheckWords[w] != 0 }
