package cfgparse

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"regent/cfgparse/syntax"
)

// corpus is where the collection of public configurations lies: REGENT_CORPUS,
// or beside the repository.
func corpus(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("REGENT_CORPUS")
	if dir == "" {
		dir = filepath.Join("..", "..", "shared", "corpus")
	}
	if _, err := os.Stat(filepath.Join(dir, "verdicts.tsv")); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skipf("no corpus (set REGENT_CORPUS): %v", err)
	}
	return dir
}

// A finding is one message of keepalived about a file.
type finding struct {
	line int // 0: none given
	text string
}

// A verdict is what keepalived 2.2.7 said of a file.
type verdict struct {
	file, verdict string
	exit          string
	findings      []finding
}

func verdicts(t *testing.T, dir string) []verdict {
	t.Helper()
	f, err := os.Open(filepath.Join(dir, "verdicts.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var all []verdict
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	lines.Scan() // the header
	for lines.Scan() {
		fields := strings.Split(lines.Text(), "\t")
		v := verdict{file: fields[0], verdict: fields[1], exit: fields[5]}
		for _, m := range strings.Split(fields[4], " | ") {
			if m == "" {
				continue
			}
			fd := finding{text: m}
			if rest, ok := strings.CutPrefix(m, "line "); ok {
				number, text, _ := strings.Cut(rest, ": ")
				fd.line, _ = strconv.Atoi(number)
				fd.text = text
			}
			v.findings = append(v.findings, fd)
		}
		all = append(all, v)
	}
	return all
}

// verdictExceptions are the files that regent judges otherwise, and why.
var verdictExceptions = map[string]string{
	"138.conf": "keepalived fails to enter net_namespace $NAME and reads no instance; two of them have the same VRID",
	"048.conf": "keepalived fails to enter net_namespace $NAME before it reads the braces of ${NAME}",
}

// balancing are messages about load balancing, which regent passes over.
var balancing = regexp.MustCompile(`(?i)virtual server|real server|check scripts|nb_get_retry|PARSER : unknown|^VS |sorry server|checker`)

// TestCorpusVerdicts holds regent's verdict on every file against that of
// keepalived 2.2.7: what it accepts, warns of or rejects.
func TestCorpusVerdicts(t *testing.T) {
	dir := corpus(t)
	for _, v := range verdicts(t, dir) {
		t.Run(v.file, func(t *testing.T) {
			name := filepath.Join(dir, v.file)
			cfg, ds := Load(name, Env{ConfigID: "nobody", Offline: true})
			want := v.verdict
			if want == "warn" && len(ours(v, name)) == 0 {
				want = "ok" // all about load balancing
			}
			got := verdictOf(cfg, ds)
			why, excepted := verdictExceptions[v.file]
			switch {
			case got != want && !excepted:
				t.Errorf("verdict %s, keepalived's is %s (exit %s)\nkeepalived: %v\nregent:\n%v", got, want, v.exit, v.findings, lines(ds))
			case got == want && excepted:
				t.Errorf("is in the table of exceptions (%s) but agrees", why)
			}
		})
	}
}

// TestCorpusLines holds the lines of regent's warnings against those of
// keepalived's. keepalived often names the line behind the culprit, or the end
// of the block.
func TestCorpusLines(t *testing.T) {
	dir := corpus(t)
	for _, v := range verdicts(t, dir) {
		t.Run(v.file, func(t *testing.T) {
			if why := lineExceptions[v.file]; why != "" {
				return
			}
			name := filepath.Join(dir, v.file)
			_, ds := Load(name, Env{ConfigID: "nobody", Offline: true})
			said := map[int]bool{}
			for _, d := range ds {
				if d.Class == syntax.Advice {
					continue
				}
				for _, p := range append(viaPositions(d.Pos), d.Pos) {
					said[p.Line], said[p.Line+1] = true, true
				}
			}
			for _, f := range ours(v, name) {
				if f.line == 0 || said[f.line] || blockEnd(name, f, ds) {
					continue
				}
				t.Errorf("keepalived says of line %d: %s; regent nothing:\n%v", f.line, f.text, lines(ds))
			}
		})
	}
}

// lineExceptions are the files whose lines of warnings differ, and why.
var lineExceptions = map[string]string{
	"155.conf": "keepalived reads the last line, which lacks its end, twice",
	"164.conf": "a user that the machine does not have; judged by Host, not Offline",
}

func viaPositions(p syntax.Pos) []syntax.Pos {
	var out []syntax.Pos
	for _, s := range p.Via() {
		out = append(out, s.At)
	}
	return out
}

// blockEnd reports whether keepalived's message names the end of a block of
// which regent has something to say.
func blockEnd(name string, f finding, ds syntax.Diagnostics) bool {
	report := &syntax.Report{}
	found := false
	var walk func([]*syntax.Statement)
	walk = func(statements []*syntax.Statement) {
		for _, s := range statements {
			if s.End.Line == f.line || len(s.End.Via()) > 0 {
				for _, d := range ds {
					found = found || d.Class != syntax.Advice && d.Pos.Line >= s.Pos().Line && d.Pos.Line <= s.End.Line
				}
			}
			walk(s.Body)
		}
	}
	walk(syntax.Read(name, Language(), syntax.Options{ID: "nobody"}, report))
	return found
}

// ours are the messages that are about VRRP.
func ours(v verdict, name string) []finding {
	report := &syntax.Report{}
	type block struct{ from, to int }
	var foreign []block
	for _, s := range syntax.Read(name, Language(), syntax.Options{ID: "nobody"}, report) {
		if k := Language().Lookup(s.Keyword()); k != nil && k.Shape == syntax.Foreign {
			foreign = append(foreign, block{s.Pos().Line, s.End.Line})
		}
	}
	var out []finding
next:
	for _, f := range v.findings {
		for _, b := range foreign {
			if f.line >= b.from && f.line <= b.to {
				continue next
			}
		}
		if !balancing.MatchString(f.text) {
			out = append(out, f)
		}
	}
	return out
}

func verdictOf(cfg *Config, ds syntax.Diagnostics) string {
	if cfg == nil {
		return "error"
	}
	for _, d := range ds {
		if d.Severity >= syntax.Warning && d.Class != syntax.Advice {
			return "warn"
		}
	}
	return "ok"
}

func lines(ds syntax.Diagnostics) string {
	var b strings.Builder
	for _, d := range ds {
		if d.Class != syntax.Advice {
			fmt.Fprintf(&b, "  %d:%d %s [%v]\n", d.Pos.Line, d.Pos.Column, d.Message, d.Class)
		}
	}
	return b.String()
}

// exitExceptions are the files whose exit status under -t differs, and why.
var exitExceptions = map[string]string{
	"042.conf": "a script that the machine does not have; judged by Host, not Offline",
}

// TestCorpusExitCodes holds the exit status of -t against keepalived's, but for
// its faults: 6 may hide that there are other complaints, which is 5, and a
// test that never ends has none.
func TestCorpusExitCodes(t *testing.T) {
	dir := corpus(t)
	for _, v := range verdicts(t, dir) {
		name := filepath.Join(dir, v.file)
		_, ds := Load(name, Env{ConfigID: "nobody", Offline: true})
		got := strconv.Itoa(ds.ExitCode())
		if v.exit == "0" && len(v.findings) > 0 {
			continue // it failed to enter a namespace, and says success
		}
		want := v.exit
		if ours := ours(v, name); len(ours) == 0 && want != "timeout" {
			want = "0"
		} else if want == "6" && len(ours) > 1 {
			want = "5"
		}
		if want == "timeout" || verdictExceptions[v.file] != "" || exitExceptions[v.file] != "" {
			continue
		}
		if got != want {
			t.Errorf("%s: exit %s, keepalived's is %s\n%v%v", v.file, got, v.exit, v.findings, lines(ds))
		}
	}
}
