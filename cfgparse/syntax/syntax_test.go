package syntax

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
)

// shape writes lexemes: words joined by commas, braces as they are.
func shape(ls []lexeme) string {
	var out []string
	for _, l := range ls {
		switch l.kind {
		case opening:
			out = append(out, "{")
		case closing:
			out = append(out, "}")
		default:
			var words []string
			for _, w := range l.words {
				words = append(words, w.Text)
			}
			out = append(out, strings.Join(words, ","))
		}
	}
	return strings.Join(out, " ")
}

func lexed(line string) ([]lexeme, Diagnostics) {
	report := &Report{}
	out := split([]text{{s: line, column: 1, from: &origin{file: "f", line: 1, text: line}}}, report)
	return out, report.Diagnostics()
}

// The rules of sections 1.3 and 1.4.
func TestWords(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"a  b\tc", "a,b,c"},
		{`a "b c"`, "a,b c"},
		{`abc"d e"f`, "abc,d e,f"},
		{`a ""`, "a,"},
		{`a 'b c'`, "a,'b,c'"},
		{`a b\c`, `a,b\c`},
		{`a \# b`, "a,#,b"},
		{"v{a b}", "v { a,b }"},
		{`a "{" }`, "a,{ }"},
		{`'{'`, "' { '"},
		{`a "b`, "a"},
	} {
		got, _ := lexed(c.in)
		if s := shape(got); s != c.want {
			t.Errorf("%q = %q, want %q", c.in, s, c.want)
		}
	}
	if _, ds := lexed(`a "b`); len(ds) != 1 || ds[0].Class != Quotes || ds[0].Pos.Column != 3 {
		t.Errorf("unmatched quote: %v", ds)
	}
}

// Every word knows its column, through substitutions too.
func TestColumns(t *testing.T) {
	report := &Report{}
	lines := expand("/f", fuzzOptions("$A=long value\n  x $A y ${A}z w"), report)
	var got []string
	for _, l := range split(lines, report) {
		for _, w := range l.words {
			got = append(got, fmt.Sprintf("%s@%d", w.Text, w.Pos.Column))
		}
	}
	const want = "x@3 long@5 value@5 y@8 long@10 valuez@10 w@16"
	if s := strings.Join(got, " "); s != want {
		t.Errorf("got %s, want %s", s, want)
	}
}

// What keepalived makes of braces that do not fit (sections 1.4 and 1.5).
func TestBalance(t *testing.T) {
	for _, c := range []struct {
		in, want string
		problems int
	}{
		{"block {\na\n}", "block { a }", 0},
		{"block\n{ a }", "block { a }", 0},
		{"block\na\n}", "block { a }", 1},
		{"block {\na", "block { a }", 1},
		{"}\na", "a", 1},
		{"a {\nb\n}", "a b", 2},
		{"block { unknown { a }\nb }", "block { unknown a } b", 2},
		{"list { x y\n{\nz }\na", "list { x,y { z } a", 0},
		{"list x {\ny }", "list,x { y }", 0},
		{"list\nx }", "list { x }", 1},
		{"foreign { a { b } }\nb", "foreign { } b", 0},
		{"foreign\nb", "foreign b", 0},
		{"foreign { a", "foreign { }", 1},
	} {
		report := &Report{}
		got := shape(balance(split(expand("/f", fuzzOptions(c.in), report), report), grammarOfTests{}, report))
		if ds := report.Diagnostics(); got != c.want || len(ds) != c.problems {
			t.Errorf("%q = %q, want %q; %d problems, want %d: %v", c.in, got, c.want, len(ds), c.problems, ds)
		}
	}
}

// A tree is what the text says, however large: the pieces that are parsed side
// by side come back in order.
func TestTree(t *testing.T) {
	var b strings.Builder
	const n = 3000
	for i := range n {
		fmt.Fprintf(&b, "block b%d {\n a %d\n list {\n  x\n  y\n }\n b\n}\na top%d\n", i, i, i)
	}
	report := &Report{}
	tree := Read("/f", grammarOfTests{}, fuzzOptions(b.String()), report)
	if len(tree) != 2*n {
		t.Fatalf("%d statements, %v", len(tree), report.Diagnostics())
	}
	for i := range n {
		s, top := tree[2*i], tree[2*i+1]
		if s.Arg(1) != fmt.Sprintf("b%d", i) || len(s.Body) != 3 || s.Body[0].Arg(1) != fmt.Sprint(i) ||
			len(s.Body[1].Body) != 2 || s.Body[1].Body[1].Keyword() != "y" || s.End.Line != 9*i+8 || top.Arg(1) != fmt.Sprintf("top%d", i) {
			t.Fatalf("statement %d = %+v", i, s)
		}
	}
}

// The two passes over the words of scripts (section 1.3).
func TestScriptWords(t *testing.T) {
	for _, c := range []struct{ line, word, argv string }{
		{`a "/x/n.sh a 'b c'"`, `/x/n.sh a 'b c'`, "/x/n.sh|a|b c"},
		{`a /x/n.sh a`, "/x/n.sh", "/x/n.sh"},
		{`a x"b c"d`, "xb cd", "xb|cd"},
		{`a '/x "a b"'`, `/x "a b"`, "/x|a b"},
		{`a "x \"y z\""`, `x \"y z\"`, `x|"y|z"`},
		{`a "x \x41\101\t\cA\q"`, `x \x41\101\t\cA\q`, "x|AA\t\x01q"},
	} {
		l, _ := lexed(c.line)
		s := &Statement{Words: l[0].words, raw: text{s: c.line, column: 1, from: &origin{}}}
		words, err := s.ShellWords()
		if err != nil || len(words) < 2 || words[1].Text != c.word {
			t.Errorf("%s: words %v (%v), want %q", c.line, words, err, c.word)
			continue
		}
		if argv, err := Command(words[1].Text); err != nil || strings.Join(argv, "|") != c.argv {
			t.Errorf("%s: argv %q (%v), want %s", c.line, argv, err, c.argv)
		}
	}
}

// csh braces of include patterns (section 2.1).
func TestAlternatives(t *testing.T) {
	for in, want := range map[string]string{
		"a":          "a",
		"a{b,c}d":    "abd acd",
		"{a,b}{c,d}": "ac ad bc bd",
		"{a,{b,c}d}": "a bd cd",
		"a{b":        "a{b",
		"{}":         "",
	} {
		if got := strings.Join(alternatives(in), " "); got != want {
			t.Errorf("%s = %q, want %q", in, got, want)
		}
	}
}

// A diagnostic shows the line, a caret under the word, and the way there.
func TestPrint(t *testing.T) {
	from := &origin{file: "b.conf", line: 3, text: "\tprioritty 150", via: &Step{What: "included", At: Pos{File: "a.conf", Line: 9, Column: 1}}}
	ds := Diagnostics{{Pos: from.at(2), Severity: Warning, Class: UnknownKeyword, Message: "unknown keyword",
		Suggest: "priority", Expected: "a keyword", Effect: "it is ignored"}}
	var b strings.Builder
	if err := ds.Fprint(&b, false); err != nil {
		t.Fatal(err)
	}
	const want = "b.conf:3:2: warning: unknown keyword (did you mean \"priority\"?)\n" +
		"    \tprioritty 150\n    \t^\n    included at a.conf:9:1\n    expected: a keyword\n    effect: it is ignored\n"
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
	j, err := json.Marshal(ds)
	const wantJSON = `[{"file":"b.conf","line":3,"column":2,"severity":"warning","class":"unknown-keyword","message":"unknown keyword",` +
		`"expected":"a keyword","suggestion":"priority","effect":"it is ignored","source":"\tprioritty 150","via":[{"what":"included","file":"a.conf","line":9}]}]`
	if err != nil || string(j) != wantJSON {
		t.Errorf("got %s (%v)", j, err)
	}
}

// Exit statuses of -t (section 1.9), without keepalived's faults.
func TestExitCode(t *testing.T) {
	for _, c := range []struct {
		classes []Class
		want    int
	}{
		{nil, 0},
		{[]Class{Advice}, 0},
		{[]Class{BadInterface}, 4},
		{[]Class{FileNotFound, CannotRun}, 4},
		{[]Class{BadInterface, Number}, 5},
		{[]Class{UnknownKeyword}, 5},
		{[]Class{Deprecated}, 5},
		{[]Class{Security}, 6},
		{[]Class{Security, General}, 5}, // keepalived: 6, which hides the rest
		{[]Class{MissingParameter, General}, 2},
		{[]Class{Unreadable}, 6}, // keepalived: 0
	} {
		var ds Diagnostics
		for _, class := range c.classes {
			ds = append(ds, Diagnostic{Severity: Warning, Class: class})
		}
		if got := ds.ExitCode(); got != c.want {
			t.Errorf("%v: %d, want %d", c.classes, got, c.want)
		}
	}
}

// Hostile texts end, with an error, and soon. The bound here is that of a
// test that hangs, not of a slow machine.
func TestHostile(t *testing.T) {
	var tree strings.Builder
	for c := 'A'; c < 'Z'; c++ {
		fmt.Fprintf(&tree, "$%c= \\\n$%c \\\n$%c\n", c, c+1, c+1)
	}
	tree.WriteString("$Z= \\\n@never x\n$A\n")
	for name, text := range map[string]string{
		"endless numbers":       "~SEQ(I,1,2000000000) x $I\n",
		"numbers for nobody":    "~SEQ(I,1,2000000000) @never x\n",
		"definitions of itself": "$A= \\\n$B \\\n$B\n$B= \\\n$A \\\n$A\n$A\n",
		"a tree of definitions": tree.String(),
		"includes of itself":    "include /f\n",
		"too many lines":        strings.Repeat("a\n", maxLines+1),
		"a long line":           strings.Repeat("a ", maxRead),
		"too large":             strings.Repeat("\n", maxFile+1),
	} {
		t.Run(name, func(t *testing.T) {
			done := make(chan Diagnostics, 1)
			go func() {
				report := &Report{}
				Read("/f", grammarOfTests{}, globbing(text), report)
				done <- report.Diagnostics()
			}()
			select {
			case ds := <-done:
				if !ds.Fatal() {
					t.Errorf("no error: %v", ds)
				}
			case <-time.After(time.Minute):
				t.Fatal("does not end")
			}
		})
	}
}

// globbing reads a text that may find itself by a pattern.
func globbing(text string) Options {
	o := fuzzOptions(text)
	o.Files = globbed{single{"/f", text}}
	return o
}

type globbed struct{ single }

func (g globbed) Glob(pattern string) ([]string, error) { return []string{g.name}, nil }
