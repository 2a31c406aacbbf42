package health

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A tree is made for one test, in a directory that is root's alone.
func tree(t *testing.T) (root string) {
	t.Helper()
	needsNobody(t)
	// /tmp is sticky, and so no problem.
	root, err := os.MkdirTemp("", "regent-path-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(root) })
	do(t,
		os.Chmod(root, 0o755),
		os.MkdirAll(root+"/etc/checks", 0o755),
		os.WriteFile(root+"/etc/checks/chk", []byte("#!/bin/sh\n"), 0o755),
	)
	return root
}

// needsNobody skips a test where root cannot make use of another user: without
// being root, and as the only user of a namespace.
func needsNobody(t *testing.T) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "file")
	do(t, os.WriteFile(file, nil, 0o644))
	if err := os.Chown(file, nobody, 1); err != nil {
		t.Skip("needs a root that can give files away: ", err)
	}
}

func do(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

const nobody = 65534

// keepalived-language 4.9.4: who but root can change what root runs, and which
// component lets him. (4.9.6: a link to a root directory is no crime.)
func TestInsecureComponentIsNamed(t *testing.T) {
	for name, c := range map[string]struct {
		spoil     func(root string) error
		command   string // below root; empty: etc/checks/chk
		user      string
		component string // below root; empty: nothing is wrong
		problem   string
	}{
		"sound":                   {},
		"file of another":         {spoil: func(r string) error { return os.Chown(r+"/etc/checks/chk", nobody, 0) }, component: "etc/checks/chk", problem: "belongs to nobody"},
		"file for everybody":      {spoil: func(r string) error { return os.Chmod(r+"/etc/checks/chk", 0o757) }, component: "etc/checks/chk", problem: "is writable by everybody"},
		"directory for everybody": {spoil: func(r string) error { return os.Chmod(r+"/etc", 0o777) }, component: "etc", problem: "is writable by everybody"},
		"directory for a group": {spoil: func(r string) error {
			return errors.Join(os.Chown(r+"/etc/checks", 0, 1), os.Chmod(r+"/etc/checks", 0o775))
		}, component: "etc/checks", problem: "is writable by group daemon"},
		"directory for root's group": {spoil: func(r string) error { return os.Chmod(r+"/etc/checks", 0o775) }},
		"directory of another":       {spoil: func(r string) error { return os.Chown(r+"/etc", nobody, 0) }, component: "etc", problem: "belongs to nobody"},
		"sticky directory":           {spoil: func(r string) error { return os.Chmod(r+"/etc", 0o777|fs.ModeSticky) }},
		"another's file in a sticky": {spoil: func(r string) error {
			return errors.Join(os.Chmod(r+"/etc", 0o777|fs.ModeSticky), os.Chown(r+"/etc/checks", nobody, 0))
		}, component: "etc/checks", problem: "belongs to nobody"},
		"not root's script": {spoil: func(r string) error { return os.Chmod(r+"/etc", 0o777) }, user: "nobody"},
		"setuid root": {spoil: func(r string) error {
			return errors.Join(os.Chmod(r+"/etc", 0o777), os.Chmod(r+"/etc/checks/chk", 0o755|fs.ModeSetuid))
		}, user: "nobody", component: "etc", problem: "is writable by everybody"},
		"link to a directory": {spoil: func(r string) error { return os.Symlink("etc/checks", r+"/bin") }, command: "bin/chk"},
		"link into a weak directory": {spoil: func(r string) error {
			return errors.Join(os.Symlink(r+"/etc/checks", r+"/bin"), os.Chmod(r+"/etc", 0o777))
		}, command: "bin/chk", component: "etc", problem: "is writable by everybody"},
		"link out of a weak directory": {spoil: func(r string) error {
			return errors.Join(os.Mkdir(r+"/weak", 0o755), os.Symlink("../etc/checks/chk", r+"/weak/chk"), os.Chmod(r+"/weak", 0o777))
		}, command: "weak/chk", component: "weak", problem: "is writable by everybody"},
		"another's link in a sticky": {spoil: func(r string) error {
			return errors.Join(os.Symlink("etc/checks/chk", r+"/chk"), os.Chmod(r, 0o777|fs.ModeSticky), os.Lchown(r+"/chk", nobody, 0))
		}, command: "chk", component: "chk", problem: "belongs to nobody"},
	} {
		t.Run(name, func(t *testing.T) {
			root := tree(t)
			if c.spoil != nil {
				do(t, c.spoil(root))
			}
			if c.command == "" {
				c.command = "etc/checks/chk"
			}
			check := Check{Name: "chk", Command: []string{filepath.Join(root, c.command)}, User: c.user}
			path, err := check.Resolve()
			if want := root + "/etc/checks/chk"; path != want {
				t.Errorf("path is %q, want %q (%v)", path, want, err)
			}
			var weak *Insecure
			switch {
			case c.component == "":
				if err != nil {
					t.Errorf("error is %v, want none", err)
				}
			case !errors.As(err, &weak) || weak.Component != filepath.Join(root, c.component) || weak.Problem != c.problem:
				t.Errorf("error is %v, want that %s %s", err, c.component, c.problem)
			}

			// At run time it matters only with enable_script_security.
			for _, secure := range []bool{false, true} {
				check.Secure = secure
				if _, err := check.command(); (err != nil) != (secure && c.component != "") {
					t.Errorf("secure %v: error is %v", secure, err)
				}
			}
		})
	}
}

// keepalived-language 4.9.3: not found, not a regular file, not executable by
// its user.
func TestUnusableScriptIsNamed(t *testing.T) {
	root := tree(t)
	do(t,
		os.WriteFile(root+"/etc/text", nil, 0o644),
		os.WriteFile(root+"/etc/secret", nil, 0o700),
		os.Mkdir(root+"/closed", 0o700),
		os.WriteFile(root+"/closed/chk", nil, 0o755),
		os.Symlink("loop", root+"/loop"),
	)
	t.Setenv("PATH", root+"/etc:"+root+"/etc/checks")
	for _, c := range []struct{ command, user, want string }{
		{root + "/etc/checks/chk", "nobody", ""},
		{root + "/etc/../etc/./checks//chk", "nobody", ""},
		{"chk", "nobody", ""}, // 4.9.2
		{root + "/etc/none", "", "run " + root + "/etc/none: no such file or directory"},
		{root + "/none/chk", "", "run " + root + "/none/chk: " + root + "/none: no such file or directory"},
		{root + "/etc", "", "/etc is not a regular file"},
		{root + "/etc/text", "", "/etc/text is not executable by root"},
		{root + "/etc/secret", "nobody", "/etc/secret is not executable by nobody"},
		{root + "/closed/chk", "nobody", "nobody may not enter " + root + "/closed"},
		{root + "/loop", "", "too many levels of symbolic links"},
		{"text", "", "run text: file does not exist in " + root},
		{"none", "", "run none: file does not exist in " + root},
		{"", "", "empty command"},
		{root + "/etc/checks/chk", "no-such-user", "unknown user no-such-user"},
	} {
		path, err := Check{Name: "chk", Command: []string{c.command}, User: c.user}.Resolve()
		switch {
		case c.want == "":
			if err != nil || path != root+"/etc/checks/chk" {
				t.Errorf("%s as %q: %q, %v", c.command, c.user, path, err)
			}
		case err == nil || !strings.Contains(err.Error(), c.want) || path != "":
			t.Errorf("%s as %q: %q, error %v, want %q", c.command, c.user, path, err, c.want)
		}
	}
}
