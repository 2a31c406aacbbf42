package notify

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"regent/cfgparse"
)

// keepalived-language 4.8.1 to 4.8.4, field-notes 1.10: thousands of scripts,
// each with its exact arguments, none before its turn, none twice, no two of an
// instance at once; and the lines of all in the order told.
func TestNothingIsLostOrOutOfOrder(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	const rounds = 300
	s.limits.backlog = rounds
	s.global.Notify.VRRP.Path = s.path("fifo")
	record := s.script("record", `mkdir "$1.lock" || echo overlap >>"$1"
shift_name=$1; shift
printf '%s|' "$@" >>"$shift_name"; echo >>"$shift_name"
rmdir "$shift_name.lock"`)
	names := []string{"VI_1", "VI 2", `V"3`}
	notify := map[string]*cfgparse.Notify{}
	for i, name := range names {
		file := fmt.Sprint("out", i)
		notify[name] = &cfgparse.Notify{
			Master: with(record, file, "master", "a b"), Backup: with(record, file, "backup"),
			Fault: with(record, file, "fault"), Any: with(record, file, "any", "own"),
		}
	}
	s.start()
	fifo := listen(t, s.path("fifo"))
	var lines []string
	want := make([][]string, len(names))
	for round := range rounds {
		for i, name := range names {
			state, alone := Master, "master|a b|"
			switch (round + i) % 3 {
			case 1:
				state, alone = Backup, "backup|"
			case 2:
				state, alone = Fault, "fault|"
			}
			s.Tell(Event{Kind: Instance, Name: name, State: state, Priority: round % 256, Notify: notify[name]})
			want[i] = append(want[i], alone, fmt.Sprintf("any|own|INSTANCE|%s|%s|%d|", name, state, round%256))
			lines = append(lines, fmt.Sprintf(`INSTANCE "%s" %s %d`, name, state, round%256))
		}
	}
	for i := range names {
		if got := s.wait(fmt.Sprint("out", i), len(want[i])); !slices.Equal(got, want[i]) {
			t.Errorf("%s: scripts said\n%s\nwant\n%s", names[i], strings.Join(got, "\n"), strings.Join(want[i], "\n"))
		}
	}
	s.eventually("all lines", func() bool { return len(fifo.lines()) >= len(lines) })
	if got := fifo.lines(); !slices.Equal(got, lines) {
		t.Errorf("the FIFO said\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(lines, "\n"))
	}
}

// Each event has its scripts and no others (4.8.1, 4.8.2), and says what happened
// in the words of keepalived (4.8.4).
func TestWhoIsToldOfWhat(t *testing.T) {
	command := func(name string) *cfgparse.Command { return &cfgparse.Command{Args: []string{"/x/" + name}} }
	all := &cfgparse.Notify{
		Master: command("master"), Backup: command("backup"), Fault: command("fault"), Stop: command("stop"),
		Deleted: command("deleted"), LowerPriority: command("lower"), Any: command("any"), TellDeleted: true,
	}
	for _, c := range []struct {
		event   Event
		scripts string
		line    string
	}{
		{Event{Instance, "V", Master, 100, all, "", false}, "master; any INSTANCE V MASTER 100", `INSTANCE "V" MASTER 100`},
		{Event{Instance, "V", Backup, 254, all, "", false}, "backup; any INSTANCE V BACKUP 254", `INSTANCE "V" BACKUP 254`},
		{Event{Instance, "V", Fault, 1, all, "", false}, "fault; any INSTANCE V FAULT 1", `INSTANCE "V" FAULT 1`},
		{Event{Instance, "V", Stop, 100, all, "", false}, "stop; any INSTANCE V STOP 100", `INSTANCE "V" STOP 100`},
		{Event{Instance, "V", Deleted, 100, all, "", false}, "deleted; any INSTANCE V DELETED 100", `INSTANCE "V" DELETED 100`},
		{Event{Group, "G", Master, 0, all, "", false}, "master; any GROUP G MASTER 0", `GROUP "G" MASTER 0`},
		{Event{Instance, "V", MasterRxLowerPri, 100, all, "", false}, "lower", `INSTANCE "V" MASTER_RX_LOWER_PRI 100`},
		{Event{Instance, "V", MasterPriority, 90, all, "", false}, "", `INSTANCE "V" MASTER_PRIORITY 90`},
		{Event{Instance, "V", BackupPriority, 90, all, "", false}, "", `INSTANCE "V" BACKUP_PRIORITY 90`},
		{Event{Instance, "V", Master, 100, &cfgparse.Notify{}, "", false}, "", `INSTANCE "V" MASTER 100`},
		{Event{Instance, "V", Master, 100, nil, "", false}, "", `INSTANCE "V" MASTER 100`},
	} {
		var scripts []string
		for _, s := range c.event.scripts(&cfgparse.Global{}) {
			scripts = append(scripts, strings.TrimPrefix(strings.Join(s.check.Command, " "), "/x/"))
		}
		if got := strings.Join(scripts, "; "); got != c.scripts {
			t.Errorf("%s: scripts %q, want %q", c.line, got, c.scripts)
		}
		if got := c.event.line(); got != c.line+"\n" {
			t.Errorf("line %q, want %q", got, c.line)
		}
	}
}

// Scripts of different instances run beside each other: here each waits for the
// other, and the group's for both.
func TestInstancesRunInParallel(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	meet := s.script("meet", `: >"here.$1"
until [ -e "here.$2" ] && [ -e "here.$3" ]; do sleep 0.01; done
echo "$1" >>met`)
	s.start()
	s.Tell(Event{Kind: Instance, Name: "A", State: Master, Notify: &cfgparse.Notify{Master: with(meet, "A", "B", "G")}})
	s.Tell(Event{Kind: Instance, Name: "B", State: Master, Notify: &cfgparse.Notify{Master: with(meet, "B", "A", "G")}})
	s.Tell(Event{Kind: Group, Name: "A", State: Master, Notify: &cfgparse.Notify{Any: with(meet, "G", "A", "B")}})
	s.wait("met", 3)
}

// A script that hangs delays its own instance alone, and that until its time is
// up. Nothing is left of it.
func TestSlowScriptDelaysItsOwnInstanceAlone(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	hang := s.script("hang", `trap '' TERM; sleep 1000 & echo $! >>pids; echo $$ >>pids; while :; do wait; done`)
	record := s.script("record", `echo "$@" >>out`)
	s.limits.timeout = 20 * time.Second // to get as far as it wants on a busy machine
	s.start()
	slow := &cfgparse.Notify{Master: hang, Any: record}
	s.Tell(Event{Instance, "slow", Master, 100, slow, "", false})
	s.Tell(Event{Instance, "slow", Backup, 100, slow, "", false})
	pids := s.wait("pids", 2)
	for range 20 {
		s.Tell(Event{Instance, "quick", Backup, 100, &cfgparse.Notify{Any: record}, "", false})
	}
	for _, line := range s.wait("out", 20)[:20] {
		if line != "INSTANCE quick BACKUP 100" {
			t.Errorf("%q was told in between", line)
		}
	}
	if got, want := s.wait("out", 22)[20:], []string{"INSTANCE slow MASTER 100", "INSTANCE slow BACKUP 100"}; !slices.Equal(got, want) {
		t.Errorf("then %q was told, want %q", got, want)
	}
	s.logged("WARN", "notify_master: timed out after ", "instance=slow", "script="+hang.Args[0])
	s.logged("INFO", "scripts are late", "instance=slow", "state=BACKUP")
	s.eventually("the hanging processes are gone", func() bool { return !alive(pids[0]) && !alive(pids[1]) })
}

// A script that nobody waits for may take its time, and longer than that: a
// service that runs in the foreground is ended by what comes next.
func TestAScriptRunsOnWhileNothingElseIsToBeTold(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	serve := s.script("serve", `echo $$ >>pids; exec sleep 1000`)
	record := s.script("record", `echo "$@" >>out`)
	s.limits.timeout = 200 * time.Millisecond
	s.start()
	n := &cfgparse.Notify{Master: serve, Backup: with(record, "backup")}
	s.Tell(Event{Instance, "V", Master, 100, n, "", false})
	pid := s.wait("pids", 1)[0]
	s.logged("INFO", "notify_master still runs", "instance=V", "after=200ms")
	if !alive(pid) {
		t.Error("it was ended though nobody waited for it")
	}
	s.Tell(Event{Instance, "V", Backup, 100, n, "", false})
	s.wait("out", 1)
	if alive(pid) {
		t.Error("it still runs beside what came next")
	}
	s.logged("WARN", "notify_master: timed out after", "instance=V")
	s.Tell(Event{Instance, "V", Backup, 100, n, "", false}) // which nothing presses
	s.wait("out", 2)
}

// Where a queue grows too long, the latest states are told, and how many were
// not.
func TestLongQueueKeepsTheLatest(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.limits.backlog = 4
	record := s.script("record", `echo "$4" >>out; until [ -e go ]; do sleep 0.01; done`)
	s.start()
	for i := range 50 {
		s.Tell(Event{Instance, "V", Backup, i, &cfgparse.Notify{Any: record}, "", false})
		if i == 0 {
			s.wait("out", 1)
		}
	}
	s.write("go")
	if got, want := s.wait("out", 5), []string{"0", "46", "47", "48", "49"}; !slices.Equal(got, want) {
		t.Errorf("told %q, want %q", got, want)
	}
	s.logged("WARN", "too slow", "instance=V", "transitions=45")
}

// keepalived-language 4.8.8: who does not ask for notify_deleted hears FAULT, but
// not twice.
func TestDeletedIsFaultUnlessAsked(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.global.Notify.FIFO.Path = s.path("fifo")
	record := s.script("record", `echo "$*" >>out-"$3"`)
	s.start()
	fifo := listen(t, s.path("fifo"))
	old := &cfgparse.Notify{Fault: with(record, "a", "b", "old", "fault"), Deleted: with(record, "a", "b", "old", "deleted")}
	asks := &cfgparse.Notify{TellDeleted: true, Any: with(record, "a", "b", "asks")}
	s.Tell(Event{Instance, "old", Master, 100, old, "", false})
	s.Tell(Event{Instance, "old", Deleted, 100, old, "", false})
	s.Tell(Event{Instance, "again", Fault, 100, nil, "", false})
	s.Tell(Event{Instance, "again", MasterRxLowerPri, 100, nil, "", false}) // no state
	s.Tell(Event{Instance, "again", Deleted, 100, nil, "", false})
	s.Tell(Event{Instance, "asks", Fault, 100, nil, "", false})
	s.Tell(Event{Instance, "asks", Deleted, 100, asks, "", false})
	s.Tell(Event{Instance, "old", Backup, 100, old, "", false}) // configured anew
	want := []string{
		`INSTANCE "old" MASTER 100`, `INSTANCE "old" FAULT 100`, `INSTANCE "again" FAULT 100`,
		`INSTANCE "again" MASTER_RX_LOWER_PRI 100`, `INSTANCE "asks" FAULT 100`, `INSTANCE "asks" DELETED 100`, `INSTANCE "old" BACKUP 100`,
	}
	s.eventually("the last line", func() bool { l := fifo.lines(); return l[len(l)-1] == want[len(want)-1] })
	if got := fifo.lines(); !slices.Equal(got, want) {
		t.Errorf("told %q, want %q", got, want)
	}
	if got := s.wait("out-old", 1); !slices.Equal(got, []string{"a b old fault"}) {
		t.Errorf("the script of old got %q", got)
	}
	if got := s.wait("out-asks", 1); !slices.Equal(got, []string{"a b asks INSTANCE asks DELETED 100"}) {
		t.Errorf("the script of asks got %q", got)
	}
	s.eventually("what was deleted is forgotten", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return len(s.queues) == 1
	})
}
