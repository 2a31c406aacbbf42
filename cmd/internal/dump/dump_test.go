package dump

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"regent/cfgparse"
)

// A dump goes where keepalived's goes, or where the configuration wants it.
func TestPaths(t *testing.T) {
	dir := t.TempDir()
	for _, test := range []struct {
		kind     Kind
		path     string // by the configuration
		tmpdir   string
		instance string
		want     string
	}{
		{State, "", "", "", "/tmp/keepalived.data"},
		{Stats, "", "", "", "/tmp/keepalived.stats"},
		{JSON, "", "", "", "/tmp/keepalived.json"},
		{Stats, "", dir, "", dir + "/keepalived.stats"},
		{Stats, "", "relative", "", "/tmp/keepalived.stats"},
		{Stats, "", dir + "/missing", "", "/tmp/keepalived.stats"},
		{JSON, "/run/x", dir, "", "/run/x"},
		{JSON, "/run/", dir, "", "/run/keepalived.json"},
		{State, "", dir, "I", dir + "/keepalived.I.data"},
		{State, "/run/x.state", dir, "I", "/run/x.I.state"},
		{Stats, "", dir, "I", dir + "/keepalived.stats"},
	} {
		t.Setenv("TMPDIR", test.tmpdir)
		cfg := &cfgparse.Config{Process: cfgparse.Process{Instance: test.instance}}
		cfg.Global.Dumps.UseInstance = true
		*map[Kind]*string{State: &cfg.Global.Dumps.StateFile, Stats: &cfg.Global.Dumps.StatsFile, JSON: &cfg.Global.Dumps.JSONFile}[test.kind] = test.path
		if got := pathOf(test.kind, cfg); got != test.want {
			t.Errorf("%+v: %s", test, got)
		}
	}
}

// What is no file is left as it is, a dump that fails leaves the old one, and
// neither leaves anything else behind.
func TestReplace(t *testing.T) {
	dir := t.TempDir()
	path, pipe := filepath.Join(dir, "dump"), filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	write := func(text string, err error) func(io.Writer) error {
		return func(w io.Writer) error { fmt.Fprint(w, text); return err }
	}
	if err := replace(pipe, write("one", nil)); err == nil {
		t.Error("a pipe was replaced")
	}
	if err := replace(path, write("one", nil)); err != nil {
		t.Error(err)
	}
	if err := replace(path, write("two", errors.New("no"))); err == nil {
		t.Error("a failure was not told")
	}
	if b, err := os.ReadFile(path); err != nil || string(b) != "one" {
		t.Errorf("it holds %q, %v", b, err)
	}
	if all, err := os.ReadDir(dir); err != nil || len(all) != 2 {
		t.Errorf("in the directory are %v, %v", all, err)
	}
}
