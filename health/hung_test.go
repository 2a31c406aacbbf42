//go:build linux

package health

import (
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// hold makes everybody who opens a file wait, as on a file system whose server
// is gone: the kernel asks the holder of a lease first.
func hold(t *testing.T, path string) (release func()) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := unix.FcntlInt(f.Fd(), unix.F_SETLEASE, unix.F_WRLCK); err != nil {
		t.Skipf("no leases here: %v", err)
	}
	release = func() { f.Close() }
	t.Cleanup(release)
	return release
}

// A script that cannot even be started fails, costs no other script anything,
// keeps nobody who is to end, and works again when its file system does.
func TestAHungFileSystemDelaysNobody(t *testing.T) {
	stuck := once(t, "#!/bin/sh\nexit 0\n")
	stuck.Name, stuck.Interval, stuck.Timeout = "stuck", 20*time.Millisecond, 300*time.Millisecond
	fine := Check{Name: "fine", Command: []string{"true"}, Interval: 10 * time.Millisecond, Timeout: soon}
	release := hold(t, stuck.Command[0])
	l, stop := watching(t, stuck, fine)
	for i, r := range l.wait(t, "stuck", 3) {
		if r.Outcome != TimedOut {
			t.Errorf("run %d of the script that cannot be read: %v", i, r)
		}
	}
	for i, r := range l.wait(t, "fine", 20) {
		if r.Outcome != Good {
			t.Errorf("run %d of another: %v", i, r)
		}
	}
	release()
	eventually(t, "it can be read again", func() bool {
		all, _ := l.of("stuck")
		return all[len(all)-1].Outcome == Good
	})
	hold(t, stuck.Command[0])
	before, _ := l.of("stuck")
	l.wait(t, "stuck", len(before)+2)
	stop() // returns
}

// The same for a script that runs once, which the end of ctx interrupts.
func TestAHungFileSystemDelaysNoRun(t *testing.T) {
	r, err := NewRunner()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	stuck := once(t, "#!/bin/sh\nexit 0\n")
	stuck.Timeout = 20 * time.Millisecond
	hold(t, stuck.Command[0])
	if got := r.Run(t.Context(), stuck); got.Outcome != TimedOut {
		t.Errorf("it cannot be read, and says %v", got)
	}
}
