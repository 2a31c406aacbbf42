package lab

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

const generous = 60 * time.Second

func open(t *testing.T) *Lab {
	t.Helper()
	l, err := New(t.Context())
	if errors.Is(err, ErrPrivilege) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

func host(t *testing.T, l *Lab, name string, ports ...Port) *Host {
	t.Helper()
	h, err := l.Host(name, ports...)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func until(t *testing.T, l *Lab, what string, cond func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), generous)
	defer cancel()
	if err := l.Until(ctx, what, cond); err != nil {
		t.Fatal(err)
	}
}

func TestHostsOfASegmentReachEachOther(t *testing.T) {
	l := open(t)
	a := host(t, l, "a", Port{"eth0", "lan", []string{"192.0.2.1/24", "2001:db8::1/64"}})
	b := host(t, l, "b", Port{"eth0", "lan", []string{"192.0.2.2/24", "2001:db8::2/64"}})
	for _, addr := range []string{"192.0.2.2", "2001:db8::2"} {
		p, err := a.Probe(t.Context(), netip.MustParseAddr(addr), 2*time.Millisecond)
		if err != nil {
			t.Fatal(err)
		}
		until(t, l, addr+" answers", func() bool { return p.Answers(time.Time{}) })

		if err := b.Unplug("eth0"); err != nil {
			t.Fatal(err)
		}
		cut := time.Now()
		until(t, l, addr+" has been asked in vain", func() bool {
			echoes := p.Echoes()
			last := echoes[len(echoes)-1]
			return last.At.Sub(cut) > 200*time.Millisecond && !p.Answers(cut.Add(time.Millisecond))
		})
		if err := b.Plug("eth0"); err != nil {
			t.Fatal(err)
		}
		until(t, l, addr+" answers again", func() bool { return p.Answers(cut.Add(time.Millisecond)) })
		p.Close()
		// An answer from before the cut may be read within the gap, late.
		if gap := p.Gap(cut, time.Now()); gap < 90*time.Millisecond {
			t.Errorf("gap of %v was seen while the cable was out for at least 200ms", gap)
		}
	}
}

func TestAddressesComeAndGo(t *testing.T) {
	l := open(t)
	a := host(t, l, "a", Port{"eth0", "lan", []string{"192.0.2.1/24"}})
	vip := netip.MustParseAddr("192.0.2.100")
	if a.Has(vip) {
		t.Error("the address is there before it was added")
	}
	if err := a.AddAddress("eth0", "192.0.2.100/32"); err != nil {
		t.Fatal(err)
	}
	if !a.Has(vip, netip.MustParseAddr("192.0.2.1")) {
		t.Error("the address is missing")
	}
	if err := a.RemoveAddress("eth0", "192.0.2.100/32"); err != nil {
		t.Fatal(err)
	}
	if a.Has(vip) {
		t.Error("the address is still there")
	}
}

func TestTheProcessOwnNetworkIsUntouched(t *testing.T) {
	before, err := os.Readlink("/proc/self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	l := open(t)
	a := host(t, l, "a", Port{Name: "eth0", Segment: "lan"})
	inside, err := a.Run(t.Context(), "readlink", "/proc/self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	after, err := os.Readlink("/proc/self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	if before != after {
		t.Errorf("the process moved from %s to %s", before, after)
	}
	if strings.TrimSpace(inside) == before {
		t.Error("the host shares the network of the process")
	}
}

func TestAProgramPrintsAndEnds(t *testing.T) {
	l := open(t)
	a := host(t, l, "a")
	p, err := a.Start(Command{Path: "sh", Args: []string{"-c", "echo one; echo two >&2; exit 7"}})
	if err != nil {
		t.Fatal(err)
	}
	code, err := p.Wait(t.Context())
	if err != nil || code != 7 {
		t.Errorf("exit status %d, error %v; want 7", code, err)
	}
	if got := p.Log(); got != "one\ntwo\n" {
		t.Errorf("it printed %q", got)
	}
	if !strings.Contains(l.Report(), "two") {
		t.Error("the report does not say what the program printed")
	}
}

func TestKillTakesTheChildrenToo(t *testing.T) {
	l := open(t)
	a := host(t, l, "a")
	// The second child leaves the process group, as some daemons do.
	p, err := a.Start(Command{Path: "sh", Args: []string{"-c", "sleep 1000 & echo $!; setsid sleep 1000 & echo $!; wait"}})
	if err != nil {
		t.Fatal(err)
	}
	until(t, l, "both children run", func() bool { return len(p.Lines()) == 2 && len(descendants(p.PID)) == 2 })
	p.Kill()
	if code, err := p.Wait(t.Context()); err != nil || code != -1 {
		t.Errorf("exit status %d, error %v; want death by signal", code, err)
	}
	for _, line := range p.Lines() {
		pid, err := strconv.Atoi(line.Text)
		if err != nil {
			t.Fatal(err)
		}
		until(t, l, fmt.Sprintf("child %d is gone", pid), func() bool { return !alive(pid) })
	}
}

// alive is false for a zombie: an orphan waits for the reaper of the machine.
func alive(pid int) bool {
	f, err := statFields(pid)
	return err == nil && f[0] != "Z"
}

func TestCloseLeavesNothing(t *testing.T) {
	l := open(t)
	a := host(t, l, "a", Port{Name: "eth0", Segment: "lan"})
	p, err := a.Start(Command{Path: "sleep", Args: []string{"1000"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Capture("lan"); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Probe(t.Context(), netip.MustParseAddr("192.0.2.9"), time.Millisecond); err != nil {
		t.Fatal(err)
	}
	l.Close()
	if alive(p.PID) {
		t.Error("the program still runs")
	}
	if _, err := os.Stat(l.Dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the directory is still there: %v", err)
	}
	if err := a.LinkUp("eth0"); !errors.Is(err, errClosed) {
		t.Errorf("a host of a closed lab says %v", err)
	}
	l.Close() // again
}

// TestSIGKILLLeavesNothing runs itself as a child that opens a lab, and kills it.
func TestSIGKILLLeavesNothing(t *testing.T) {
	if os.Getenv("LAB_VICTIM") != "" {
		victim(t)
	}
	l := open(t) // only to skip without privilege, and for Until
	cmd := exec.Command(os.Args[0], "-test.run=^TestSIGKILLLeavesNothing$")
	cmd.Env = append(os.Environ(), "LAB_VICTIM=1", "TMPDIR="+t.TempDir())
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var pid int
	if _, err := fmt.Fscanf(out, "pid %d\n", &pid); err != nil {
		t.Fatal(err)
	}
	if !alive(pid) {
		t.Fatal("the victim's program does not run")
	}
	cmd.Process.Kill()
	cmd.Wait()
	until(t, l, "the victim's program is gone", func() bool { return !alive(pid) })
}

func victim(t *testing.T) {
	l := open(t)
	a := host(t, l, "a", Port{Name: "eth0", Segment: "lan"})
	p, err := a.Start(Command{Path: "sleep", Args: []string{"1000"}})
	if err != nil {
		t.Fatal(err)
	}
	fmt.Printf("pid %d\n", p.PID)
	<-t.Context().Done()
}

func TestUsageCountsChildren(t *testing.T) {
	l := open(t)
	a := host(t, l, "a")
	p, err := a.Start(Command{Path: "sh", Args: []string{"-c", "(while :; do :; done) & wait"}})
	if err != nil {
		t.Fatal(err)
	}
	until(t, l, "the child has used CPU", func() bool {
		u, err := p.Usage()
		return err == nil && u.CPU >= 50*time.Millisecond && u.Memory > 0
	})
}
