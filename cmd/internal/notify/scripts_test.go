package notify

import (
	"context"
	"errors"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"regent/cfgparse"
)

// How a script ends is told with the instance's name, and the next one runs.
func TestEndsOfScriptsAreTold(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	n := &cfgparse.Notify{
		Master: s.script("three", "exit 3"),
		Backup: s.script("segv", "kill -SEGV $$"),
		Fault:  &cfgparse.Command{Args: []string{"/nonexistent/script"}},
		Stop:   with(&cfgparse.Command{Args: []string{"true"}}),
		Any:    s.script("record", `echo "$3" >>out`),
	}
	n.Stop.User = "no-such-user"
	n.LowerPriority = s.script("victim", `echo $$ >pid; exec sleep 1000`)
	s.start()
	for _, state := range []State{Master, Backup, Fault, Stop, MasterRxLowerPri} {
		s.Tell(Event{Instance, "VI_1", state, 100, n, "", false})
	}
	pid, err := strconv.Atoi(s.wait("pid", 1)[0])
	if err != nil {
		t.Fatal(err)
	}
	syscall.Kill(pid, syscall.SIGKILL)
	s.Tell(Event{Group, "G", Master, 0, n, "", false})
	s.logged("WARN", "notify_master: exit status 3", "instance=VI_1", "took=")
	s.logged("WARN", "notify_backup: ended by SIGSEGV", "instance=VI_1")
	s.logged("ERROR", "notify_fault: run /nonexistent/script: /nonexistent: no such file or directory", "instance=VI_1")
	s.logged("ERROR", "notify_stop: run true: user: unknown user no-such-user", "instance=VI_1")
	s.logged("WARN", "notify_master_rx_lower_pri: ended by SIGKILL", "instance=VI_1")
	s.logged("WARN", "notify_master: exit status 3", "group=G")
	s.logged("DEBUG", "notify: done", "group=G")
	if got := s.said("out"); !slices.Equal(got, []string{"MASTER", "BACKUP", "FAULT", "STOP", "MASTER"}) {
		t.Errorf("notify was told %q", got)
	}
}

// keepalived-language 4.9.1: the user of the line, else script_user.
func TestScriptsRunAsTheirUser(t *testing.T) {
	t.Parallel()
	needsRoot(t)
	s := newStage(t)
	id := s.script("id", `echo "$1 $(id -un) $(id -gn)" >>out`)
	if err := errors.Join(os.WriteFile(s.path("out"), nil, 0o666), os.Chmod(s.path("out"), 0o666)); err != nil {
		t.Fatal(err)
	}
	own := with(id, "own")
	own.User, own.Group = "daemon", "nogroup"
	s.global.ScriptUser = "nobody"
	s.start()
	n := &cfgparse.Notify{Master: own, Backup: with(id, "default"), Fault: with(id, "later")}
	s.Tell(Event{Instance, "V", Master, 100, n, "", false})
	s.Tell(Event{Instance, "V", Backup, 100, n, "", false})
	s.Update(&cfgparse.Global{ScriptUser: "root"})
	s.Tell(Event{Instance, "V", Fault, 100, n, "", false})
	want := []string{"own daemon nogroup", "default nobody nogroup", "later root root"}
	if got := s.wait("out", 3); !slices.Equal(got, want) {
		t.Errorf("ran as %q, want %q", got, want)
	}
}

// enable_script_security refuses what somebody else may change (4.9.4).
func TestInsecureScriptIsRefused(t *testing.T) {
	t.Parallel()
	needsRoot(t)
	s := newStage(t)
	n := &cfgparse.Notify{Master: s.script("open", "echo ran >>out")} // in a directory that everybody may write
	s.global.ScriptSecurity = true
	s.start()
	s.Tell(Event{Instance, "V", Master, 100, n, "", false})
	s.logged("ERROR", "notify_master", s.dir+" is writable by everybody", "instance=V")
	if s.said("out")[0] != "" {
		t.Error("it ran")
	}
}

// startup_script and shutdown_script are waited for, and told apart.
func TestRunOnce(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	good := s.script("good", `echo "$*" >>out`)
	bad := s.script("bad", "exit 4")
	hang := s.script("hang", "trap '' TERM; echo $$ >pid; while :; do sleep 1000; done")
	run := func(ctx context.Context, c *cfgparse.Command, timeout time.Duration) string {
		if err := RunOnce(ctx, &s.global, c, timeout); err != nil {
			return err.Error()
		}
		return ""
	}
	if got := run(t.Context(), with(good, "a b", "c"), soon); got != "" || s.said("out")[0] != "a b c" {
		t.Errorf("a good one: %q, said %q", got, s.said("out"))
	}
	if got, want := run(t.Context(), bad, soon), "run "+bad.Args[0]+": exit status 4"; got != want {
		t.Errorf("a bad one: %q, want %q", got, want)
	}
	if got := run(t.Context(), &cfgparse.Command{Args: []string{"/nonexistent"}}, soon); !strings.Contains(got, "no such file") {
		t.Errorf("a missing one: %q", got)
	}
	if got := run(t.Context(), hang, 50*time.Millisecond); !strings.Contains(got, "timed out after ") {
		t.Errorf("a hanging one: %q", got)
	}
	os.Remove(s.path("pid"))
	ctx, cancel := context.WithCancel(t.Context())
	interrupted := make(chan error, 1)
	go func() { interrupted <- RunOnce(ctx, &s.global, hang, soon) }()
	pid := s.wait("pid", 1)[0]
	cancel()
	if err := <-interrupted; !errors.Is(err, context.Canceled) || alive(pid) {
		t.Errorf("an interrupted one: %v, still runs: %v", err, alive(pid))
	}
}
