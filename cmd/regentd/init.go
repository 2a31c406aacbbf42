package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
)

// underInit marks the process that first starts.
const underInit = "REGENTD_UNDER_INIT"

// isFirst reports whether this is the first process of its container, and not
// yet the one under it.
func isFirst() bool { return os.Getpid() == 1 && os.Getenv(underInit) == "" }

// first is what the first process of a container has to do: it starts this
// program again, passes signals on to it, and reaps the orphans of scripts, which
// become its children. It returns the exit code of the other.
//
// The daemon itself must not reap whatever ends: it would take the exit status of
// its scripts away from those who wait for it.
func first(args []string, stderr io.Writer) int {
	signals := make(chan os.Signal, 64)
	signal.Notify(signals)
	cmd, err := again(args)
	if err != nil {
		fmt.Fprintln(stderr, "regentd: start under the first process:", err)
		return exitFatal
	}
	cmd.Env = append(os.Environ(), underInit+"=1")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := cmd.Start(); err != nil {
		fmt.Fprintln(stderr, "regentd: start under the first process:", err)
		return exitFatal
	}
	for s := range signals {
		switch s {
		case syscall.SIGCHLD:
			if code, ended := reap(cmd.Process.Pid); ended {
				return code
			}
		case syscall.SIGURG: // the runtime's own
		default:
			_ = cmd.Process.Signal(s)
		}
	}
	return exitFatal
}

// again is this program once more. It goes by its path, so that the kernel shows
// it, and killall finds it, by its name.
func again(args []string) (*exec.Cmd, error) {
	path, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(path, args...)
	cmd.Args[0] = os.Args[0]
	return cmd, nil
}

// reap reaps all that have ended. It reports whether the daemon is among them,
// and its exit code, as a shell would tell it.
func reap(daemon int) (code int, ended bool) {
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
		switch {
		case errors.Is(err, syscall.EINTR):
		case err != nil || pid == 0:
			return code, ended
		case pid == daemon && status.Signaled():
			code, ended = 128+int(status.Signal()), true
		case pid == daemon:
			code, ended = status.ExitStatus(), true
		}
	}
}
