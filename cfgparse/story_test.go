package cfgparse

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/cockroachdb/datadriven"

	"regent/cfgparse/syntax"
)

// TestStories runs the conversations under testdata/config: a configuration, a
// rule of dashes, and what becomes of it. Commands are
//
//	file NAME    remember a text, for includes
//	expand       the lines that are left of a text, and the diagnostics
//	load         the instances and the diagnostics
//	value WORD   the settings of these keywords
//
// Options: id=CONFIGID. Record with go test -run Stories -rewrite.
func TestStories(t *testing.T) {
	datadriven.Walk(t, filepath.Join("..", "testdata", "config"), func(t *testing.T, path string) {
		files := fstest.MapFS{}
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			id := "north"
			d.MaybeScanArgs(t, "id", &id)
			env := Env{Files: syntax.In(files), ConfigID: id, Dir: "/", Offline: true,
				Getenv: func(name string) string { return "<" + name + ">" },
				Random: func(low, high int) int { return high },
			}
			files["k.conf"] = &fstest.MapFile{Data: []byte(d.Input)}
			switch d.Cmd {
			case "file":
				files[d.CmdArgs[0].Key] = &fstest.MapFile{Data: []byte(d.Input)}
				return ""
			case "expand":
				report := &syntax.Report{}
				var b strings.Builder
				for _, l := range syntax.Expand("k.conf", syntax.Options{Files: env.Files, ID: id, Dir: "/",
					Getenv: env.Getenv, Random: env.Random}, report) {
					fmt.Fprintf(&b, "%-12s %s\n", where(l.Pos), l.Text)
				}
				return b.String() + problems(report.Diagnostics())
			case "load":
				cfg, ds := Load("k.conf", env)
				return summary(cfg) + problems(ds)
			case "value":
				sections, ds := Effective("k.conf", env)
				var b strings.Builder
				for _, s := range sections {
					for _, v := range s.Settings {
						for _, want := range d.CmdArgs {
							if v.Keyword == want.Key {
								fmt.Fprintf(&b, "%s: %s = %s\n", s.Title, v.Keyword, v.Value)
							}
						}
					}
				}
				return b.String() + problems(ds)
			}
			t.Fatalf("unknown command %s", d.Cmd)
			return ""
		})
	})
}

// where is a place and the way to it.
func where(p syntax.Pos) string {
	s := fmt.Sprintf("%d:%d", p.Line, p.Column)
	if p.File != "k.conf" {
		s = p.File + ":" + s
	}
	for _, v := range p.Via() {
		s += fmt.Sprintf("<%s@%d", v.What, v.At.Line)
	}
	return s
}

func problems(ds syntax.Diagnostics) string {
	var b strings.Builder
	for _, d := range ds {
		if strings.Contains(d.Message, "does not act on it yet") || strings.Contains(d.Message, "enable_script_security") {
			continue
		}
		fmt.Fprintf(&b, "%s: %s: %s", where(d.Pos), d.Severity, d.Message)
		if d.Suggest != "" {
			fmt.Fprintf(&b, " (did you mean %q?)", d.Suggest)
		}
		b.WriteString("\n")
		if d.Effect != "" {
			fmt.Fprintf(&b, "  so: %s\n", d.Effect)
		}
	}
	if code := ds.ExitCode(); code != 0 {
		fmt.Fprintf(&b, "exit %d\n", code)
	}
	return b.String()
}

// summary is what an instance amounts to.
func summary(cfg *Config) string {
	if cfg == nil {
		return "refused\n"
	}
	var b strings.Builder
	for _, in := range cfg.Instances {
		fmt.Fprintf(&b, "%s: vrid %d on %s, v%d priority %d every %s", in.Name, in.VRID, in.Port.Interface, in.Router.Version, in.Router.Priority, inSeconds(in.Router.Interval))
		if in.WantMaster {
			b.WriteString(" master")
		}
		if in.Router.NoPreempt {
			b.WriteString(" nopreempt")
		}
		if in.Router.PreemptDelay > 0 {
			fmt.Fprintf(&b, " preempt_delay %s", inSeconds(in.Router.PreemptDelay))
		}
		if len(in.Profile.Peers) > 0 {
			fmt.Fprintf(&b, " unicast %v", in.Profile.Peers)
		}
		b.WriteString("\n")
		if len(in.Estate.Addresses) > 0 {
			fmt.Fprintf(&b, "  addresses %s (%d advertised)\n", showAddresses(in.Estate.Addresses), len(in.Advertised))
		}
		for _, t := range in.Tracks {
			fmt.Fprintf(&b, "  tracks %s\n", showTrack(t))
		}
	}
	for _, g := range cfg.Groups {
		fmt.Fprintf(&b, "group %s: %v\n", g.Name, g.Members)
		for _, t := range g.Tracks {
			fmt.Fprintf(&b, "  tracks %s\n", showTrack(t))
		}
	}
	return b.String()
}
