package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The map in the documentation of a large package names every file of it, and
// none that is not there.
func TestMapsNameEveryFile(t *testing.T) {
	word := regexp.MustCompile(`[a-z0-9_*]+\.go`)
	for _, dir := range []string{"cfgparse", "cmd/internal/daemon"} {
		dir = filepath.Join("..", "..", "..", dir)
		text, err := os.ReadFile(filepath.Join(dir, "doc.go"))
		if err != nil {
			t.Fatal(err)
		}
		named := make(map[string]bool)
		for _, pattern := range word.FindAllString(string(text), -1) {
			files, err := filepath.Glob(filepath.Join(dir, pattern))
			if err != nil || len(files) == 0 {
				t.Errorf("%s names %s, which is not there", dir, pattern)
			}
			for _, f := range files {
				named[f] = true
			}
		}
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("no files in %s: %v", dir, err)
		}
		for _, f := range files {
			if base := filepath.Base(f); base != "doc.go" && !strings.HasSuffix(base, "_test.go") && !named[f] {
				t.Errorf("%s has %s, which its doc.go does not name", dir, base)
			}
		}
	}
}
