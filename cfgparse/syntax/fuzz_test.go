package syntax

import (
	"strings"
	"testing"
)

// seeds are texts that use every part of the language.
var seeds = []string{
	"a b\nblock {\n list { x\n y }\n}\n",
	"block\n{\n a \"b c\"d {\n}\n}}",
	"$A=1\n$B=${A}${A}\nx $A ${B}\n$C=${C}\ny $C",
	"$V= \\\nblock { \\\n@north a ${N} \\\n# c \\\n } \\\n}\n$N=7\n$V\n~SEQ(N,1,3) $V\n",
	"~SEQx(I,0x10,-1,0) a ${I}\n~LST({A,B},{1,2},{3}) ~SEQ(C,2) $A $B $C\n",
	"include f\ninclude {f,g}*\nincludea f\ninclude_check +read\n",
	"@north a\n@^north b\n@ c\n@^ d\n@north",
	"a \\# b \"!\" # c\n' x \\\" \"\n",
	"foreign x { { } \"}\" }\nunknown { a }\n",
	"${_PWD} ${_INSTANCE} ${_RANDOM 1 2} ${_ENV X} ${_HASH} \"${_BANG}\"\n",
	"$A=${B} ${B}\n$B=$C \n$C={ } $D\nx $A\n\x00\n\xff\r\n",
}

// grammarOfTests has one keyword of each shape.
type grammarOfTests struct{ title string }

func (g grammarOfTests) Name() string { return g.title }

func (g grammarOfTests) Keyword(word string) (Shape, Scope) {
	switch word {
	case "a", "b", "x":
		return Line, nil
	case "block":
		return Block, grammarOfTests{"block"}
	case "list":
		return List, nil
	case "foreign":
		return Foreign, nil
	}
	return Unknown, nil
}

// fuzzOptions read one text, which may include itself.
func fuzzOptions(text string) Options {
	return Options{Files: single{"/f", text}, ID: "north", Dir: "/", Getenv: strings.ToUpper,
		Random: func(low, high int) int { return high }}
}

// FuzzExpand looks for texts that break the preprocessor: a panic, a text that
// grows beyond its limits, a place outside of the file.
func FuzzExpand(f *testing.F) {
	for _, s := range seeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		report := &Report{}
		count := strings.Count(text, "\n") + 1
		lines := Expand("/f", fuzzOptions(text), report)
		if len(lines) > maxLines {
			t.Fatalf("%d lines", len(lines))
		}
		for _, l := range lines {
			inside(t, l.Pos, count)
		}
		for _, d := range report.Diagnostics() {
			inside(t, d.Pos, count)
		}
	})
}

func inside(t *testing.T, p Pos, count int) {
	t.Helper()
	if p.File != "/f" || p.IsValid() && (p.Line > count || p.Column < 1) {
		t.Fatalf("place %v in a file of %d lines", p, count)
	}
	for _, s := range p.Via() {
		if s.At.Line < 1 || s.At.Line > count {
			t.Fatalf("way %v in a file of %d lines", s.At, count)
		}
	}
}

// FuzzRead looks for words that the grammar does not take once their braces
// were put right.
func FuzzRead(f *testing.F) {
	for _, s := range seeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		report := &Report{}
		for _, s := range Read("/f", grammarOfTests{}, fuzzOptions(text), report) {
			walk(t, s)
		}
		for _, d := range report.Diagnostics() {
			if strings.HasPrefix(d.Message, "cannot make sense") {
				t.Fatal(d)
			}
		}
	})
}

func walk(t *testing.T, s *Statement) {
	if len(s.Words) == 0 {
		t.Fatal("statement without a word")
	}
	if words, err := s.ShellWords(); err == nil && len(words) > 0 {
		_, _ = Command(words[0].Text)
	}
	for _, inner := range s.Body {
		walk(t, inner)
	}
}

// FuzzFormat looks for texts that formatting changes for good, or changes
// again when it is done twice. Format itself checks that the meaning stays.
func FuzzFormat(f *testing.F) {
	for _, s := range seeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		top := func(word string) bool { return word == "block" }
		once, err := Format(text, top)
		if err != nil {
			t.Fatalf("%v:\n%q", err, text)
		}
		twice, err := Format(once, top)
		if err != nil || twice != once {
			t.Fatalf("not idempotent (%v):\n%q\n%q", err, once, twice)
		}
	})
}
