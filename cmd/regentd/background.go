package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"

	notify "github.com/coreos/go-systemd/v22/daemon"
)

// inBackground marks the process that background starts, and names the file
// descriptor on which it says that it is ready.
const inBackground = "REGENTD_READY_FD"

// background starts this program again, in a session of its own and away from
// the terminal, and returns when that one is ready: a Go program cannot fork.
// The exit code is the child's if it ends before it is ready.
func background(args []string, stderr io.Writer) int {
	ready, child, err := os.Pipe()
	if err != nil {
		fmt.Fprintln(stderr, "regentd: go to the background:", err)
		return exitFatal
	}
	cmd, err := again(args)
	if err != nil {
		fmt.Fprintln(stderr, "regentd: go to the background:", err)
		return exitFatal
	}
	cmd.Env = append(os.Environ(), inBackground+"=3")
	cmd.ExtraFiles = []*os.File{child}
	cmd.Stderr = os.Stderr // until it is ready: then it lets go of it
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		fmt.Fprintln(stderr, "regentd: go to the background:", err)
		return exitFatal
	}
	child.Close()
	if n, _ := ready.Read(make([]byte, 1)); n == 1 {
		return exitOK
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); errors.As(err, &exit) {
		return exit.ExitCode()
	}
	return exitOK // it ended in peace: another one is already running
}

// ready tells whoever started the daemon that it runs: the service manager, and
// the parent of one in the background, whose terminal it lets go.
func ready() {
	_, _ = notify.SdNotify(true, notify.SdNotifyReady) // without a service manager nobody listens
	if os.Getenv(inBackground) == "" {
		return
	}
	parent := os.NewFile(3, "parent")
	_, _ = parent.Write([]byte{1})
	_ = parent.Close()
	if null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0); err == nil {
		for fd := range 3 {
			_ = syscall.Dup3(int(null.Fd()), fd, 0)
		}
		_ = null.Close()
	}
}
