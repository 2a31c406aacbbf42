package cfgparse

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"regent/cfgparse/syntax"
)

// FuzzLoad looks for texts that break the loader: a panic, a diagnostic
// outside of its file, or a configuration that is handed out in spite of an
// error.
func FuzzLoad(f *testing.F) {
	f.Add("global_defs {\n vrrp_version 3\n}\nvrrp_instance A { interface eth0\n virtual_router_id 1\n virtual_ipaddress { 192.0.2.1/24 dev eth1 label x\n } }\n")
	for _, frame := range frames {
		f.Add(frame)
	}
	stories, _ := filepath.Glob(filepath.Join("..", "testdata", "config", "*.txt"))
	for _, name := range stories {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		for _, story := range strings.Split(string(text), "\n\n") {
			input, _, _ := strings.Cut(story, "\n----\n")
			f.Add(input)
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		files := syntax.In(fstest.MapFS{"k.conf": &fstest.MapFile{Data: []byte(text)}})
		env := Env{Files: files, ConfigID: "north", Dir: "/", Offline: true}
		cfg, ds := Load("k.conf", env)
		if cfg == nil && !ds.Fatal() || cfg != nil && ds.Fatal() {
			t.Fatalf("cfg %v, diagnostics %v", cfg, ds)
		}
		count := strings.Count(text, "\n") + 1
		for _, d := range ds {
			if d.Pos.Line > count {
				t.Fatalf("%v lies outside of the file", d)
			}
		}
		if cfg == nil {
			return
		}
		sections, _ := Effective("k.conf", env)
		if changes := Compare(sections, sections, cfg, cfg); len(changes) > 0 && !twins(cfg) {
			t.Fatalf("a configuration differs from itself: %v", changes)
		}
		Cluster([]Node{{"a", cfg}, {"b", cfg}})
	})
}

// twins reports whether two instances have the same identity, as two unicast
// ones with other peers may.
func twins(cfg *Config) bool {
	seen := map[string]bool{}
	for i := range cfg.Instances {
		id := cfg.Instances[i].identity()
		if seen[id] {
			return true
		}
		seen[id] = true
	}
	return false
}
