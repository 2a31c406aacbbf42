package main_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"regent/cmd/internal/lab"
)

// umask: what scripts create has the mode that keepalived's would have: the
// keyword's, or 0177 without it; --umask beats both.
func TestFilesOfScriptsHaveTheirMode(t *testing.T) {
	ours := func() lab.Daemon { return regentd }
	for _, test := range []struct {
		name, keyword string
		program       func() lab.Daemon
		options       []string
		want          os.FileMode
	}{
		{"default", "", ours, nil, 0o600},
		{"keyword", "umask 022", ours, nil, 0o644},
		{"option", "umask 022", ours, []string{"--umask", "027"}, 0o640},
		{"keepalived", "", lab.Keepalived, nil, 0o600},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := setStage(t)
			h := s.host("router", "192.0.2.1/24")
			file, script := filepath.Join(s.Dir, "made"), filepath.Join(s.Dir, "make")
			s.must(os.WriteFile(script, []byte("#!/bin/sh\n: > "+file+"\n"), 0o755))
			s.start(test.program(), h, fmt.Sprintf("global_defs {\n script_user root\n %s\n}\n", test.keyword)+
				instance("eth0", 100, "0.2", "notify_backup "+script), test.options...)
			s.until("the script has run", func() bool { _, err := os.Stat(file); return err == nil })
			info, err := os.Stat(file)
			s.must(err)
			if got := info.Mode().Perm(); got != test.want {
				t.Errorf("mode %#o, not %#o", got, test.want)
			}
		})
	}
}
