package main_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"regent/cmd/internal/lab"
)

// elsewhere starts the daemon on a host whose /run is the daemon's own, and where
// the namespace of another host is called blue.
func (s *stage) elsewhere(h, blue *lab.Host, conf string, options ...string) *lab.Proc {
	s.Helper()
	anchor, err := blue.Start(lab.Command{Path: "sleep", Args: []string{"1000"}})
	s.must(err)
	const setup = `mount -t tmpfs none /run && mkdir /run/netns && touch /run/netns/blue &&
		mount --bind /proc/$NEIGHBOR/ns/net /run/netns/blue && exec "$0" "$@"`
	path, err := s.File(h.Name+"/place.conf", conf)
	s.must(err)
	p, err := h.Start(lab.Command{
		Name: h.Name + "/regentd", Path: "unshare", Env: []string{"NEIGHBOR=" + strconv.Itoa(anchor.PID)},
		Args: append([]string{"--mount", "sh", "-c", setup, regentd.Path, "-n", "-l", "-G", "-f", path}, options...),
	})
	s.must(err)
	return p
}

// seen returns what the daemon sees in a file.
func seen(p *lab.Proc, path string) string {
	b, _ := os.ReadFile(filepath.Join("/proc", strconv.Itoa(p.PID), "root", path))
	return strings.TrimSpace(string(b))
}

// named is what the kernel calls a process.
func named(pid int) string {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	return strings.TrimSpace(string(b))
}

// net_namespace and -s: the daemon serves there, with pid files of its own, and
// does not move while it runs.
func TestNetworkNamespace(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		conf, pidFile string
		options       []string
	}{
		"net_namespace": {"net_namespace blue\ninstance one\n", "/run/keepalived/keepalived_one.pid", nil},
		"-s":            {"net_namespace red\n", "/run/keepalived/keepalived.pid", []string{"-s", "blue"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := setStage(t)
			blue, outside := s.host("blue", "192.0.2.1/24"), s.host("outside", "192.0.2.9/24")
			conf := c.conf + instance("eth0", 100, "0.2")
			p := s.elsewhere(outside, blue, conf, c.options...)
			s.until("it serves there", func() bool { return blue.Has(vip) })
			if outside.Count(vip) != 0 {
				t.Error("it serves where it was started, too")
			}
			if pid := seen(p, c.pidFile); pid != strconv.Itoa(p.PID) {
				t.Errorf("%s says %q, not %d", c.pidFile, pid, p.PID)
			}
			if comm := named(p.PID); comm != filepath.Base(regentd.Path) {
				t.Errorf("the kernel calls it %s", comm)
			}
			if name == "net_namespace" {
				s.must(os.WriteFile(filepath.Join(s.Dir, outside.Name, "place.conf"), []byte("net_namespace green\n"+instance("eth0", 50, "0.2")), 0o644))
				s.must(p.Signal(syscall.SIGHUP))
				s.until("it refuses to move", func() bool { return p.Said("cannot change while the daemon runs") })
				s.advertised("it goes on as before", 51, func(a lab.Advert) bool { return a.Priority == 100 })
			}
			s.must(p.Signal(syscall.SIGTERM))
			if code := s.ended(p); code != 0 {
				t.Errorf("exit code %d", code)
			}
			if blue.Count(vip) != 0 {
				t.Error("it has left its address behind")
			}
		})
	}
}

// A namespace that is not there is named, and nothing runs in another one.
func TestNetworkNamespaceIsMissing(t *testing.T) {
	t.Parallel()
	s := setStage(t)
	blue, outside := s.host("blue", "192.0.2.1/24"), s.host("outside", "192.0.2.9/24")
	p := s.elsewhere(outside, blue, "net_namespace red\n"+instance("eth0", 100, "0.2"))
	if code := s.ended(p); code != 1 {
		t.Errorf("exit code %d", code)
	}
	if !p.Said("run in network namespace red: open /run/netns/red: no such file or directory") {
		t.Errorf("not explained:\n%s", p.Log())
	}
}

// Without -n the command returns when the daemon runs, which keeps its name.
func TestTheBackground(t *testing.T) {
	t.Parallel()
	s := setStage(t)
	h := s.host("router", "192.0.2.1/24")
	conf, err := s.File("router/background.conf", instance("eth0", 100, "0.2"))
	s.must(err)
	file := filepath.Join(s.Dir, "router", "background.pid")
	p, err := h.Start(lab.Command{Path: regentd.Path, Args: []string{"-l", "-G", "-f", conf, "-p", file}})
	s.must(err)
	if code := s.ended(p); code != 0 {
		t.Fatalf("exit code %d\n%s", code, p.Log())
	}
	b, err := os.ReadFile(file)
	s.must(err)
	pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
	s.must(err)
	t.Cleanup(func() { syscall.Kill(pid, syscall.SIGKILL) })
	if comm := named(pid); comm != filepath.Base(regentd.Path) {
		t.Errorf("the kernel calls it %s", comm)
	}
	s.until("it serves", func() bool { return h.Has(vip) })
	s.must(syscall.Kill(pid, syscall.SIGTERM))
	s.until("it has ended and left nothing", func() bool {
		_, err := os.Stat(file)
		return os.IsNotExist(err) && !h.Has(vip)
	})
}
