package main_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"regent/cmd/internal/lab"
)

// A mishap is what may happen to a check of a running daemon, or be wrong with
// it from the start.
type mishap struct {
	name  string
	check string        // its blocks of the configuration; DIR is the directory of its files
	track string        // what the router tracks
	spoil func(*ailing) // nil: it is broken from the start
	says  []string      // in one line
}

// An ailing daemon is master all the time.
type ailing struct {
	*stage
	run *lab.Proc
	dir string
}

func (a *ailing) file(name string) string { return filepath.Join(a.dir, name) }

const chk = "vrrp_script chk {\nscript DIR/chk\ninterval 1\ntimeout 30\nweight 10\n}\n"

var mishaps = []mishap{
	{name: "a script is missing", check: "vrrp_script chk {\nscript DIR/none\ninterval 1\nweight 10\n}\n", track: "track_script {\nchk\n}",
		says: []string{"DIR/none: no such file or directory"}},
	{name: "a script is not executable", check: "vrrp_script chk {\nscript DIR/plain\ninterval 1\nweight 10\n}\n", track: "track_script {\nchk\n}",
		says: []string{"DIR/plain is not executable by root"}},
	{name: "its user is unknown", check: "vrrp_script chk {\nscript DIR/chk\nuser nobody-there\nweight 10\n}\n", track: "track_script {\nchk\n}",
		says: []string{"nobody-there"}},
	{name: "a directory is everybody's", track: "track_script {\nchk\n}",
		check: "global_defs {\nenable_script_security\n}\nvrrp_script chk {\nscript DIR/open/chk\ninterval 1\nweight 10\n}\n",
		says:  []string{"DIR/open is writable by everybody"}},
	{name: "a script is removed", check: chk, track: "track_script {\nchk\n}",
		spoil: func(a *ailing) { a.must(os.Remove(a.file("chk"))) },
		says:  []string{"from=110 to=100", "chk failed: run DIR/chk as root: no such file or directory"}},
	{name: "a script may not be executed any more", check: chk, track: "track_script {\nchk\n}",
		spoil: func(a *ailing) { a.must(os.Chmod(a.file("chk"), 0o644)) },
		says:  []string{"from=110 to=100", "chk failed: run DIR/chk as root: permission denied"}},
	{name: "a script is killed", track: "track_script {\nchk\n}",
		check: "vrrp_script chk {\nscript DIR/long\ninterval 1\ntimeout 100\nweight 10\n}\n",
		spoil: func(a *ailing) {
			var pid int
			a.until("the script runs", func() bool {
				b, _ := os.ReadFile(a.file("pid"))
				pid, _ = strconv.Atoi(strings.TrimSpace(string(b)))
				return pid > 0
			})
			a.must(syscall.Kill(pid, syscall.SIGKILL))
		},
		says: []string{"chk failed: ended by SIGKILL"}},
	{name: "a file cannot be read", check: "track_file load {\nfile DIR/load\nweight 1\n}\n", track: "track_file {\nload\n}",
		spoil: func(a *ailing) {
			a.must(os.Symlink(a.dir, a.file("link"))) // which is put in its place in one step
			a.must(os.Rename(a.file("link"), a.file("load")))
		},
		says: []string{"from=110 to=100", "file load counts as 0 (read DIR/load: is a directory)"}},
	{name: "a number is out of range", check: "track_file load {\nfile DIR/load\nweight 1\n}\n", track: "track_file {\nload\n}",
		spoil: func(a *ailing) { a.must(os.WriteFile(a.file("load"), []byte("4294967296\n"), 0o644)) },
		says:  []string{"file load counts as 10 (read DIR/load: value out of range)"}},
}

// Whatever is wrong with a check is said, and costs its router what the check is
// worth, but never its place or an advert.
func TestWhatIsWrongWithACheckIsSaid(t *testing.T) {
	for _, m := range mishaps {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			s := setStage(t)
			a := &ailing{stage: s, dir: filepath.Join(s.Dir, "checks")}
			s.must(os.Mkdir(a.dir, 0o755))
			s.must(os.WriteFile(a.file("chk"), []byte("#!/bin/sh\n"), 0o755))
			s.must(os.WriteFile(a.file("long"), fmt.Appendf(nil, "#!/bin/sh\necho $$ >%s\nexec sleep 1000\n", a.file("pid")), 0o755))
			s.must(os.WriteFile(a.file("plain"), []byte("#!/bin/sh\n"), 0o644))
			s.must(os.WriteFile(a.file("load"), []byte("10\n"), 0o644))
			s.must(os.Mkdir(a.file("open"), 0o755))
			s.must(os.Chmod(a.file("open"), 0o777)) // whatever the umask is
			s.must(os.WriteFile(a.file("open/chk"), []byte("#!/bin/sh\n"), 0o755))
			here := strings.NewReplacer("DIR", a.dir)

			h := s.host("router", "192.0.2.1/24")
			a.run = s.start(regentd, h, "global_defs {\nscript_user root\n}\n"+here.Replace(m.check)+instance("eth0", 100, "0.1", m.track))
			s.until("it is master", func() bool { return a.run.Said("Entering MASTER STATE") })
			if m.spoil != nil {
				if !strings.Contains(m.check, "long") { // which has no result yet
					s.advertised("the check counts", vrid, func(last lab.Advert) bool { return last.Priority == 110 })
				}
				m.spoil(a)
			}
			for i := range m.says {
				m.says[i] = here.Replace(m.says[i])
			}
			s.until(fmt.Sprintf("it says %q", m.says), func() bool { return a.run.Said(m.says...) })
			s.wire.Clear()
			s.until("it advertises as before", func() bool { return len(s.wire.Adverts()) >= 5 })
			if a.run.Said("was=MASTER") {
				t.Error("it has left its place")
			}
		})
	}
}
