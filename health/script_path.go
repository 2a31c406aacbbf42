package health

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// An Insecure error says that somebody other than root can change what root
// runs, and where.
type Insecure struct {
	Command   string // as it was configured
	Component string // the file, directory or link at fault
	Problem   string // what is wrong with it
}

func (e *Insecure) Error() string {
	if e.Component == e.Command {
		return fmt.Sprintf("%s runs with root's rights, but %s", e.Command, e.Problem)
	}
	return fmt.Sprintf("%s runs with root's rights, but its component %s %s", e.Command, e.Component, e.Problem)
}

// Resolve finds the executable of a script, in PATH if its name has no slash,
// and returns its path without symbolic links. It fails if that is no regular
// file, or none that the script's user can execute.
//
// A script that runs with root's rights is looked at more closely: each
// directory, link and file on its way must belong to root, and be writable for
// root alone (sticky directories excepted). If one is not, Resolve returns the
// path and an *[Insecure] error. The daemon runs such a script all the same,
// unless the check is Secure.
func (c Check) Resolve() (path string, err error) {
	id, err := c.identity()
	if err != nil {
		return "", fmt.Errorf("run %s: %w", c.what(), err)
	}
	if c.Shell {
		return shell, nil
	}
	name, err := c.find(id)
	if err != nil {
		return "", err
	}
	way, err := wayTo(name)
	if err == nil {
		err = way.usable(id)
	}
	if err != nil {
		return "", fmt.Errorf("run %s: %w", name, err)
	}
	return way.end(), way.secure(name, id)
}

// locate is Resolve for the moment before a run. It leaves it to the kernel to
// say what can be executed, which knows access control lists as well.
func (c *Check) locate(id identity) (path string, err error) {
	name, err := c.find(id)
	if err != nil {
		return "", err
	}
	way, err := wayTo(name)
	if err != nil {
		return "", fmt.Errorf("run %s: %w", name, err)
	}
	return way.end(), way.secure(name, id)
}

// what names the command in messages.
func (c *Check) what() string {
	if len(c.Command) == 0 || c.Command[0] == "" {
		return "an empty command"
	}
	return c.Command[0]
}

// usualPath stands in for an empty environment.
const usualPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// find returns the absolute path of the command, with its links.
func (c *Check) find(id identity) (string, error) {
	if len(c.Command) == 0 || c.Command[0] == "" {
		return "", errors.New("run an empty command: it has no name")
	}
	name := c.Command[0]
	if strings.Contains(name, "/") {
		return filepath.Join("/", name), nil // scripts run in /
	}
	list := os.Getenv("PATH")
	if list == "" {
		list = usualPath
	}
	for _, dir := range filepath.SplitList(list) {
		path := filepath.Join("/", dir, name)
		if way, err := wayTo(path); err == nil && way.usable(id) == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("run %s: %w in %s that %s can execute", name, fs.ErrNotExist, list, id.name)
}

// A way is all that the kernel passes when it looks up a path: directories,
// links and what these lead through, down to the file.
type way []step

type step struct {
	path string
	stat syscall.Stat_t // of a link itself, not of what it leads to
}

// wayTo walks to an absolute path.
func wayTo(path string) (way, error) {
	var w way
	at := "/"
	rest := strings.Split(path, "/")
	for links := 0; ; {
		var s step
		s.path = at
		if err := syscall.Lstat(at, &s.stat); err != nil {
			if at == path {
				return nil, err
			}
			return nil, fmt.Errorf("%s: %w", at, err)
		}
		w = append(w, s)
		if s.kind() == syscall.S_IFLNK {
			if links++; links > 40 { // the kernel's own limit
				return nil, syscall.ELOOP
			}
			target, err := os.Readlink(at)
			if err != nil {
				return nil, err
			}
			rest = append(strings.Split(target, "/"), rest...)
			if at = filepath.Dir(at); strings.HasPrefix(target, "/") {
				at = "/"
			}
		}
		for len(rest) > 0 && (rest[0] == "" || rest[0] == ".") {
			rest = rest[1:]
		}
		if len(rest) == 0 {
			return w, nil
		}
		at, rest = filepath.Join(at, rest[0]), rest[1:]
	}
}

func (s *step) kind() uint32 { return s.stat.Mode & syscall.S_IFMT }

// end is where the way leads, without links.
func (w way) end() string { return w[len(w)-1].path }

// usable says why id cannot execute what lies at the end of the way.
func (w way) usable(id identity) error {
	for _, s := range w[:len(w)-1] {
		if s.kind() == syscall.S_IFDIR && !id.mayExecute(&s.stat) {
			return fmt.Errorf("%s may not enter %s: %w", id.name, s.path, fs.ErrPermission)
		}
	}
	last := w[len(w)-1]
	switch {
	case last.kind() != syscall.S_IFREG:
		return fmt.Errorf("%s is not a regular file", last.path)
	case !id.mayExecute(&last.stat):
		return fmt.Errorf("%s is not executable by %s: %w", last.path, id.name, fs.ErrPermission)
	}
	return nil
}

// secure says where somebody other than root could change what lies at the end
// of the way, if that runs with root's rights.
func (w way) secure(command string, id identity) error {
	last := &w[len(w)-1].stat
	setuid := last.Mode&syscall.S_ISUID != 0 && last.Uid == 0
	setgid := last.Mode&syscall.S_ISGID != 0 && last.Gid == 0
	if !id.root() && !setuid && !setgid {
		return nil
	}
	for _, s := range w {
		if problem := s.problem(); problem != "" {
			return &Insecure{Command: command, Component: s.path, Problem: problem}
		}
	}
	return nil
}

// problem says how somebody other than root could replace what lies here. The
// mode of a link means nothing: who may replace it is a matter of its
// directory, and in a sticky one of its owner.
func (s *step) problem() string {
	sticky := s.kind() == syscall.S_IFDIR && s.stat.Mode&syscall.S_ISVTX != 0
	switch {
	case s.stat.Uid != 0:
		return "belongs to " + userName(s.stat.Uid)
	case s.kind() == syscall.S_IFLNK || sticky:
		return ""
	case s.stat.Mode&0o002 != 0:
		return "is writable by everybody"
	case s.stat.Mode&0o020 != 0 && s.stat.Gid != 0:
		return "is writable by group " + groupName(s.stat.Gid)
	}
	return ""
}

func userName(uid uint32) string {
	id := strconv.FormatUint(uint64(uid), 10)
	if u, err := user.LookupId(id); err == nil {
		return u.Username
	}
	return "user " + id
}

func groupName(gid uint32) string {
	id := strconv.FormatUint(uint64(gid), 10)
	if g, err := user.LookupGroupId(id); err == nil {
		return g.Name
	}
	return id
}
