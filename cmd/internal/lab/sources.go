package lab

import (
	"fmt"
	"io/fs"
	"path/filepath"
)

// LookAtSources lists every directory of the repository, whose root is given.
// A test that builds a program calls it, while it runs: what it built is no
// part of its own binary, and go test would take the result from its cache
// after the program has changed. What a test has listed, though, go test
// compares.
func LookAtSources(root string) error {
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && path != root && (d.Name()[0] == '.' || d.Name() == "bin") {
			return fs.SkipDir
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("look at the sources: %w", err)
	}
	return nil
}
