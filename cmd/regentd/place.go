package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"

	"regent/cfgparse"
)

// Where network namespaces have their names, and daemons with names of their
// own their pid files.
const (
	namespaces = "/run/netns"
	pidDir     = "/run/keepalived"
)

// inNamespace marks the process that has entered a network namespace, and names
// it.
const inNamespace = "REGENTD_NAMESPACE"

// A place is where a daemon runs and what it is called there. A configuration
// cannot change it while it runs.
type place struct {
	namespace string // net_namespace, -s; empty: where it was started
	instance  string // instance
	pidFile   string
}

// placeOf returns the place that a configuration and the options ask for. Files
// are where keepalived has them.
func placeOf(o *options, p *cfgparse.Process) place {
	at := place{namespace: p.Namespace, instance: p.Instance, pidFile: o.pidFile}
	if o.namespace != "" {
		at.namespace = o.namespace
	}
	if at.pidFile != "" {
		return at
	}
	at.pidFile = defaultPID
	if at.namespace != "" || at.instance != "" || p.PIDDir {
		at.pidFile = filepath.Join(pidDir, "keepalived"+suffix(at.instance)+".pid")
	}
	return at
}

// ident is what the daemon calls itself in the log.
func (p place) ident() string { return "regentd" + suffix(p.namespace) + suffix(p.instance) }

func suffix(name string) string {
	if name == "" {
		return ""
	}
	return "_" + name
}

// own is the directory that a namespace's daemon sees as pidDir.
func (p place) own() string { return filepath.Join(pidDir, p.namespace) }

// enter makes this the process that runs in the place. A thread alone can change
// its namespaces, so that one executes the program again, which then begins
// there with all its threads. It returns when the process is there, or cannot be.
func (p place) enter() error {
	if p.namespace != "" && os.Getenv(inNamespace) != p.namespace {
		if err := p.restart(); err != nil {
			return fmt.Errorf("run in network namespace %s: %w", p.namespace, err)
		}
	}
	if filepath.Dir(p.pidFile) == pidDir {
		if err := os.MkdirAll(pidDir, 0o755); err != nil {
			return fmt.Errorf("make the directory of the pid file: %w", err)
		}
	}
	return nil
}

// restart executes the program in the namespace. It returns only if that failed.
func (p place) restart() error {
	if err := p.visit(); err != nil {
		return err
	}
	if err := os.MkdirAll(p.own(), 0o755); err != nil {
		return err
	}
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("unshare mounts: %w", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_SLAVE|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("keep mounts private: %w", err)
	}
	if err := unix.Mount(p.own(), pidDir, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("mount %s on %s: %w", p.own(), pidDir, err)
	}
	path, err := os.Executable()
	if err != nil {
		return err
	}
	return syscall.Exec(path, os.Args, append(os.Environ(), inNamespace+"="+p.namespace))
}

// visit brings the goroutine's thread into the network namespace, for good.
func (p place) visit() error {
	f, err := os.Open(filepath.Join(namespaces, p.namespace))
	if err != nil {
		return err
	}
	defer f.Close()
	runtime.LockOSThread()
	if err := unix.Setns(int(f.Fd()), unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("set network namespace: %w", err)
	}
	return nil
}

// leave removes the directories that are nobody else's.
func (p place) leave() {
	if filepath.Dir(p.pidFile) != pidDir && p.namespace == "" {
		return
	}
	if p.namespace != "" {
		_ = unix.Unmount(pidDir, unix.MNT_DETACH)
		_ = os.Remove(p.own())
	}
	_ = os.Remove(pidDir) // fails while somebody else has a file there
}

// Why a new configuration cannot replace the old one.
var (
	errUnfit = errors.New("the new configuration cannot be run")
	errMoved = errors.New("net_namespace and instance cannot change while the daemon runs: restart it")
)
