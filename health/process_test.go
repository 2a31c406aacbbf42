//go:build linux

package health

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// keepalived-language 3.6.
func TestMatches(t *testing.T) {
	sshd := task{"sshd", []string{"/usr/sbin/sshd", "-D", "-p", "2222"}}
	for _, c := range []struct {
		name  string
		check ProcessCheck
		task  task
		want  bool
	}{
		{"name", ProcessCheck{Command: "sshd"}, sshd, true},
		{"not a part of the name", ProcessCheck{Command: "ssh"}, sshd, false},
		{"not more than the name", ProcessCheck{Command: "sshd2"}, sshd, false},
		{"the kernel knows 15 bytes", ProcessCheck{Command: "systemd-networkd"}, task{comm: "systemd-network"}, true},
		{"the name is not the path", ProcessCheck{Command: "/usr/sbin/sshd"}, sshd, false},
		{"but with full_command it is", ProcessCheck{Command: "/usr/sbin/sshd", FullCommand: true}, sshd, true},
		{"and the name is not", ProcessCheck{Command: "sshd", FullCommand: true}, sshd, false},
		{"a kernel thread has no command line", ProcessCheck{Command: "kswapd0", FullCommand: true}, task{comm: "kswapd0"}, false},
		{"exact", ProcessCheck{Command: "sshd", Match: MatchExact, Params: []string{"-D", "-p", "2222"}}, sshd, true},
		{"exact, one missing", ProcessCheck{Command: "sshd", Match: MatchExact, Params: []string{"-D", "-p"}}, sshd, false},
		{"exact, one too many", ProcessCheck{Command: "sshd", Match: MatchExact, Params: []string{"-D", "-p", "2222", "-e"}}, sshd, false},
		{"exact without parameters", ProcessCheck{Command: "sshd", Match: MatchExact}, sshd, false},
		{"exact without parameters, and none there", ProcessCheck{Command: "sshd", Match: MatchExact}, task{comm: "sshd", argv: []string{"sshd"}}, true},
		{"partial", ProcessCheck{Command: "sshd", Match: MatchPartial, Params: []string{"-D", "-p"}}, sshd, true},
		{"partial, other order", ProcessCheck{Command: "sshd", Match: MatchPartial, Params: []string{"-p", "-D"}}, sshd, false},
		{"partial, last one cut", ProcessCheck{Command: "sshd", Match: MatchPartial, Params: []string{"-D", "-p", "22"}}, sshd, false},
		{"partial without parameters", ProcessCheck{Command: "sshd", Match: MatchPartial}, sshd, true},
		{"initial, last one cut", ProcessCheck{Command: "sshd", Match: MatchInitial, Params: []string{"-D", "-p", "22"}}, sshd, true},
		{"initial, first one cut", ProcessCheck{Command: "sshd", Match: MatchInitial, Params: []string{"-", "-p"}}, sshd, false},
		{"initial, too many", ProcessCheck{Command: "sshd", Match: MatchInitial, Params: []string{"-D", "-p", "2222", ""}}, sshd, false},
	} {
		if got := c.check.matches(c.task); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

// keepalived-language 4.2.15: quorum <= count <= quorum_max.
func TestQuorum(t *testing.T) {
	for _, c := range []struct {
		quorum, most, running int
		want                  Outcome
	}{
		{1, Unlimited, 0, TooFew}, {1, Unlimited, 1, Good}, {1, Unlimited, 65535, Good},
		{0, Unlimited, 0, TooFew},
		{3, 4, 2, TooFew}, {3, 4, 3, Good}, {3, 4, 4, Good}, {3, 4, 5, TooMany},
		{1, 0, 0, Good}, {1, 0, 1, TooMany}, // quorum_max 0: must not run
	} {
		p := ProcessCheck{Quorum: c.quorum, QuorumMax: c.most}
		if r := p.judge(c.running); r.Outcome != c.want || r.Number != c.running {
			t.Errorf("%+v: %+v", c, r)
		}
	}
}

// keepalived-language 4.2.15: a delay postpones a change, and is cancelled if
// it reverts.
func TestDelays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &ProcessCheck{Quorum: 2, QuorumMax: Unlimited, Gained: 3 * time.Second, Lost: 5 * time.Second}
		began := time.Now()
		var story []string
		counts := make(chan int)
		ctx, cancel := context.WithCancel(t.Context())
		go p.settle(ctx, counts, func(r Result) {
			story = append(story, fmt.Sprintf("%v %v %d", time.Since(began), r.up(), r.Number))
		})
		at := func(second, n int) { // in the virtual time of the bubble
			time.Sleep(time.Until(began.Add(time.Duration(second) * time.Second)))
			counts <- n
		}
		at(0, 0)  // at first there is no delay
		at(1, 2)  // gained
		at(2, 1)  // lost again: nothing has happened
		at(10, 2) // gained,
		at(12, 3) // which does not start anew
		at(20, 1) // lost
		at(24, 2) // just in time
		at(30, 1) // lost,
		at(34, 0) // and lost for good
		at(50, 5)
		time.Sleep(time.Minute)
		cancel()
		synctest.Wait()
		if want := []string{"0s false 0", "13s true 3", "35s false 0", "53s true 5"}; !slices.Equal(story, want) {
			t.Errorf("story is %q, want %q", story, want)
		}
	})
}

// sleeper starts a process with a name of its own.
func sleeper(t *testing.T, path string, args ...string) *exec.Cmd {
	t.Helper()
	c := exec.Command(path, args...)
	do(t, c.Start())
	t.Cleanup(func() {
		c.Process.Kill()
		c.Wait()
	})
	return c
}

// program makes a program that sleeps, by a name that no other process on the
// machine has.
func program(t *testing.T, name string) string {
	t.Helper()
	return linkTo(t, "sleep", name)
}

// linkTo makes a link to a program; its name has 15 bytes. A copy could not be
// executed while some child that is about to begin still has it open.
func linkTo(t *testing.T, program, name string) string {
	t.Helper()
	name = fmt.Sprintf("%.7s %d", name, os.Getpid())
	real, err := exec.LookPath(program)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), name)
	do(t, os.Symlink(real, path))
	return path
}

// keepalived-language 4.2.15 with real processes, by kernel events and by
// searching the table of processes: start and exit, of children and of others.
func TestTrackProcess(t *testing.T) {
	// A test of the census itself, so that both its ways can be chosen.
	kernel, err := openTaskEvents()
	if err == nil {
		kernel.close()
	}
	for name, skip := range map[string]bool{"events": err != nil, "search": false} {
		t.Run(name, func(t *testing.T) {
			if skip {
				t.Skip(err)
			}
			c := &census{stop: make(chan struct{}), counts: map[*count]bool{}}
			if name == "events" {
				c = newCensus()
			} else {
				go c.patrol()
			}
			defer c.close()

			path := program(t, name)
			old := sleeper(t, path, "1000")
			counts, stop := c.follow(&ProcessCheck{Command: filepath.Base(path)})
			defer stop()
			exact, stop := c.follow(&ProcessCheck{Command: filepath.Base(path), Match: MatchExact, Params: []string{"2000"}})
			defer stop()
			expect(t, counts, 1)
			expect(t, exact, 0)
			young := sleeper(t, path, "2000")
			expect(t, counts, 2)
			expect(t, exact, 1)
			old.Process.Kill() // not waited for: a zombie does not count
			expect(t, counts, 1)
			young.Process.Kill()
			expect(t, counts, 0)
			expect(t, exact, 0)
		})
	}
}

// A child that has not become another program yet is counted like its parent.
func TestForkedProcessCounts(t *testing.T) {
	path := linkTo(t, "sh", "fork")
	c := newCensus()
	defer c.close()
	counts, stop := c.follow(&ProcessCheck{Command: filepath.Base(path)})
	defer stop()
	expect(t, counts, 0)
	shell := exec.Command(path, "-c", "exec 3<&0; (read line <&3) & wait")
	in, err := shell.StdinPipe()
	do(t, err, shell.Start())
	expect(t, counts, 2)
	in.Close()
	shell.Wait()
	expect(t, counts, 0)
}

// What happens to a thread happens to no process.
func TestParseTaskEvent(t *testing.T) {
	for name, c := range map[string]struct {
		what  uint32
		words [4]uint32
		want  taskEvent
		ok    bool
	}{
		"fork":          {taskForked, [4]uint32{11, 10, 12, 12}, taskEvent{taskForked, 12, 10}, true},
		"new thread":    {taskForked, [4]uint32{10, 10, 12, 10}, taskEvent{}, false},
		"exec":          {taskExecuted, [4]uint32{12, 12}, taskEvent{taskExecuted, 12, 0}, true},
		"rename":        {taskRenamed, [4]uint32{12, 12}, taskEvent{taskRenamed, 12, 0}, true},
		"thread's name": {taskRenamed, [4]uint32{13, 12}, taskEvent{}, false},
		"exit":          {taskExited, [4]uint32{12, 12}, taskEvent{taskExited, 12, 0}, true},
		"thread's exit": {taskExited, [4]uint32{13, 12}, taskEvent{}, false},
		"other":         {4, [4]uint32{12, 12}, taskEvent{}, false},
		"refusal":       {taskAnswer, [4]uint32{1}, taskEvent{taskAnswer, 1, 0}, true},
	} {
		b := binary.NativeEndian.AppendUint32(nil, cnIndex)
		b = binary.NativeEndian.AppendUint32(b, cnValue)
		b = append(b, make([]byte, cnHeader-8)...)
		b = binary.NativeEndian.AppendUint32(b, c.what)
		b = append(b, make([]byte, eventHeader-4)...)
		for _, w := range c.words {
			b = binary.NativeEndian.AppendUint32(b, w)
		}
		if got, ok := parseTaskEvent(b); ok != c.ok || ok && got != c.want {
			t.Errorf("%s: %+v %v, want %+v %v", name, got, ok, c.want, c.ok)
		}
		if _, ok := parseTaskEvent(b[:len(b)-1]); ok {
			t.Errorf("%s: a short message is taken", name)
		}
	}
}

// expect waits for a number.
func expect(t *testing.T, counts <-chan int, want int) {
	t.Helper()
	bound := time.After(soon)
	got := -1
	for {
		select {
		case got = <-counts:
			if got == want {
				return
			}
		case <-bound:
			t.Fatalf("%d processes after %v, want %d", got, soon, want)
		}
	}
}

// The census is right again after it could not hear all that has happened.
func TestCensusRecounts(t *testing.T) {
	c := &census{stop: make(chan struct{}), counts: map[*count]bool{}}
	path := program(t, "overrun")
	counts, stop := c.follow(&ProcessCheck{Command: filepath.Base(path)})
	defer stop()
	expect(t, counts, 0)
	sleeper(t, path, "1000")
	eventually(t, "the new process has its name", func() bool {
		c.recountAll()
		select {
		case n := <-counts:
			return n == 1
		default:
			return false
		}
	})
}

// An overrun is a source that has lost events once, and has none since.
type overrun struct{ lost, over chan struct{} }

func (o *overrun) read() ([]taskEvent, error) {
	select {
	case <-o.lost:
		return nil, syscall.ENOBUFS
	case <-o.over:
		return nil, os.ErrClosed
	}
}

func (o *overrun) close() { close(o.over) }

// keepalived-language 4.2.15: what the kernel could not tell, because too much has
// happened, is found by a look at the whole table.
func TestLostProcessEventsAreMadeUpFor(t *testing.T) {
	lost := &overrun{make(chan struct{}), make(chan struct{})}
	c := &census{stop: make(chan struct{}), counts: map[*count]bool{}, events: lost}
	go c.listen()
	defer c.close()
	path := program(t, "lost")
	counts, stop := c.follow(&ProcessCheck{Command: filepath.Base(path)})
	defer stop()
	expect(t, counts, 0)
	s := sleeper(t, path, "1000")
	eventually(t, "the new process has its name", func() bool {
		got, alive := look(s.Process.Pid, false)
		return alive && got.comm == filepath.Base(path)
	})
	select {
	case n := <-counts:
		t.Fatalf("somebody has told that %d run", n)
	default:
	}
	lost.lost <- struct{}{}
	expect(t, counts, 1)
}

// The whole way: a process check of a watcher.
func TestWatchProcess(t *testing.T) {
	path := program(t, "watched")
	l, _ := watching(t, ProcessCheck{Name: "p", Command: filepath.Base(path), Quorum: 1, QuorumMax: Unlimited}.Check())
	if r := l.wait(t, "p", 1)[0]; r.Outcome != TooFew || r.Limit != 1 {
		t.Errorf("at first: %+v", r)
	}
	s := sleeper(t, path, "1000")
	if r := l.wait(t, "p", 2)[1]; r.Outcome != Good || r.Number != 1 {
		t.Errorf("with a process: %+v", r)
	}
	s.Process.Kill()
	if r := l.wait(t, "p", 3)[2]; r.Outcome != TooFew {
		t.Errorf("after its end: %+v", r)
	}
}

// Whatever stands in /proc, or comes from the connector, is read without harm.
func FuzzParseTaskEvent(f *testing.F) {
	f.Add([]byte(strings.Repeat("\x01\x00\x00\x00", 20)))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		if v, ok := parseTaskEvent(b); ok && v.what != taskAnswer && v.what != taskForked && v.what != taskExecuted && v.what != taskRenamed && v.what != taskExited {
			t.Errorf("%x is %+v", b, v)
		}
	})
}

// A process may call itself anything.
func TestLook(t *testing.T) {
	if me, alive := look(os.Getpid(), true); !alive || !slices.Equal(me.argv, os.Args) {
		t.Errorf("I am %q, alive %v", me, alive)
	}
	path := program(t, ") Z (")
	s := sleeper(t, path, "1000", "0")
	eventually(t, "it is seen", func() bool {
		got, alive := look(s.Process.Pid, true)
		return alive && got.comm == filepath.Base(path) && slices.Equal(got.argv, []string{path, "1000", "0"})
	})
	s.Process.Kill()
	s.Wait()
	if _, alive := look(s.Process.Pid, true); alive {
		t.Error("it is seen after its end")
	}
}
