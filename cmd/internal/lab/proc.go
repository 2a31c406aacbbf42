package lab

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A Command is a program to run on a host.
type Command struct {
	Name string // for reports; empty: the host's name and the program's
	Path string // looked up in PATH if it has no slash
	Args []string
	Env  []string   // in addition to the process's own
	Dir  string     // empty: the lab's directory
	Seen func(Line) // called for each line as it comes, one call at a time; may be nil
}

// A Line is one line that a program printed, without its end.
type Line struct {
	At   time.Time // when it was read
	Text string
}

// A Proc is a running program.
type Proc struct {
	Name string
	PID  int

	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended and all its output was read

	mu    sync.Mutex
	lines []Line
	ended time.Time
}

// Start runs a program on the host. Its standard output and error are kept as
// lines. It is killed when the lab closes or this process dies.
func (h *Host) Start(c Command) (*Proc, error) {
	cmd := exec.Command(c.Path, c.Args...)
	cmd.Env = append(os.Environ(), c.Env...)
	cmd.Dir = c.Dir
	if cmd.Dir == "" {
		cmd.Dir = h.lab.Dir
	}
	// A group of its own, so that a whole daemon can be killed at once. The
	// death signal follows the thread that starts it, which lives as long as
	// the host.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("start %s on %s: %w", c.Path, h.Name, err)
	}
	cmd.Stdout, cmd.Stderr = w, w
	err = h.Do(cmd.Start)
	w.Close()
	if err != nil {
		r.Close()
		return nil, fmt.Errorf("start %s on %s: %w", c.Path, h.Name, err)
	}
	name := c.Name
	if name == "" {
		name = h.Name + "/" + filepath.Base(c.Path)
	}
	p := &Proc{Name: name, PID: cmd.Process.Pid, cmd: cmd, done: make(chan struct{})}
	h.lab.mu.Lock()
	h.lab.procs = append(h.lab.procs, p)
	closed := h.lab.closed
	h.lab.mu.Unlock()
	if closed {
		p.Kill() // Close did not see it
	}

	read := make(chan struct{})
	go func() {
		defer close(read)
		p.read(r, c.Seen)
	}()
	go func() {
		cmd.Wait() // its result is in cmd.ProcessState
		p.mu.Lock()
		p.ended = time.Now()
		p.mu.Unlock()
		// A grandchild may hold the pipe open for ever; what the program
		// itself wrote is there already, and is read however long that takes.
		for !drained(r, read) {
			time.Sleep(time.Millisecond)
		}
		r.SetReadDeadline(time.Now())
		<-read
		r.Close()
		close(p.done)
	}()
	return p, nil
}

// drained reports whether all that was written to a pipe has been read, or nobody
// can write to it any more.
func drained(r *os.File, read <-chan struct{}) bool {
	select {
	case <-read:
		return true
	default:
	}
	raw, err := r.SyscallConn()
	if err != nil {
		return true
	}
	left := 0
	err = raw.Control(func(fd uintptr) { left, _ = unix.IoctlGetInt(int(fd), unix.TIOCINQ) })
	return err != nil || left == 0
}

func (p *Proc) read(r *os.File, seen func(Line)) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := Line{At: time.Now(), Text: strings.TrimRight(lines.Text(), "\r")}
		p.mu.Lock()
		p.lines = append(p.lines, line)
		p.mu.Unlock()
		if seen != nil {
			seen(line)
		}
	}
}

// Run runs a program on the host to its end and returns what it printed. An
// exit status other than 0 is an error that includes the output.
func (h *Host) Run(ctx context.Context, path string, args ...string) (string, error) {
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = h.lab.Dir, &out, &out
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	err := h.Do(cmd.Start)
	if err == nil {
		err = cmd.Wait() // not in Do: the host stays free for others
	}
	if err != nil {
		return out.String(), fmt.Errorf("run %s %s on %s: %w\n%s", path, strings.Join(args, " "), h.Name, err, out.String())
	}
	return out.String(), nil
}

// Lines returns what the program has printed so far.
func (p *Proc) Lines() []Line {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.lines)
}

// Log returns what the program has printed so far, as text.
func (p *Proc) Log() string {
	var b strings.Builder
	for _, l := range p.Lines() {
		b.WriteString(l.Text)
		b.WriteByte('\n')
	}
	return b.String()
}

// Said reports whether the program has printed all the words in one line.
func (p *Proc) Said(words ...string) bool {
	return slices.ContainsFunc(p.Lines(), func(l Line) bool {
		return !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(l.Text, w) })
	})
}

// Signal sends a signal to the program, not to its children.
func (p *Proc) Signal(sig syscall.Signal) error {
	if err := p.cmd.Process.Signal(sig); err != nil {
		return fmt.Errorf("send %v to %s: %w", sig, p.Name, err)
	}
	return nil
}

// SignalAll sends a signal to the program and everything it has started, those
// in groups of their own too: SIGSTOP freezes a whole daemon, SIGCONT thaws it.
func (p *Proc) SignalAll(sig syscall.Signal) error {
	for _, pid := range append([]int{p.PID}, descendants(p.PID)...) {
		if err := syscall.Kill(pid, sig); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("send %v to %s: %w", sig, p.Name, err)
		}
	}
	return nil
}

// Kill ends the program and everything it has started with SIGKILL, as a
// power failure would: nobody can say goodbye.
func (p *Proc) Kill() {
	select {
	case <-p.done:
		return
	default:
	}
	// The group first and in one call: a child that watched its parent die
	// (keepalived's does) would otherwise still resign politely.
	children := descendants(p.PID)
	syscall.Kill(-p.PID, syscall.SIGKILL)
	p.cmd.Process.Kill()
	for _, pid := range children {
		syscall.Kill(pid, syscall.SIGKILL)
	}
}

// Done is closed when the program has ended.
func (p *Proc) Done() <-chan struct{} { return p.done }

// Ended returns when the program ended; zero while it runs.
func (p *Proc) Ended() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ended
}

// Wait waits for the program's end and returns its exit status; -1 if a signal
// ended it.
func (p *Proc) Wait(ctx context.Context) (int, error) {
	select {
	case <-p.done:
		return p.cmd.ProcessState.ExitCode(), nil
	case <-ctx.Done():
		return 0, fmt.Errorf("wait for the end of %s: %w", p.Name, context.Cause(ctx))
	}
}
