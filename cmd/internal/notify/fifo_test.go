package notify

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"regent/cfgparse"
)

// keepalived-language 4.8.5: mode 0600, its user's, there before anything is
// told, and gone when the daemon is.
func TestFIFOIsMadeAndRemoved(t *testing.T) {
	t.Parallel()
	needsRoot(t)
	s := newStage(t)
	s.global.ScriptUser = "nobody"
	s.global.Notify.FIFO = cfgparse.FIFO{Path: s.path("one")}
	s.global.Notify.VRRP = cfgparse.FIFO{Path: s.path("two"), User: "daemon", Group: "nogroup"}
	s.start()
	for name, want := range map[string][2]uint32{"one": {65534, 65534}, "two": {1, 65534}} {
		info, err := os.Lstat(s.path(name))
		if err != nil {
			t.Fatal(err)
		}
		stat := info.Sys().(*syscall.Stat_t)
		if got := [2]uint32{stat.Uid, stat.Gid}; info.Mode() != os.ModeNamedPipe|0o600 || got != want {
			t.Errorf("%s: mode %v of %v, want 0600 of %v", name, info.Mode(), got, want)
		}
	}
	one, two := listen(t, s.path("one")), listen(t, s.path("two"))
	s.Tell(Event{Instance, "V", Master, 100, nil, "", false})
	for _, l := range []*listener{one, two} {
		s.eventually("the line", func() bool { return l.lines()[0] == `INSTANCE "V" MASTER 100` })
	}
	s.Close(context.Background())
	for _, name := range []string{"one", "two"} {
		if _, err := os.Lstat(s.path(name)); err == nil {
			t.Errorf("%s is still there", name)
		}
	}
}

// What is at the path already is used if it is a FIFO of ours or of its user, and
// is not touched otherwise. It is not ours to remove.
func TestFIFOThatIsThere(t *testing.T) {
	needsRoot(t)
	for name, c := range map[string]struct {
		make  func(path string) error
		error string // in the log; empty: it is used
	}{
		"ours":     {func(p string) error { return syscall.Mkfifo(p, 0o640) }, ""},
		"its user": {func(p string) error { return errors.Join(syscall.Mkfifo(p, 0o600), os.Chown(p, 65534, 65534)) }, ""},
		"another user's": {func(p string) error { return errors.Join(syscall.Mkfifo(p, 0o600), os.Chown(p, 1, 1)) },
			"belongs to user 1"},
		"a file":      {func(p string) error { return os.WriteFile(p, []byte("x"), 0o600) }, "is not a FIFO"},
		"a directory": {func(p string) error { return os.Mkdir(p, 0o700) }, "is not a FIFO"},
		"a link": {func(p string) error {
			return errors.Join(syscall.Mkfifo(p+".target", 0o600), os.Symlink(p+".target", p))
		}, "is not a FIFO"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			path := s.path("fifo")
			if err := c.make(path); err != nil {
				t.Fatal(err)
			}
			before, _ := os.Lstat(path)
			s.global.Notify.FIFO = cfgparse.FIFO{Path: path, User: "nobody"}
			s.start()
			if c.error != "" {
				s.logged("ERROR", "notify_fifo is not written: open FIFO "+path, c.error)
				s.Tell(Event{Instance, "V", Master, 100, nil, "", false}) // costs nothing
			} else {
				l := listen(t, path)
				s.Tell(Event{Instance, "V", Master, 100, nil, "", false})
				s.eventually("the line", func() bool { return l.lines()[0] != "" })
			}
			s.Close(context.Background())
			if before == nil {
				return
			}
			after, err := os.Lstat(path)
			if err != nil || !os.SameFile(before, after) || before.Mode() != after.Mode() {
				t.Errorf("was %v, is %v (%v)", before, after, err)
			}
		})
	}
}

// A FIFO that cannot be made, or given away, is told in the log. So is a user
// that does not exist, and no FIFO is left for the wrong one.
func TestFIFOThatCannotBe(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.global.Notify.FIFO = cfgparse.FIFO{Path: s.path("none/fifo")}
	s.global.Notify.VRRP = cfgparse.FIFO{Path: s.path("two"), User: "no-such-user"}
	s.start()
	s.logged("ERROR", "notify_fifo is not written: make FIFO "+s.path("none/fifo")+": no such file")
	s.logged("ERROR", "vrrp_notify_fifo is not written", "unknown user no-such-user")
	if _, err := os.Lstat(s.path("two")); err == nil {
		t.Error("a FIFO was made for a user that does not exist")
	}
}

// Without a reader the pipe keeps what it can hold for one who comes later; the
// rest is lost, counted and told.
func TestFullFIFODropsAndCounts(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.global.Notify.VRRP.Path = s.path("fifo")
	s.start()
	name := strings.Repeat("x", 1000)
	const told = 200 // times more than 1000 bytes, into 65536
	for i := range told {
		s.Tell(Event{Instance, name, Backup, i, nil, "", false})
	}
	s.logged("WARN", "vrrp_notify_fifo is full", "fifo="+s.path("fifo"))
	late, err := os.OpenFile(s.path("fifo"), os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer late.Close()
	s.Close(context.Background())
	text, err := io.ReadAll(late)
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	for i, line := range got {
		if want := fmt.Sprintf(`INSTANCE "%s" BACKUP %d`, name, i); line != want {
			t.Fatalf("line %d is %q", i, line)
		}
	}
	lost := 0
	for line := range strings.Lines(s.log.String()) {
		if _, count, ok := strings.Cut(line, "lost="); ok {
			n := 0
			fmt.Sscan(count, &n)
			lost += n
		}
	}
	if len(got) < 10 || lost+len(got) != told {
		t.Errorf("%d lines were told, %d read and %d counted as lost", told, len(got), lost)
	}
}

// The reader gets the FIFO's path as its last argument, is started anew when it
// ends, and has all of STOP before its input ends.
func TestReaderOfFIFO(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	reader := s.script("reader", `echo "$*" >>started
while read -r line; do echo "$line" >>out; [ "${line#*FAULT}" = "$line" ] || exit 5; done <"$2"
echo end >>out`)
	s.global.Notify.VRRP = cfgparse.FIFO{Path: s.path("fifo"), Script: with(reader, "arg")}
	s.start()
	s.Tell(Event{Instance, "V", Fault, 100, nil, "", false})
	s.wait("started", 2)
	s.logged("WARN", "vrrp_notify_fifo_script: exit status 5, is started anew")
	s.Tell(Event{Instance, "V", Master, 100, nil, "", false})
	s.wait("out", 2)
	s.Tell(Event{Instance, "V", Stop, 100, nil, "", false})
	s.Tell(Event{Group, "G", Stop, 0, nil, "", false})
	s.Close(context.Background())
	want := []string{`INSTANCE "V" FAULT 100`, `INSTANCE "V" MASTER 100`, `INSTANCE "V" STOP 100`, `GROUP "G" STOP 0`, "end"}
	if got := s.said("out"); !slices.Equal(got, want) {
		t.Errorf("the reader had %q, want %q", got, want)
	}
	if got := s.said("started"); !slices.Equal(got, []string{"arg " + s.path("fifo"), "arg " + s.path("fifo")}) {
		t.Errorf("it was started with %q", got)
	}
}

// A reader that does not care for the end of its input is ended.
func TestDeafReaderIsEnded(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.global.Notify.FIFO = cfgparse.FIFO{Path: s.path("fifo"),
		Script: s.script("reader", "trap '' TERM; echo $$ >pid; while :; do sleep 1000; done")}
	s.start()
	pid := s.wait("pid", 1)[0]
	s.Close(context.Background())
	if alive(pid) {
		t.Error("the reader still runs")
	}
}

// A FIFO that somebody has removed is made again, and one that its reader has
// made anew is written; so is one that could not be there when the daemon started.
func TestFIFOIsFoundAgain(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	path := filepath.Join(s.path("later"), "fifo")
	s.global.Notify.FIFO = cfgparse.FIFO{Path: path, Script: s.script("reader", `cat "$1" >>out; echo end >>out`)}
	s.start()
	tell := func(priority int) { s.Tell(Event{Instance, "V", Master, priority, nil, "", false}) }
	s.logged("ERROR", "notify_fifo is not written", "no such file or directory")
	if err := os.Mkdir(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	tell(2)
	s.wait("out", 1)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	tell(3)
	s.wait("out", 3)
	if err := errors.Join(os.Remove(path), syscall.Mkfifo(path, 0o600)); err != nil {
		t.Fatal(err)
	}
	tell(4)
	want := []string{`INSTANCE "V" MASTER 2`, "end", `INSTANCE "V" MASTER 3`, "end", `INSTANCE "V" MASTER 4`}
	if got := s.wait("out", 5); !slices.Equal(got, want) {
		t.Errorf("the reader had %q, want %q", got, want)
	}
	s.logged("WARN", "notify_fifo was removed or replaced, and is opened anew", "fifo="+path)
}

// A reload leaves a FIFO alone that it does not concern, and moves one that it
// does.
func TestUpdateMovesFIFOs(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	reader := s.script("reader", `echo $$ >>"$1"; cat "$2"`)
	s.global.Notify.FIFO = cfgparse.FIFO{Path: s.path("kept"), Script: with(reader, "kept.pid")}
	s.global.Notify.VRRP = cfgparse.FIFO{Path: s.path("old"), Script: with(reader, "old.pid")}
	s.start()
	kept, old := s.wait("kept.pid", 1)[0], s.wait("old.pid", 1)[0]
	next := s.global
	next.Notify.FIFO.Script = with(reader, "kept.pid") // on another line, say
	next.Notify.VRRP.Path = s.path("new")
	s.Update(&next)
	s.eventually("the FIFO has moved", func() bool {
		_, gone := os.Lstat(s.path("old"))
		_, there := os.Lstat(s.path("new"))
		return gone != nil && there == nil
	})
	s.wait("old.pid", 2)
	if !alive(kept) || alive(old) {
		t.Errorf("reader that is kept: %v, reader that is not: %v", alive(kept), alive(old))
	}
	// The same path, for another reader: what was there is closed first.
	again := next
	again.Notify.VRRP.Script = with(reader, "again.pid")
	s.Update(&again)
	s.wait("again.pid", 1)
	if _, err := os.Lstat(s.path("new")); err != nil {
		t.Error(err)
	}
	none := next
	none.Notify = cfgparse.GlobalNotify{}
	s.Update(&none)
	s.eventually("no FIFO is left", func() bool {
		_, one := os.Lstat(s.path("new"))
		_, two := os.Lstat(s.path("kept"))
		return one != nil && two != nil
	})
}

// What was told before is for the readers of FIFOs alone: no script runs, and no
// mail is sent.
func TestWhatIsKnownIsToldToFIFOsAlone(t *testing.T) {
	s := newStage(t)
	s.global.Notify.FIFO.Path = s.path("fifo")
	script := s.script("master", "echo ran >> ran")
	s.start()
	fifo := listen(t, s.path("fifo"))
	tell := &cfgparse.Notify{Master: script}
	s.Tell(Event{Kind: Instance, Name: "V", State: Master, Priority: 100, Notify: tell, Known: true})
	s.Tell(Event{Kind: Instance, Name: "V", State: Master, Priority: 100, Notify: tell})
	s.eventually("both lines", func() bool { return len(fifo.lines()) == 2 })
	s.eventually("the script", func() bool { _, err := os.Stat(s.path("ran")); return err == nil })
	s.Close(t.Context())
	if text, _ := os.ReadFile(s.path("ran")); string(text) != "ran\n" {
		t.Errorf("the script ran so: %q", text)
	}
}
