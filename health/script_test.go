//go:build linux

package health

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// keepalived-language 4.2.8, and 4.2.9 the right way round.
func TestHowScriptsEndIsToldApart(t *testing.T) {
	missing := Check{Name: "chk", Command: []string{"/nonexistent/check"}, Interval: time.Hour}
	line := Check{Name: "chk", Shell: true, Command: []string{"exit 3 | true; echo pipe | grep -q pope"}, Interval: time.Hour}
	noX := once(t, "#!/bin/sh\n")
	if err := os.Chmod(noX.Command[0], 0o644); err != nil {
		t.Fatal(err)
	}
	noUser := once(t, "#!/bin/sh\n")
	noUser.User = "no-such-user"
	slow := once(t, "#!/bin/sh\nexec sleep 1000\n")
	slow.Timeout = 20 * time.Millisecond
	args := once(t, "#!/bin/sh\n[ \"$1\" = 'a b' ] && [ $# = 1 ] && exit 7\n")
	args.Command = append(args.Command, "a b")

	for name, c := range map[string]struct {
		check Check
		want  Result // Took and Err aside
		err   string
	}{
		"success":             {check: once(t, "#!/bin/sh\nexit 0\n"), want: Result{Outcome: Good}},
		"exit status":         {check: once(t, "#!/bin/sh\nexit 42\n"), want: Result{Outcome: Exited, Code: 42}},
		"arguments":           {check: args, want: Result{Outcome: Exited, Code: 7}},
		"signal":              {check: once(t, "#!/bin/sh\nkill -SEGV $$\n"), want: Result{Outcome: Signaled, Code: int(syscall.SIGSEGV)}},
		"timeout":             {check: slow, want: Result{Outcome: TimedOut}},
		"line for a shell":    {check: line, want: Result{Outcome: Exited, Code: 1}},
		"without #!":          {check: once(t, "exit 5\n"), want: Result{Outcome: Exited, Code: 5}}, // 4.9.7
		"missing":             {missing, Result{Outcome: Unrunnable}, "run /nonexistent/check: /nonexistent: no such file or directory"},
		"not executable":      {noX, Result{Outcome: Unrunnable}, "permission denied"},
		"missing interpreter": {once(t, "#!/nonexistent/sh\n"), Result{Outcome: Unrunnable}, "its interpreter: no such file or directory"},
		"unknown user":        {noUser, Result{Outcome: Unrunnable}, "unknown user no-such-user"},
		"empty":               {Check{Name: "chk"}, Result{Outcome: Unrunnable}, "empty command"},
	} {
		t.Run(name, func(t *testing.T) {
			l, _ := watching(t, c.check)
			got := l.wait(t, "chk", 1)[0]
			if (got.Err != nil) != (c.err != "") || c.err != "" && !strings.Contains(got.Err.Error(), c.err) {
				t.Errorf("error is %v, want %q", got.Err, c.err)
			}
			if got.Outcome == TimedOut && got.Took < c.check.Timeout {
				t.Errorf("timed out after %v, before %v", got.Took, c.check.Timeout)
			}
			got.Took, got.Err = 0, nil
			if got != c.want {
				t.Errorf("result is %+v, want %+v", got, c.want)
			}
		})
	}
}

// keepalived-language 4.2.9: what was deleted while it ran fails, and works
// again when it is back.
func TestDeletedScriptFails(t *testing.T) {
	c := once(t, "#!/bin/sh\n")
	c.Interval = 5 * time.Millisecond
	c.Timeout = soon
	l, _ := watching(t, c)
	l.wait(t, "chk", 1)
	if err := os.Remove(c.Command[0]); err != nil {
		t.Fatal(err)
	}
	last := func() Result { rs, _ := l.of("chk"); return rs[len(rs)-1] }
	eventually(t, "a failure", func() bool { return last().Outcome == Unrunnable })
	if err := last().Err; !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error is %v", err)
	}
	if err := os.WriteFile(c.Command[0], []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a success", func() bool { return last().Outcome == Good })
}

// A script that is edited where it stands cannot be executed for a moment. That is
// no failure.
func TestAScriptThatIsWrittenIsWaitedFor(t *testing.T) {
	c := once(t, "#!/bin/sh\n")
	f, err := os.OpenFile(c.Command[0], os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.StartProcess(c.Command[0], c.Command, &os.ProcAttr{}); !errors.Is(err, syscall.ETXTBSY) {
		t.Fatalf("it can be executed all the same: %v", err)
	}
	l, _ := watching(t, c)
	time.AfterFunc(rewriting/5, func() { f.Close() })
	if r := l.wait(t, "chk", 1)[0]; r.Outcome != Good {
		t.Errorf("result is %v", r)
	}
}

// keepalived-language 4.2.8: SIGTERM to the group, SIGKILL to what ignores it.
func TestTimeoutEndsTheWholeGroup(t *testing.T) {
	for name, text := range map[string]string{
		"ignores SIGTERM":                   "trap '' TERM; echo $$ >>$1; sleep 1000 & echo $! >>$1; while :; do wait; done",
		"its child ignores SIGTERM":         "(trap '' TERM; sleep 1000 & echo $! >>$1; wait) & echo $$ >>$1; sleep 1000",
		"its child holds stdout and stderr": "sleep 1000 & echo $! >>$1; echo $$ >>$1; wait",
		"floods its output":                 "echo $$ >>$1; yes >&2 & echo $! >>$1; while :; do echo flood; done",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := once(t, "#!/bin/sh\n"+text+"\n")
			list := filepath.Join(filepath.Dir(c.Command[0]), "pids")
			c.Command = append(c.Command, list)
			c.Timeout = 15 * time.Second // to get as far as it wants on a busy machine
			l, _ := watching(t, c)
			all := pids(t, list, 2)
			if r := l.wait(t, "chk", 1)[0]; r.Outcome != TimedOut {
				t.Errorf("result is %v, want a timeout", r)
			}
			eventually(t, "all processes are gone", func() bool { return !running(all[0]) && !running(all[1]) })
		})
	}
}

// A child that lives on with the streams of its parent does not keep the
// result back, and is left alone: a script may start a service.
func TestBackgroundChildDelaysNothing(t *testing.T) {
	c := once(t, "#!/bin/sh\nsleep 1000 & echo $! >$1\nexit 4\n")
	list := filepath.Join(filepath.Dir(c.Command[0]), "pids")
	c.Command = append(c.Command, list)
	c.Timeout = time.Hour
	l, _ := watching(t, c)
	child := pids(t, list, 1)[0]
	defer syscall.Kill(child, syscall.SIGKILL)
	if r := l.wait(t, "chk", 1)[0]; r.Outcome != Exited || r.Code != 4 {
		t.Errorf("result is %+v, want exit status 4", r)
	}
	if !running(child) {
		t.Error("the child was ended")
	}
}

// keepalived-language 4.2.10, since 2.3.3: a start is left out while the last
// run goes on.
func TestNeverTwoAtOnce(t *testing.T) {
	c := once(t, `#!/bin/sh
mkdir "$1" || exit 9
sleep 0.05
rmdir "$1"
`)
	c.Command = append(c.Command, filepath.Join(filepath.Dir(c.Command[0]), "lock"))
	c.Interval, c.Timeout = 7*time.Millisecond, time.Hour
	l, _ := watching(t, c)
	for i, r := range l.wait(t, "chk", 10) {
		if r.Outcome != Good {
			t.Errorf("run %d: %v", i, r)
		}
	}
}

// Hanging scripts cost only their own checks.
func TestHangingScriptsDelayNobody(t *testing.T) {
	hang := write(t, "#!/bin/sh\ntrap '' TERM\nsleep 1000\n")
	var checks []Check
	for i := range 200 {
		checks = append(checks, Check{Name: fmt.Sprintf("hang%d", i), Command: []string{hang}, Interval: time.Hour})
	}
	checks = append(checks, Check{Name: "fast", Command: []string{"true"}, Interval: 20 * time.Millisecond, Timeout: soon})
	l, _ := watching(t, checks...)
	for i, r := range l.wait(t, "fast", 20) {
		if r.Outcome != Good {
			t.Errorf("run %d: %v", i, r)
		}
	}
	if rs, _ := l.of("hang0"); len(rs) != 0 {
		t.Errorf("hanging script has reported %v", rs)
	}
}

// No thread waits for a script: otherwise a few hundred that hang would cost
// as many threads.
func TestHangingScriptsCostNoThreads(t *testing.T) {
	threads := func() int {
		tasks, err := os.ReadDir("/proc/self/task")
		if err != nil {
			t.Fatal(err)
		}
		return len(tasks)
	}
	const scripts = 100
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2)) // or a thread for each of many processors would count
	before := threads()
	c := once(t, "#!/bin/sh\necho $$ >>$1\nexec sleep 1000\n")
	list := filepath.Join(filepath.Dir(c.Command[0]), "pids")
	var checks []Check
	for i := range scripts {
		checks = append(checks, Check{Name: strconv.Itoa(i), Command: []string{c.Command[0], list}, Interval: time.Hour})
	}
	watching(t, checks...)
	pids(t, list, scripts)
	if n := threads() - before; n > scripts/4 {
		t.Errorf("%d hanging scripts cost %d threads", scripts, n)
	}
}

func TestEnvironmentIsClean(t *testing.T) {
	for _, name := range []string{"IFS", "LD_PRELOAD", "LD_LIBRARY_PATH", "NOTIFY_SOCKET"} {
		t.Setenv(name, "x")
	}
	t.Setenv("REGENT_KEPT", "kept")
	c := once(t, "#!/bin/sh\n{ env; echo PWD=$(pwd); cat; } >$1.new && mv $1.new $1\n")
	out := filepath.Join(filepath.Dir(c.Command[0]), "out")
	c.Command = append(c.Command, out)
	l, _ := watching(t, c)
	l.wait(t, "chk", 1)
	text, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"\nIFS=", "LD_PRELOAD=", "LD_LIBRARY_PATH=", "NOTIFY_SOCKET="} {
		if strings.Contains("\n"+string(text), bad) {
			t.Errorf("environment has %q:\n%s", bad, text)
		}
	}
	for _, good := range []string{"REGENT_KEPT=kept\n", "PWD=/\n"} {
		if !strings.Contains(string(text), good) {
			t.Errorf("environment lacks %q:\n%s", good, text)
		}
	}
}

// keepalived-language 4.9.1: the user, its primary group, and no other.
func TestRunsAsItsUser(t *testing.T) {
	needsNobody(t)
	for name, c := range map[string]struct {
		check Check
		want  string
	}{
		"user":                      {Check{User: "nobody"}, "nobody nogroup [nogroup]"},
		"user and group":            {Check{User: "nobody", Group: "daemon"}, "nobody daemon [daemon]"},
		"group alone":               {Check{Group: "daemon"}, "root daemon [daemon]"},
		"with supplementary groups": {Check{User: "nobody", Groups: true}, "nobody nogroup [nogroup]"},
	} {
		t.Run(name, func(t *testing.T) {
			check := once(t, "#!/bin/sh\necho \"$(id -un) $(id -gn) [$(id -Gn)]\" >$1\n")
			out := filepath.Join(filepath.Dir(check.Command[0]), "out")
			if err := errors.Join(os.WriteFile(out, nil, 0o666), os.Chmod(out, 0o666)); err != nil {
				t.Fatal(err)
			}
			check.Command = append(check.Command, out)
			check.User, check.Group, check.Groups = c.check.User, c.check.Group, c.check.Groups
			l, _ := watching(t, check)
			if r := l.wait(t, "chk", 1)[0]; r.Outcome != Good {
				t.Fatalf("result is %v", r)
			}
			text, err := os.ReadFile(out)
			if got := strings.TrimSpace(string(text)); err != nil || got != c.want {
				t.Errorf("ran as %q, want %q (%v)", got, c.want, err)
			}
		})
	}
}

// What is stopped leaves no process behind, not even one that ignores SIGTERM,
// and does not report any more.
func TestStopLeavesNothingBehind(t *testing.T) {
	c := once(t, "#!/bin/sh\ntrap '' TERM\nsleep 1000 & echo $! >>$1\necho $$ >>$1\nwhile :; do wait; done\n")
	list := filepath.Join(filepath.Dir(c.Command[0]), "pids")
	c.Command = append(c.Command, list)
	l, stop := watching(t, c)
	all := pids(t, list, 2)
	stop()
	if running(all[1]) {
		t.Error("the script still runs")
	}
	eventually(t, "its child is gone", func() bool { return !running(all[0]) })
	if rs, _ := l.of("chk"); len(rs) != 0 {
		t.Errorf("it has reported %v", rs)
	}
}

// A check that replaces another of its name runs when that has ended.
func TestReplacedScriptEndsFirst(t *testing.T) {
	c := once(t, "#!/bin/sh\ntrap '' TERM\necho $$ >$1\nwhile :; do sleep 1000; done\n")
	list := filepath.Join(filepath.Dir(c.Command[0]), "pids")
	c.Command = append(c.Command, list)
	next := c
	next.Command, next.Shell = []string{"! kill -0 $(cat " + list + ")"}, true

	w, err := NewWatcher()
	do(t, err)
	defer w.Close()
	var all sync.WaitGroup
	defer all.Wait()
	start := func(c Check, l *ledger) (stop func()) {
		ctx, cancel := context.WithCancel(context.Background())
		all.Go(func() { w.Watch(ctx, c, l.add) })
		return cancel
	}
	l := newLedger()
	stop := start(c, l)
	pids(t, list, 1)
	defer start(next, l)()
	stop()
	if r := l.wait(t, "chk", 1)[0]; r.Outcome != Good {
		t.Errorf("the successor says %v", r)
	}
}

// Links are the daemon's to watch.
func TestWatchRefusesLinks(t *testing.T) {
	w, err := NewWatcher()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if err := w.Watch(t.Context(), Check{Kind: Interface, Name: "eth0"}, nil); err == nil {
		t.Error("it watches a link")
	}
}

// To be told to run as oneself is no reason to fail, be it in a namespace where
// groups cannot be changed.
func TestRunsAsOneself(t *testing.T) {
	me, err := user.Current()
	if err != nil {
		t.Skip(err)
	}
	c := once(t, "#!/bin/sh\n[ $(id -u) = $1 ]\n")
	c.Command = append(c.Command, me.Uid)
	c.User = me.Username
	l, _ := watching(t, c)
	if r := l.wait(t, "chk", 1)[0]; r.Outcome != Good {
		t.Errorf("result is %v", r)
	}
}

// A script found in PATH is searched again when it has gone.
func TestMovedScriptIsFound(t *testing.T) {
	first, second := write(t, "#!/bin/sh\nexit 1\n"), write(t, "#!/bin/sh\nexit 2\n")
	moved := second + ".later"
	if err := os.Rename(second, moved); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", filepath.Dir(first)+":"+filepath.Dir(second))
	l, _ := watching(t, Check{Name: "chk", Command: []string{"check"}, Interval: 5 * time.Millisecond, Timeout: soon})
	if r := l.wait(t, "chk", 1)[0]; r.Code != 1 {
		t.Fatalf("result is %v", r)
	}
	if err := errors.Join(os.Remove(first), os.Rename(moved, second)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the other one runs", func() bool { rs, _ := l.of("chk"); return rs[len(rs)-1].Code == 2 })
}

// keepalived-language 4.8.11: a script does not outlive the daemon, even if
// that is killed. The daemon is this test in another process.
func TestScriptDiesWithTheDaemon(t *testing.T) {
	if list := os.Getenv("REGENT_TEST_DAEMON"); list != "" {
		watching(t, Check{Name: "chk", Shell: true, Command: []string{"echo $$ >" + list + "; exec sleep 1000"}, Interval: time.Hour})
		select {}
	}
	list := filepath.Join(t.TempDir(), "pids")
	daemon := exec.Command("/proc/self/exe", "-test.run=^TestScriptDiesWithTheDaemon$")
	daemon.Env = append(os.Environ(), "REGENT_TEST_DAEMON="+list)
	if err := daemon.Start(); err != nil {
		t.Fatal(err)
	}
	defer daemon.Wait()
	defer daemon.Process.Kill()
	script := pids(t, list, 1)[0]
	t.Cleanup(func() {
		if t.Failed() && running(script) {
			syscall.Kill(script, syscall.SIGKILL)
		}
	})
	daemon.Process.Kill()
	eventually(t, "the script is gone", func() bool { return !running(script) })
}

// A thread that ends with its goroutine takes no script with it.
func TestScriptSurvivesTheThreadsOfOthers(t *testing.T) {
	c := once(t, "#!/bin/sh\necho $$ >>$1\nexec sleep 1000\n")
	list := filepath.Join(filepath.Dir(c.Command[0]), "pids")
	c.Command = append(c.Command, list)
	l, _ := watching(t, c)
	script := pids(t, list, 1)[0]
	// Use up every thread that is there, and some more.
	var all sync.WaitGroup
	hold := make(chan struct{})
	for range 50 {
		all.Go(func() {
			runtime.LockOSThread() // and never unlock: the thread ends
			<-hold
		})
	}
	close(hold)
	all.Wait()
	other, _ := watching(t, Check{Name: "other", Command: []string{"true"}, Interval: time.Millisecond, Timeout: soon})
	other.wait(t, "other", 20)
	if rs, _ := l.of("chk"); !running(script) || len(rs) != 0 {
		t.Errorf("the script has ended: %v", rs)
	}
}
