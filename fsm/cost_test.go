package fsm_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"regent/fsm"
)

// A stage is a group in a state, and what keeps it there.
type stage struct {
	name  string
	group *fsm.Group
	turn  func(now fsm.Time, g *fsm.Group, out []fsm.Action) []fsm.Action
}

// stages are the events that come at every interval.
func stages() []stage {
	backup := fsm.NewGroup(fsm.Config{Priority: 100, Interval: time.Second})
	backup.Step(0, 0, fsm.Start{}, nil)
	master := fsm.NewGroup(fsm.Config{Priority: 255, Interval: time.Second, Announce: fsm.Announcing{Refresh: time.Second}})
	master.Step(0, 0, fsm.Start{}, nil)
	return []stage{
		{"HeardInBackup", backup, func(now fsm.Time, g *fsm.Group, out []fsm.Action) []fsm.Action {
			return g.Step(now, 0, fsm.Heard{Source: peer, Priority: 150, Interval: time.Second}, out)
		}},
		{"ExpireInMaster", master, func(now fsm.Time, g *fsm.Group, out []fsm.Action) []fsm.Action {
			return g.Step(now, 0, fsm.Expire{}, out)
		}},
	}
}

// What happens at every interval allocates nothing.
func TestAllocations(t *testing.T) {
	for _, s := range stages() {
		t.Run(s.name, func(t *testing.T) {
			var now fsm.Time
			out := make([]fsm.Action, 0, 16)
			did := 0
			n := testing.AllocsPerRun(1000, func() {
				now = now.Add(time.Second)
				did += len(s.turn(now, s.group, out[:0]))
			})
			if n != 0 {
				t.Errorf("%v allocations a turn", n)
			}
			if did < 1000 {
				t.Errorf("%d actions in 1001 turns: this is not the path it should be", did)
			}
		})
	}
}

func BenchmarkStep(b *testing.B) {
	for _, s := range stages() {
		b.Run(s.name, func(b *testing.B) {
			b.ReportAllocs()
			var now fsm.Time
			out := make([]fsm.Action, 0, 16)
			for b.Loop() {
				now = now.Add(time.Second)
				out = s.turn(now, s.group, out[:0])
			}
		})
	}
}

// The package is a pure function: it uses nothing that could make it another.
func TestPurity(t *testing.T) {
	pure := map[string]bool{`"net/netip"`: true, `"strconv"`: true, `"time"`: true, `"regent/vrrp"`: true}
	units := map[string]bool{"Duration": true, "Second": true, "Millisecond": true}
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files: %v", err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range f.Imports {
			if !pure[i.Path.Value] {
				t.Errorf("%s imports %s", file, i.Path.Value)
			}
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok {
				if p, ok := s.X.(*ast.Ident); ok && p.Name == "time" && !units[s.Sel.Name] {
					t.Errorf("%s uses time.%s", file, s.Sel.Name)
				}
			}
			return true
		})
	}
}
