// Package dump writes what the daemon can tell of itself into files, in the
// shape that keepalived gives them, for the tools that ask keepalived by a
// signal and read its files.
package dump

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"regent/cfgparse"
	"regent/cmd/internal/daemon"
)

// A Kind is one of keepalived's files.
type Kind uint8

const (
	State Kind = iota // keepalived.data: settings and states
	Stats             // keepalived.stats: counters
	JSON              // keepalived.json: both
)

// suffix ends the file's name.
func (k Kind) suffix() string { return [...]string{".data", ".stats", ".json"}[k] }

// Write writes a dump to where the configuration wants it and returns the path.
func Write(kind Kind, cfg *cfgparse.Config, s *daemon.Status) (path string, err error) {
	path = pathOf(kind, cfg)
	err = replace(path, func(w io.Writer) error {
		switch kind {
		case State:
			return writeState(w, cfg, s)
		case Stats:
			return writeStats(w, s)
		default:
			return writeJSON(w, cfg, s)
		}
	})
	if err != nil {
		return path, fmt.Errorf("write %s: %w", path, err)
	}
	return path, nil
}

// pathOf returns where a dump goes: to the file that state_dump_file,
// stats_dump_file or json_dump_file names, in the directory that it names if it
// ends with a slash, and else into the directory for temporary files.
func pathOf(kind Kind, cfg *cfgparse.Config) string {
	d := &cfg.Global.Dumps
	path := [...]string{d.StateFile, d.StatsFile, d.JSONFile}[kind]
	if path == "" {
		path = temporary() + "/"
	}
	if strings.HasSuffix(path, "/") {
		path += "keepalived" + kind.suffix()
	}
	if kind == State && d.UseInstance && cfg.Process.Instance != "" {
		end := filepath.Ext(path)
		path = strings.TrimSuffix(path, end) + "." + cfg.Process.Instance + end
	}
	return filepath.Clean(path)
}

// temporary returns keepalived's directory for dumps: TMPDIR if that is an
// absolute path of a directory, or /tmp.
func temporary() string {
	dir := os.Getenv("TMPDIR")
	if info, err := os.Stat(dir); err == nil && info.IsDir() && filepath.IsAbs(dir) {
		return dir
	}
	return "/tmp"
}

// replace puts a new file in the place of one that may be there. Whoever reads
// it sees the old one or the new one and never half of it.
//
// Anybody may write to /tmp, and the daemon is root: so nothing that lies there
// is opened. The new file is created under a name that nobody has (O_EXCL),
// readable for its owner alone, and moved into place, which replaces a symbolic
// link and does not follow it.
func replace(path string, write func(io.Writer) error) (err error) {
	if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() && info.Mode().Type() != os.ModeSymlink {
		return fmt.Errorf("it is no file, but %v", info.Mode().Type())
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	b := bufio.NewWriter(f)
	err = errors.Join(write(b), b.Flush(), f.Close())
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
