package syntax

// Read reads a configuration file and all that it includes into statements.
// What is wrong with it goes into the report; the statements are those that
// keepalived would see.
func Read(name string, scope Scope, o Options, report *Report) []*Statement {
	lines := expand(name, o, report)
	return parse(balance(split(lines, report), scope, report), report)
}

func expand(name string, o Options, report *Report) []text {
	e := newExpander(o, report)
	if err := e.file(name, nil); err != nil {
		report.Add(Diagnostic{Pos: Pos{File: name}, Severity: Error, Class: Unreadable,
			Message: "cannot read the configuration: " + reason(err), Effect: "the daemon does not run"})
	}
	return e.out
}

func split(lines []text, report *Report) []lexeme {
	l := lexer{report: report, out: make([]lexeme, 0, len(lines)+len(lines)/4), words: make([]Word, 0, 3*len(lines))}
	for _, t := range lines {
		if len(l.words) > maxWords {
			report.Add(Diagnostic{Pos: t.pos(0), Severity: Error, Class: General, Message: "the configuration has more than a million words",
				Effect: "the rest is not read and the daemon does not run"})
			break
		}
		l.line(t)
	}
	return l.out
}

func balance(in []lexeme, scope Scope, report *Report) []lexeme {
	b := balancer{report: report, in: in, out: make([]lexeme, 0, len(in)+8)}
	b.top(scope)
	return b.out
}

// Expand returns the lines of a configuration after conditions, definitions,
// includes and sequences, each with its place.
func Expand(name string, o Options, report *Report) []ExpandedLine {
	var out []ExpandedLine
	for _, t := range expand(name, o, report) {
		out = append(out, ExpandedLine{t.s, t.pos(0)})
	}
	return out
}

// An ExpandedLine is a line that is ready to be split into words.
type ExpandedLine struct {
	Text string
	Pos  Pos
}
