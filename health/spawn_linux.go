package health

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A command is all that is needed to start a process.
type command struct {
	path string
	argv []string
	env  []string
	who  string              // for messages: " as nobody", or nothing
	as   *syscall.Credential // nil: the daemon's
}

const shell = "/bin/sh"

// command finds out what to start for a script, as whom. Whether it can be
// executed is for the kernel to say.
func (c *Check) command() (*command, error) {
	id, err := c.identity()
	if err != nil {
		return nil, fmt.Errorf("run %s: %w", c.what(), err)
	}
	cmd := &command{env: environment(os.Environ()), as: id.credential()}
	if cmd.as != nil {
		cmd.who = " as " + id.name
	}
	if c.Shell {
		cmd.path, cmd.argv = shell, append([]string{shell, "-c"}, c.Command...)
		return cmd, nil
	}
	cmd.argv = c.Command
	cmd.path, err = c.locate(id)
	var weak *Insecure
	if errors.As(err, &weak) && !c.Secure {
		err = nil
	}
	return cmd, err
}

// environment returns env without what changes how a program is loaded or how
// a shell reads its lines, and without what is meant for the daemon alone.
func environment(env []string) []string {
	var kept []string
	for _, entry := range env {
		name, _, _ := strings.Cut(entry, "=")
		switch {
		case strings.HasPrefix(name, "LD_"), name == "IFS":
		case name == "NOTIFY_SOCKET", strings.HasPrefix(name, "LISTEN_"), strings.HasPrefix(name, "WATCHDOG_"):
		default:
			kept = append(kept, entry)
		}
	}
	return kept
}

// start starts the command in a process group of its own, with null for its
// three streams: output is discarded by the kernel, and a child that lives on
// holds nothing that we wait for. If the daemon dies, so does the process.
func (c *command) start(null uintptr) (*process, error) {
	pidfd := -1
	attr := &syscall.ProcAttr{
		Dir:   "/",
		Env:   c.env,
		Files: []uintptr{null, null, null},
		Sys: &syscall.SysProcAttr{
			Setpgid:    true,
			Pdeathsig:  syscall.SIGTERM,
			Credential: c.as,
			PidFD:      &pidfd,
		},
	}
	pid, err := syscall.ForkExec(c.path, c.argv, attr)
	if errors.Is(err, syscall.ENOEXEC) {
		// Neither a binary nor a line with #!: what a shell would do.
		argv := append([]string{shell, c.path}, c.argv[1:]...)
		pid, err = syscall.ForkExec(shell, argv, attr)
	}
	if err != nil {
		return nil, c.failure(err)
	}
	p, err := follow(pid, pidfd)
	if err != nil {
		return nil, c.failure(err)
	}
	return p, nil
}

// failure says why the command could not be started.
func (c *command) failure(err error) error {
	if errors.Is(err, syscall.ENOENT) {
		if _, there := os.Stat(c.path); there == nil {
			err = fmt.Errorf("its interpreter: %w", err)
		}
	}
	return fmt.Errorf("run %s%s: %w", c.path, c.who, err)
}

// A process is one that runs, or has ended and is not yet reaped. Until then
// its number, and that of its group, cannot become those of a stranger.
type process struct {
	pid  int
	fd   *os.File // pidfd, readable when the process has ended
	conn syscall.RawConn
}

// follow returns the process behind a pidfd, which it waits for in the
// runtime's poller: however many scripts hang, no thread waits for them.
func follow(pid, pidfd int) (*process, error) {
	p := &process{pid: pid}
	if err := p.open(pidfd); err != nil {
		p.kill()
		p.reap()
		return nil, fmt.Errorf("wait for process %d: %w", pid, err)
	}
	return p, nil
}

func (p *process) open(pidfd int) (err error) {
	if pidfd < 0 {
		return errors.New("pidfd: not supported by this kernel, Linux 5.4 is needed")
	}
	if err := unix.SetNonblock(pidfd, true); err != nil { // asks os for the poller
		return fmt.Errorf("pidfd: %w", err)
	}
	p.fd = os.NewFile(uintptr(pidfd), "pidfd")
	if err = p.fd.SetReadDeadline(time.Time{}); err == nil {
		p.conn, err = p.fd.SyscallConn()
	}
	return err
}

// wait waits for the end of the process, but not beyond until, nor beyond the
// end of ctx. It reports whether the process has ended.
func (p *process) wait(ctx context.Context, until time.Time) (ended bool) {
	for !ended && ctx.Err() == nil && time.Now().Before(until) {
		p.fd.SetReadDeadline(until)
		stop := context.AfterFunc(ctx, func() { p.fd.SetReadDeadline(time.Unix(1, 0)) })
		p.conn.Read(func(uintptr) bool {
			ended = p.ended()
			return ended
		})
		// The function may still run, and cut short the next wait. That
		// one goes round once more.
		stop()
	}
	return ended || p.ended()
}

// ended reports whether the process has ended, and leaves it to be reaped.
func (p *process) ended() bool {
	for {
		var info unix.Siginfo
		err := unix.Waitid(unix.P_PID, p.pid, &info, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil)
		if err != unix.EINTR {
			return err != nil || info.Signo != 0
		}
	}
}

// reap waits for a process that has ended, or will at once, and says how.
func (p *process) reap() Result {
	for {
		var status syscall.WaitStatus
		_, err := syscall.Wait4(p.pid, &status, 0, nil)
		switch {
		case err == syscall.EINTR:
			continue
		case err != nil: // somebody else has reaped it
			return Result{Outcome: Unrunnable, Err: fmt.Errorf("wait for process %d: %w", p.pid, err)}
		case status.Signaled():
			return Result{Outcome: Signaled, Code: int(status.Signal())}
		case status.ExitStatus() != 0:
			return Result{Outcome: Exited, Code: status.ExitStatus()}
		}
		return Result{Outcome: Good}
	}
}

// end asks the whole group to end, waits, less patiently once ctx has ended, and
// kills what is left of it. It reports whether the process has ended; the signal
// that nobody can ignore may take a moment longer.
func (p *process) end(ctx context.Context) (ended bool) {
	p.terminate()
	ended = p.wait(ctx, time.Now().Add(patience))
	if !ended && ctx.Err() != nil {
		ended = p.wait(context.Background(), time.Now().Add(farewell))
	}
	p.kill() // even if it has ended: its children may have ignored the first signal
	return ended
}

// terminate asks the whole group to end.
func (p *process) terminate() { syscall.Kill(-p.pid, syscall.SIGTERM) }

// kill ends the whole group.
func (p *process) kill() { syscall.Kill(-p.pid, syscall.SIGKILL) }

func (p *process) close() { p.fd.Close() }
