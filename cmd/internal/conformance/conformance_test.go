package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const repository = "../../.."

// Every rule has a test or a reason, and nobody cites a rule that there is not.
func TestRepository(t *testing.T) {
	rules, err := readRules(repository)
	if err != nil {
		t.Fatal(err)
	}
	citations, err := readCitations(repository)
	if err != nil {
		t.Fatal(err)
	}
	known := make(map[ruleID]bool)
	for _, r := range rules {
		known[r.id] = true
		switch tests := testsOf(r.id, citations); {
		case len(tests) == 0 && r.untested == "":
			t.Errorf("%s has no test, and no reason for that: %s", r.id, r.text)
		case len(tests) > 0 && r.untested != "":
			t.Errorf("%s has a test, %s of %s, and needs no reason any more", r.id, tests[0].test, tests[0].pkg)
		}
	}
	for _, c := range citations {
		if !known[c.id] {
			t.Errorf("%s: there is no rule %s", c.line, c.id)
		}
	}
}

// The rules are those of the specification, which stands beside the repository.
// Where it does not the test is skipped, but never in CI.
func TestRulesAreThoseOfTheSpecification(t *testing.T) {
	dir := os.Getenv("REGENT_SHARED")
	if dir == "" {
		dir = filepath.Join(repository, "..", "shared")
	}
	text, err := os.ReadFile(filepath.Join(dir, "protocol.md"))
	switch {
	case os.IsNotExist(err) && os.Getenv("CI") != "true":
		t.Skipf("no specification (set REGENT_SHARED): %v", err)
	case err != nil:
		t.Fatal(err)
	}
	rules, err := readRules(repository)
	if err != nil {
		t.Fatal(err)
	}
	var ours, theirs []string
	for _, r := range rules {
		ours = append(ours, string(r.id))
	}
	for _, m := range regexp.MustCompile(`\*\*([A-Z]-[0-9]+)\*\*`).FindAllSubmatch(text, -1) {
		theirs = append(theirs, string(m[1]))
	}
	for _, id := range theirs {
		if !slices.Contains(ours, id) {
			t.Errorf("%s is missing", id)
		}
	}
	for _, id := range ours {
		if !slices.Contains(theirs, id) {
			t.Errorf("%s is unknown there", id)
		}
	}
}

func TestIDs(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"S-21: silence", "S-21"},
		{"U-2 to U-4, and H-29", "U-3 U-2 U-4 H-29"},
		{"S-10..S-13", "S-11 S-12 S-10 S-13"},
		{"UTF-8, HMAC-SHA256, X-1, S-x, RFC-2", ""},
	} {
		var got []string
		for _, id := range idsIn(c.text) {
			got = append(got, string(id))
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: got %v, want %s", c.text, got, c.want)
		}
	}
}

// A citation belongs to the test function that it stands in or above.
func TestCitations(t *testing.T) {
	root := t.TempDir()
	write := func(name, text string) {
		file := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("a/a.go", "package a\n\n// S-1\nfunc F() {}\n")
	write("a/a_test.go", `package a

// S-2, and S-3
// to S-5.
func TestOne(t *testing.T) {
	t.Run("S-6: a subtest", nil)
	// S-7
}

// S-8
func helper() {}
`)
	write("testdata/fsm/story.txt", "# S-9: once\nstop\n----\n")
	write("testdata/other/story.txt", "# S-10\n")
	write(".git/b_test.go", "package b // S-11\n")

	all, err := readCitations(root)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range all {
		got = append(got, strings.TrimSpace(string(c.id)+" "+c.line+" "+c.test))
	}
	slices.Sort(got)
	want := []string{
		"S-1 a/a.go:3",
		"S-2 a/a_test.go:3 TestOne",
		"S-3 a/a_test.go:3 TestOne",
		"S-4 a/a_test.go:3 TestOne",
		"S-5 a/a_test.go:3 TestOne",
		"S-6 a/a_test.go:6 TestOne",
		"S-7 a/a_test.go:7 TestOne",
		"S-8 a/a_test.go:10",
		"S-9 testdata/fsm/story.txt:1 TestConversations/story",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// What go test -json says becomes what go test would print, and outcomes.
func TestListen(t *testing.T) {
	const said = `{"Action":"start","Package":"regent/a"}
{"Action":"output","Package":"regent/a","Test":"TestGood","Output":"=== RUN   TestGood\n"}
{"Action":"output","Package":"regent/b","Output":"ok  \tregent/b\t0.1s\n"}
{"Action":"pass","Package":"regent/b"}
{"Action":"pass","Package":"regent/a","Test":"TestGood"}
{"Action":"output","Package":"regent/a","Test":"TestBad","Output":"--- FAIL: TestBad\n"}
{"Action":"skip","Package":"regent/a","Test":"TestHalf/left"}
{"Action":"pass","Package":"regent/a","Test":"TestHalf"}
{"Action":"fail","Package":"regent/a","Test":"TestBad"}
{"Action":"output","Package":"regent/a","Output":"FAIL\n"}
{"Action":"fail","Package":"regent/a"}
`
	var people, record bytes.Buffer
	if err := listen(strings.NewReader(said), &people, &record, false); err != nil {
		t.Fatal(err)
	}
	bad := "--- FAIL: TestBad\nFAIL\n"
	if want := "ok  \tregent/b\t0.1s\n" + bad + bad + "failed: regent/a TestBad\nfailed: regent/a\n"; people.String() != want {
		t.Errorf("printed %q, want %q", people.String(), want)
	}
	file := filepath.Join(t.TempDir(), "tests.json")
	if err := os.WriteFile(file, record.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	o, err := readOutcomes(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ test, outcome, verdict string }{
		{"TestGood", "pass", "proved"},
		{"TestBad", "fail", "OPEN"},
		{"TestHalf", "skip", "OPEN"},
		{"TestNone", "not run", "OPEN"},
	} {
		p := place{pkg: "a", test: c.test}
		if o.of(p) != c.outcome {
			t.Errorf("%s: %s, want %s", c.test, o.of(p), c.outcome)
		}
		if got := verdict(rule{untested: "none can be"}, []place{p}, o); got != c.verdict {
			t.Errorf("%s: %s, want %s", c.test, got, c.verdict)
		}
	}
	if got := verdict(rule{untested: "none can be"}, nil, o); got != "excused" {
		t.Errorf("a reason: %s", got)
	}
	if got := verdict(rule{}, nil, o); got != "OPEN" {
		t.Errorf("nothing at all: %s", got)
	}
}
