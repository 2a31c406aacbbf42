package lab

import (
	"fmt"
	"os/exec"
	"path/filepath"
)

// A Daemon is a VRRP daemon that reads a keepalived.conf.
type Daemon struct {
	Name string
	Path string
	Env  []string                   // in addition to the process's own
	args func(base string) []string // base: where its own files may lie, less the suffix
}

// Regentd is regent's daemon, the program at path.
func Regentd(path string) Daemon {
	return Daemon{Name: "regentd", Path: path, args: func(base string) []string {
		return []string{"-n", "-l", "-G", "-p", filepath.Join(filepath.Dir(base), "regentd.pid")}
	}}
}

// Keepalived is Debian's keepalived, its VRRP process only.
func Keepalived() Daemon {
	return Daemon{Name: "keepalived", Path: "keepalived", args: func(base string) []string {
		return []string{"-n", "-l", "-G", "-P", "-p", base + ".pid", "-r", base + ".vrrp.pid"}
	}}
}

// Contained is the daemon as the first process of a container: of a PID namespace.
func (d Daemon) Contained() Daemon {
	path, before := d.Path, d.args
	d.Path = "unshare"
	d.args = func(base string) []string {
		return append([]string{"--pid", "--fork", "--mount-proc", "--kill-child", path}, before(base)...)
	}
	return d
}

// Resolve finds the daemon's program, so that it can be started from any
// directory.
func (d Daemon) Resolve() (Daemon, error) {
	path, err := exec.LookPath(d.Path)
	if err == nil {
		path, err = filepath.Abs(path)
	}
	if err != nil {
		return d, fmt.Errorf("find %s: %w", d.Name, err)
	}
	d.Path = path
	return d, nil
}

// StartDaemon runs a daemon in the foreground with the given configuration;
// more are further options. Each run of keepalived has files of its own: where
// nobody reaps orphans, it takes the dead process of its last pid file for alive.
// All runs of regentd on a host have the same: they say what a killed one has left.
func (h *Host) StartDaemon(d Daemon, conf string, seen func(Line), more ...string) (*Proc, error) {
	h.mu.Lock()
	h.daemons++
	base := filepath.Join(h.Name, fmt.Sprintf("%s-%d", d.Name, h.daemons))
	h.mu.Unlock()
	path, err := h.lab.File(base+".conf", conf)
	if err != nil {
		return nil, err
	}
	args := append(d.args(filepath.Join(h.lab.Dir, base)), "-f", path)
	p, err := h.Start(Command{Name: fmt.Sprintf("%s/%s", h.Name, d.Name), Path: d.Path, Env: d.Env, Args: append(args, more...), Seen: seen})
	if err != nil {
		return nil, err
	}
	return p, nil
}
