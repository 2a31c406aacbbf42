package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// A place is a test, or a line that names a rule and belongs to no test.
type place struct {
	pkg  string // relative to the repository: "fsm"
	test string // "TestConversations/backup"; nothing: no test
	line string // "fsm/timing_test.go:14"
}

// A citation is a rule that a place names.
type citation struct {
	id ruleID
	place
}

// players are the tests that play what lies in a directory, each file as a
// subtest of its name.
var players = map[string]place{
	"testdata/fsm":    {pkg: "fsm", test: "TestConversations"},
	"testdata/config": {pkg: "cfgparse", test: "TestStories"},
}

// own is this package, whose tests make up citations.
const own = "cmd/internal/conformance"

// readCitations finds every rule that is named in the Go files of a repository
// and in the scripts that tests play.
func readCitations(root string) ([]citation, error) {
	var all []citation
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		var found []citation
		switch {
		case d.IsDir() && (rel == own || rel != "." && strings.HasPrefix(d.Name(), ".")):
			return fs.SkipDir
		case d.IsDir():
			return nil
		case strings.HasSuffix(rel, ".go"):
			found, err = inGo(root, rel)
		case players[path.Dir(rel)].test != "":
			found, err = inScript(root, rel)
		}
		all = append(all, found...)
		return err
	})
	return all, err
}

// inGo finds the rules that the comments and strings of a Go file name. What
// stands in a test function or in the comment above it belongs to that test;
// a helper's belongs to nobody, for who knows which tests come by there?
func inGo(root, rel string) ([]citation, error) {
	files := token.NewFileSet()
	f, err := parser.ParseFile(files, filepath.Join(root, rel), nil, parser.ParseComments)
	if err != nil {
		return nil, err
	}
	var all []citation
	cite := func(text string, pos token.Pos) {
		p := place{
			pkg:  path.Dir(rel),
			line: fmt.Sprintf("%s:%d", rel, files.Position(pos).Line),
		}
		if strings.HasSuffix(rel, "_test.go") {
			p.test = testAround(f, pos)
		}
		for _, id := range idsIn(text) {
			all = append(all, citation{id, p})
		}
	}
	for _, group := range f.Comments {
		cite(group.Text(), group.Pos()) // as a whole: a range may go over a line's end
	}
	ast.Inspect(f, func(n ast.Node) bool {
		if s, ok := n.(*ast.BasicLit); ok && s.Kind == token.STRING {
			cite(s.Value, s.Pos())
		}
		return true
	})
	return all, nil
}

// testAround names the test function that a position belongs to, "" for none.
func testAround(f *ast.File, pos token.Pos) string {
	for _, d := range f.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok || fn.Recv != nil || !isTest(fn.Name.Name) {
			continue
		}
		from := fn.Pos()
		if fn.Doc != nil {
			from = fn.Doc.Pos()
		}
		if from <= pos && pos < fn.End() {
			return fn.Name.Name
		}
	}
	return ""
}

func isTest(name string) bool {
	return name != "TestMain" && (strings.HasPrefix(name, "Test") || strings.HasPrefix(name, "Fuzz"))
}

func inScript(root, rel string) ([]citation, error) {
	text, err := os.ReadFile(filepath.Join(root, rel))
	if err != nil {
		return nil, err
	}
	p := players[path.Dir(rel)]
	p.test += "/" + strings.TrimSuffix(path.Base(rel), ".txt")
	var all []citation
	n := 0
	for line := range strings.Lines(string(text)) {
		n++
		p.line = fmt.Sprintf("%s:%d", rel, n)
		for _, id := range idsIn(line) {
			all = append(all, citation{id, p})
		}
	}
	return all, nil
}

// testsOf lists the tests that cite a rule, each once.
func testsOf(id ruleID, all []citation) []place {
	var tests []place
	for _, c := range all {
		if c.id == id && c.test != "" {
			tests = append(tests, place{pkg: c.pkg, test: c.test})
		}
	}
	slices.SortFunc(tests, func(a, b place) int {
		return strings.Compare(a.pkg+" "+a.test, b.pkg+" "+b.test)
	})
	return slices.Compact(tests)
}
