package main_test

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/cockroachdb/datadriven"

	"regent/cmd/internal/lab"
)

// TestParity plays the stories of testdata/parity to regent and to keepalived:
// the same configuration, and then the same happens to both. After each step
// stands what both must come to say of every router in their dumps. Where they
// differ on purpose, keepalived's answer stands behind regent's, and a comment
// above tells why.
//
//	start, reload     the configuration follows
//	write FILE        replaces a file, by the text that follows
//	overwrite FILE    the same in place
//	remove FILE, move FROM TO
//	run NAME ARG...   starts a process of that name; kill NAME ends the first one
//	unplug PORT, plug PORT, down PORT, up PORT
//	strip PORT        takes its address away; dress PORT gives it back
//	rival             starts a keepalived beside each, with the configuration that follows;
//	                  without one it ends them
//	hear PRIORITY     an advert of that priority comes for the first router
//	stop              ends both daemons
//	alone             leaves keepalived out, for what it cannot do where tests run
//	told [NAME]       the lines of their FIFOs since the last time, in order,
//	                  or those about one router or group
//
// A configuration may say ROUTER for what every router needs; DIR stands for the
// directory of the files, and PROC for the start of a process's name. Scripts find
// a directory of their daemon alone in $OWN.
func TestParity(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/parity/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("found %v, %v", files, err)
	}
	for n, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			p := setPair(t, n)
			datadriven.RunTest(t, file, p.play)
		})
	}
}

// A pair is regent and keepalived, each on a segment of its own, and what both
// look at: files and processes.
type pair struct {
	*stage
	halves    []*half // regent's first; keepalived's, unless the story is regent's alone
	dir       string
	number    int // of the pair, for the names of processes
	processes map[string][]*lab.Proc
}

// A half is one of the two daemons.
type half struct {
	*stage
	host    *lab.Host
	other   *lab.Host // for a rival
	daemon  lab.Daemon
	address string // of the host
	dir     string // its dumps, and its FIFO
	config  string // the file that a reload reads
	routers int    // in it
	run     *lab.Proc
	rival   *lab.Proc
	fifo    *teller
}

func setPair(t *testing.T, number int) *pair {
	t.Helper()
	s := setStage(t)
	p := &pair{stage: s, dir: filepath.Join(s.Dir, "common"), number: number, processes: make(map[string][]*lab.Proc)}
	s.must(os.Mkdir(p.dir, 0o755))
	p.halves = []*half{s.half(regentd), s.half(lab.Keepalived())}
	return p
}

func (s *stage) half(d lab.Daemon) *half {
	s.Helper()
	h := &half{stage: s, daemon: d, address: "192.0.2.1/24", dir: filepath.Join(s.Dir, d.Name+".d")}
	s.must(os.Mkdir(h.dir, 0o755))
	h.daemon.Env = []string{"TMPDIR=" + h.dir, "OWN=" + h.dir}
	var err error
	h.host, err = s.Host(d.Name,
		lab.Port{Name: "eth0", Segment: d.Name, Addrs: []string{h.address}},
		lab.Port{Name: "eth1", Segment: d.Name + "-in"},
		lab.Port{Name: "eth2", Segment: d.Name + "-out"})
	s.must(err)
	h.other, err = s.Host(d.Name+"-rival", lab.Port{Name: "eth0", Segment: d.Name, Addrs: []string{"192.0.2.2/24"}})
	s.must(err)
	h.fifo = s.teller(filepath.Join(h.dir, "fifo"))
	return h
}

// play does one step of a story to both, and says what they come to say.
func (p *pair) play(t *testing.T, d *datadriven.TestData) string {
	if d.Cmd == "told" {
		of := ""
		if len(d.CmdArgs) > 0 {
			of = d.CmdArgs[0].Key
		}
		return p.told(of, d.Expected)
	}
	input := strings.NewReplacer("DIR", p.dir, "PROC", p.process()).Replace(d.Input)
	args := make([]string, len(d.CmdArgs))
	for i, a := range d.CmdArgs {
		args[i] = a.Key
	}
	p.Logf("%s: %s %s", d.Pos, d.Cmd, strings.Join(args, " "))
	switch d.Cmd {
	case "alone":
		p.halves = p.halves[:1]
	case "write", "overwrite", "remove", "move", "run", "kill":
		p.toBoth(d.Cmd, args, input)
	default:
		for _, h := range p.halves {
			if d.Cmd == "start" || d.Cmd == "reload" {
				h.routers = strings.Count(d.Input, "ROUTER")
			}
			h.suffer(d.Cmd, args, conf(input))
		}
	}
	if d.Expected == "" {
		return ""
	}
	return p.come(d.Expected)
}

// toBoth does what both notice: to a file, or to a process.
func (p *pair) toBoth(what string, args []string, text string) {
	p.Helper()
	path := filepath.Join(p.dir, args[0])
	switch what {
	case "write":
		// By renaming, so that nobody reads the half of it.
		p.must(os.WriteFile(path+"~", []byte(text+"\n"), 0o755))
		p.must(os.Rename(path+"~", path))
	case "overwrite":
		p.must(os.WriteFile(path, []byte(text+"\n"), 0o755))
	case "remove":
		p.must(os.Remove(path))
	case "move":
		p.must(os.Rename(path, filepath.Join(p.dir, args[1])))
	case "run":
		name := p.process() + args[0]
		r := p.program(p.halves[0].host, name)
		r.args = args[1:]
		r.recover()
		p.processes[name] = append(p.processes[name], r.runs...)
	case "kill":
		name := p.process() + args[0]
		first := p.processes[name][0]
		p.processes[name] = p.processes[name][1:]
		first.Kill()
		<-first.Done()
	}
}

// process begins the names of this pair's processes, which must be nobody
// else's on this machine.
func (p *pair) process() string { return fmt.Sprintf("p%d-%d", os.Getpid(), p.number) }

// conf makes a configuration from that of a story.
func conf(text string) string {
	var b strings.Builder
	for n, part := range strings.Split(text, "ROUTER") {
		if n > 0 {
			fmt.Fprintf(&b, "interface eth0\nvirtual_router_id %d\nadvert_int 0.1\nvirtual_ipaddress {\n192.0.2.%d\n}\n", vrid+n-1, 99+n)
		}
		b.WriteString(part)
	}
	return b.String()
}

// tellable makes a configuration whose daemon writes to this half's FIFO.
func (h *half) tellable(conf string) string {
	return "global_defs {\nvrrp_version 3\nscript_user root\nvrrp_notify_fifo " + h.fifo.path + "\n}\n" + conf
}

// suffer lets something happen to one of the daemons.
func (h *half) suffer(what string, args []string, conf string) {
	h.Helper()
	switch what {
	case "start":
		h.run = h.start(h.daemon, h.host, h.tellable(conf))
		h.config = filepath.Join(h.Dir, h.host.Name, h.daemon.Name+"-1.conf")
		h.until(h.daemon.Name+" can be asked", func() bool { return h.run.Said("STATE") || h.run.Said("Startup complete") })
	case "reload":
		h.must(os.WriteFile(h.config, []byte(h.tellable(conf)), 0o644))
		h.must(h.run.Signal(syscall.SIGHUP))
	case "stop":
		h.must(h.run.Signal(syscall.SIGTERM))
		h.ended(h.run)
	case "rival":
		if h.rival != nil {
			h.must(h.rival.Signal(syscall.SIGTERM))
			h.ended(h.rival)
			h.rival = nil
			return
		}
		h.rival = h.start(lab.Keepalived(), h.other, "global_defs {\nvrrp_version 3\n}\n"+conf)
		h.until("the rival is master", func() bool {
			return strings.Count(h.rival.Log(), "Entering MASTER STATE") == strings.Count(conf, "virtual_router_id")
		})
	case "hear":
		priority, err := strconv.Atoi(args[0])
		h.must(err)
		w := speaker{version: 3, field: 10, addresses: []string{vip.String()}}
		h.must(h.other.Inject("eth0", w.forge(h.other, netip.MustParseAddr("192.0.2.2"), byte(priority), nil)))
	case "unplug":
		h.must(h.host.Unplug(args[0]))
	case "plug":
		h.must(h.host.Plug(args[0]))
	case "down":
		h.must(h.host.LinkDown(args[0]))
	case "up":
		h.must(h.host.LinkUp(args[0]))
	case "strip":
		h.must(h.host.RemoveAddress(args[0], h.address))
	case "dress":
		h.must(h.host.AddAddress(args[0], h.address))
	default:
		h.Fatalf("nobody knows how to %s", what)
	}
}

// come waits until both say what is expected, and returns what they said last.
func (p *pair) come(expected string) string {
	p.Helper()
	var said string
	p.within(func() bool {
		var reports [][]stand
		for _, h := range p.halves {
			reports = append(reports, h.report())
		}
		said = sideBySide(reports)
		return said == expected
	})
	return said
}

// told waits until the FIFOs have brought the lines that are expected, and
// returns those that have come; of is whom they are about, or empty.
func (p *pair) told(of, expected string) string {
	p.Helper()
	said := func() string {
		var all []string
		for _, h := range p.halves {
			all = append(all, strings.Join(append(h.fifo.lines(of), ""), "\n"))
		}
		if slices.Equal(all, slices.Repeat(all[:1], len(all))) {
			return all[0]
		}
		return "regent:\n" + all[0] + "keepalived:\n" + all[1]
	}
	p.within(func() bool { return said() == expected })
	for _, h := range p.halves {
		defer h.fifo.forget(of)
	}
	return said()
}
