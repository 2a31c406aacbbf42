//go:build linux

package health

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

func put(t *testing.T, path, text string) {
	t.Helper()
	do(t, os.WriteFile(path, []byte(text), 0o644))
}

// trackFile follows a file; the function waits until it holds a number.
func trackFile(t *testing.T, path string) (l *ledger, holds func(n int) Result) {
	t.Helper()
	l, _ = watching(t, FileCheck{Name: "load", Path: path, Weight: 1}.Check())
	return l, func(n int) (last Result) {
		t.Helper()
		eventually(t, fmt.Sprintf("%s holds %d", path, n), func() bool {
			rs, _ := l.of("load")
			if len(rs) == 0 {
				return false
			}
			last = rs[len(rs)-1]
			return last.Number == n
		})
		return last
	}
}

// keepalived-language 4.2.4: every way by which a file gets another number.
func TestTrackFile(t *testing.T) {
	dir := t.TempDir()
	path, other := filepath.Join(dir, "load"), filepath.Join(dir, "other")
	_, holds := trackFile(t, path)
	if r := holds(0); !errors.Is(r.Err, os.ErrNotExist) {
		t.Errorf("a missing file gives %v", r)
	}
	put(t, path, "7")
	if r := holds(7); r.Err != nil {
		t.Errorf("a file gives %v", r)
	}
	put(t, other, "-20 apples\n")
	do(t, os.Rename(other, path))
	holds(-20)
	do(t, os.Rename(path, other))
	holds(0)
	do(t, os.Rename(other, path))
	holds(-20)
	do(t, os.Remove(path))
	holds(0)
	put(t, path, "0x10")
	holds(16)
	put(t, path, "text")
	holds(0)
}

// keepalived-language 4.2.4: a number out of range changes nothing, and is not
// silent.
func TestTrackFileOutOfRange(t *testing.T) {
	path := filepath.Join(t.TempDir(), "load")
	put(t, path, "5")
	l, holds := trackFile(t, path)
	holds(5)
	put(t, path, "99999999999")
	if r := l.wait(t, "load", 2)[1]; r.Number != 5 || r.Err == nil {
		t.Errorf("result is %+v", r)
	}
	put(t, path, "6")
	holds(6)
}

// A directory that comes, goes and is replaced.
func TestTrackFileInAChangingDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	path := filepath.Join(dir, "load")
	_, holds := trackFile(t, path)
	holds(0)
	do(t, os.Mkdir(dir, 0o755))
	put(t, path, "1")
	holds(1)
	do(t, os.RemoveAll(dir))
	holds(0)
	do(t, os.Mkdir(dir, 0o755))
	put(t, path, "2")
	holds(2)
	do(t, os.Rename(dir, dir+".old"))
	holds(0)
}

// The file behind a link has its news too, and so has the link.
func TestTrackFileBehindALink(t *testing.T) {
	a, b, link := filepath.Join(t.TempDir(), "a"), filepath.Join(t.TempDir(), "b"), filepath.Join(t.TempDir(), "load")
	put(t, a, "1")
	put(t, b, "2")
	do(t, os.Symlink(a, link))
	_, holds := trackFile(t, link)
	holds(1)
	put(t, a, "3")
	holds(3)
	do(t, os.Symlink(b, link+".new"), os.Rename(link+".new", link))
	holds(2)
	put(t, b, "4")
	holds(4)
}

// What cannot be read as a file counts as 0 and holds nobody up.
func TestTrackFileThatIsNone(t *testing.T) {
	dir := t.TempDir()
	do(t, syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o644), os.Mkdir(filepath.Join(dir, "dir"), 0o755))
	for _, name := range []string{"pipe", "dir"} {
		_, holds := trackFile(t, filepath.Join(dir, name))
		holds(0)
	}
}

// Many files in one directory share its watch.
func TestTrackFilesShareADirectory(t *testing.T) {
	dir := t.TempDir()
	var checks []Check
	for i := range 200 { // more than the kernel grants of inotify instances
		name := fmt.Sprintf("f%d", i)
		checks = append(checks, FileCheck{Name: name, Path: filepath.Join(dir, name)}.Check())
	}
	l, _ := watching(t, checks...)
	for i, c := range checks {
		l.wait(t, c.Name, 1)
		put(t, c.File.Path, fmt.Sprint(i+1))
	}
	for i, c := range checks {
		if r := l.wait(t, c.Name, 2)[1]; r.Number != i+1 {
			t.Errorf("%s holds %v", c.Name, r)
		}
	}
}

// Whoever begins to listen in a directory hides nothing from those who do
// already, not for a moment.
func TestNewListenersHideNoNews(t *testing.T) {
	n, err := newInotify()
	do(t, err)
	defer n.close()
	dir := t.TempDir()
	path := filepath.Join(dir, "load")
	news, stop, err := n.follow(path)
	do(t, err)
	defer stop()
	var others sync.WaitGroup
	defer others.Wait()
	over := make(chan struct{})
	defer close(over)
	others.Go(func() {
		for {
			select {
			case <-over:
				return
			default:
			}
			if _, stop, err := n.follow(filepath.Join(dir, "other")); err == nil {
				stop()
			}
		}
	})
	for i := range 300 {
		put(t, path, "7")
		select {
		case <-news:
		case <-time.After(soon):
			t.Fatalf("no news of write %d", i)
		}
	}
}

// keepalived-language 3.5: init_file.
func TestPrepareFile(t *testing.T) {
	dir := t.TempDir()
	seven := 7
	for _, c := range []struct {
		name, before string
		check        FileCheck
		want         string
	}{
		{"not asked for", "", FileCheck{}, ""},
		{"missing", "", FileCheck{Init: &seven}, "7\n"},
		{"there", "3", FileCheck{Init: &seven}, "3"},
		{"overwritten", "345", FileCheck{Init: &seven, Overwrite: true}, "7\n"},
		{"created", "", FileCheck{Init: &seven, Overwrite: true}, "7\n"},
	} {
		c.check.Path = filepath.Join(dir, c.name)
		if c.before != "" {
			put(t, c.check.Path, c.before)
		}
		if err := c.check.Prepare(); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if text, _ := os.ReadFile(c.check.Path); string(text) != c.want {
			t.Errorf("%s: the file holds %q, want %q", c.name, text, c.want)
		}
	}
	bad := FileCheck{Name: "load", Path: filepath.Join(dir, "none", "load"), Init: &seven}
	if err := bad.Prepare(); err == nil || !strings.Contains(err.Error(), "track_file load") {
		t.Errorf("without a directory: %v", err)
	}
	do(t, os.Symlink(filepath.Join(dir, "there"), filepath.Join(dir, "link")))
	trap := FileCheck{Name: "load", Path: filepath.Join(dir, "link"), Init: &seven, Overwrite: true}
	if err := trap.Prepare(); err == nil {
		t.Error("it writes through a link")
	}
}
