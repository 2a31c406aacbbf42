package notify

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"regent/cfgparse"
)

// keepalived-language 4.8.9: STOP comes last, also after a script that hangs, and
// a script that hangs in STOP does not keep the daemon.
func TestStopIsToldLast(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	record := s.script("record", `echo "$@" >>out`)
	hang := s.script("hang", `trap '' TERM; echo $$ >>pids; while :; do sleep 1000; done`)
	s.global.Notify.FIFO.Path = s.path("fifo")
	s.limits.grace = 20 * time.Second // not to judge the machine's speed
	s.start()
	fifo := listen(t, s.path("fifo"))
	quick := &cfgparse.Notify{Any: record, Stop: with(record, "stop")}
	slow := &cfgparse.Notify{Master: hang, Any: record}
	stuck := &cfgparse.Notify{Stop: hang}
	s.Tell(Event{Instance, "slow", Master, 100, slow, "", false})
	s.wait("pids", 1)
	s.Tell(Event{Instance, "quick", Master, 100, quick, "", false})
	s.Tell(Event{Instance, "slow", Backup, 100, slow, "", false})
	for _, e := range []Event{{Instance, "slow", Stop, 100, slow, "", false}, {Instance, "quick", Stop, 100, quick, "", false}, {Instance, "stuck", Stop, 100, stuck, "", false}, {Group, "G", Stop, 0, quick, "", false}} {
		s.Tell(e)
	}
	s.Close(context.Background())
	s.Tell(Event{Instance, "slow", Master, 100, slow, "", false}) // too late, and harmless

	lines := strings.Join(fifo.lines(), "\n")
	const wantLines = `INSTANCE "slow" MASTER 100
INSTANCE "quick" MASTER 100
INSTANCE "slow" BACKUP 100
INSTANCE "slow" STOP 100
INSTANCE "quick" STOP 100
INSTANCE "stuck" STOP 100
GROUP "G" STOP 0`
	if lines != wantLines {
		t.Errorf("the FIFO said\n%s\nwant\n%s", lines, wantLines)
	}
	out := s.said("out")
	of := func(words string) (lines []string) {
		for _, line := range out {
			if strings.Contains(line, words) || line == "stop" && words == "stop" {
				lines = append(lines, line)
			}
		}
		return lines
	}
	if got := of("INSTANCE slow"); !slices.Equal(got, []string{"INSTANCE slow STOP 100"}) {
		t.Errorf("slow was told %q", got)
	}
	if got := of("INSTANCE quick"); !slices.Equal(got, []string{"INSTANCE quick MASTER 100", "INSTANCE quick STOP 100"}) {
		t.Errorf("quick was told %q", got)
	}
	if got := of("stop"); len(got) != 2 {
		t.Errorf("%d of 2 notify_stop ran", len(got))
	}
	s.logged("notify_master: cut short, the daemon ends", "instance=slow")
	s.logged("notify is not run: the daemon ends", "instance=slow")
	s.logged("notify_stop: cut short, the daemon ends", "instance=stuck")
	for _, pid := range s.said("pids") {
		if alive(pid) {
			t.Errorf("process %s still runs", pid)
		}
	}
}

// Of the scripts of STOP none loses its second to another: all of them begin, as
// in keepalived.
func TestEveryScriptOfStopBegins(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	hang := s.script("hang", `echo hung >>out; sleep 1000`)
	record := s.script("record", `echo "$@" >>out`)
	s.limits.grace = 20 * time.Second // not to judge the machine's speed
	s.start()
	s.Tell(Event{Instance, "V", Stop, 100, &cfgparse.Notify{Stop: hang, Any: record}, "", false})
	s.Close(context.Background())
	got := s.said("out")
	slices.Sort(got)
	if want := []string{"INSTANCE V STOP 100", "hung"}; !slices.Equal(got, want) {
		t.Errorf("told %q, want %q", got, want)
	}
}

// Who is in a hurry says so.
func TestCloseIsCutShort(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.limits.grace = time.Hour
	hang := s.script("hang", `echo $$ >>pids; while :; do sleep 1000; done`)
	s.global.Notify.FIFO = cfgparse.FIFO{Path: s.path("fifo"), Script: hang}
	s.start()
	s.Tell(Event{Instance, "V", Stop, 100, &cfgparse.Notify{Stop: hang}, "", false})
	s.wait("pids", 2)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s.Close(ctx)
	for _, pid := range s.said("pids") {
		if alive(pid) {
			t.Errorf("process %s still runs", pid)
		}
	}
}
