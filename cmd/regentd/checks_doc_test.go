package main_test

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/godbus/dbus/v5"
	"golang.org/x/net/dns/dnsmessage"

	"regent/cmd/internal/lab"
)

// A service is what an example of the documentation looks at.
type service interface {
	fail()
	recover()
}

// services are made for a router, by the name of the example. They are well.
var services = map[string]func(s *stage, h *lab.Host) service{
	"script":    func(s *stage, h *lab.Host) service { return s.processes(h, "unbound", 1) },
	"process":   func(s *stage, h *lab.Host) service { return s.processes(h, "dnsdist", 2) },
	"tcp":       func(s *stage, h *lab.Host) service { return s.port(h, "127.0.0.1:5432") },
	"http":      func(s *stage, h *lab.Host) service { return s.web(h) },
	"group":     func(s *stage, h *lab.Host) service { return s.web(h) },
	"icmp":      func(s *stage, _ *lab.Host) service { return neighbour{s} },
	"dns":       func(s *stage, h *lab.Host) service { return s.names(h) },
	"systemd":   func(s *stage, _ *lab.Host) service { return s.unit() },
	"file":      func(s *stage, _ *lab.Host) service { return file{s, s.open("shift"), "-60", "0"} },
	"pipeline":  func(s *stage, _ *lab.Host) service { return file{s, s.open("state"), "lagging", "ready"}.well() },
	"bfd":       func(s *stage, _ *lab.Host) service { return s.session() },
	"interface": func(s *stage, h *lab.Host) service { return cable{s, h} },
}

var example = regexp.MustCompile("(?s)<!-- check: (\\w+) -->\n```\n(.*?)```\n")

// Each example of the documentation moves the address when what it looks at
// fails, and back when it recovers.
func TestTheHealthChecksOfTheDocumentation(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	examples := example.FindAllStringSubmatch(string(text), -1)
	if len(examples) != len(services) {
		t.Errorf("%d examples, %d are known here", len(examples), len(services))
	}
	for _, e := range examples {
		t.Run(e[1], func(t *testing.T) {
			t.Parallel()
			s := setStage(t)
			h, other := s.twoPorts("router", 1), s.host("rival", "192.0.2.2/24")
			s.must(s.client.AddAddress("eth0", "192.0.2.254/24"))
			service := services[e[1]](s, h)
			conf := strings.ReplaceAll(e[2], "/tmp/regent-", s.open(""))
			conf = strings.Replace(conf, "...", "interface eth0\nvirtual_router_id 51\npriority 150\nadvert_int 0.2\nvirtual_ipaddress {\n"+vip.String()+"\n}", 1)
			s.start(regentd, h, "global_defs {\nenable_script_security\nvrrp_version 3\n}\n"+conf)
			s.start(regentd, other, instance("eth0", 120, "0.2"))
			s.until("the router has the address, and it alone", func() bool { return h.Has(vip) && !other.Has(vip) })
			service.fail()
			s.until("the rival has the address, and it alone", func() bool { return other.Has(vip) && !h.Has(vip) })
			service.recover()
			s.until("the router has the address again", func() bool { return h.Has(vip) && !other.Has(vip) })
		})
	}
}

// processes are some of one name.
type processes struct {
	*stage
	host *lab.Host
	path string
	args []string
	runs []*lab.Proc
}

func (s *stage) processes(h *lab.Host, name string, n int) *processes {
	s.Helper()
	p := s.program(h, name)
	for range n {
		p.recover()
	}
	return p
}

// program makes one of that name, which does nothing for long. It is a link: a
// file that was just written cannot be executed while another goroutine's child,
// which is about to begin, still has it open.
func (s *stage) program(h *lab.Host, name string) *processes {
	s.Helper()
	p := &processes{stage: s, host: h, path: filepath.Join(s.Dir, name), args: []string{"1000"}}
	if _, err := os.Lstat(p.path); err != nil { // it may be running
		sleep, err := exec.LookPath("sleep")
		s.must(err)
		s.must(os.Symlink(sleep, p.path))
	}
	return p
}

func (p *processes) fail() {
	run := p.runs[0]
	p.runs = p.runs[1:]
	run.Kill()
	<-run.Done()
}

func (p *processes) recover() {
	run, err := p.host.Start(lab.Command{Path: p.path, Args: p.args})
	p.must(err)
	p.runs = append(p.runs, run)
}

// port is a server that accepts connections.
type port struct {
	*stage
	host     *lab.Host
	address  string
	listener net.Listener
}

func (s *stage) port(h *lab.Host, address string) *port {
	p := &port{stage: s, host: h, address: address}
	p.recover()
	s.Cleanup(p.fail)
	return p
}

func (p *port) fail() { p.listener.Close() }

func (p *port) recover() {
	p.Helper()
	p.must(p.host.Do(func() (err error) {
		p.listener, err = net.Listen("tcp", p.address)
		return err
	}))
}

// web is a web server whose page can be unavailable.
type web struct{ ill atomic.Bool }

func (s *stage) web(h *lab.Host) *web {
	w := &web{}
	p := s.port(h, "127.0.0.1:8080")
	go http.Serve(p.listener, http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		if w.ill.Load() {
			out.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	return w
}

func (w *web) fail()    { w.ill.Store(true) }
func (w *web) recover() { w.ill.Store(false) }

// neighbour is a host that answers as long as it has its address.
type neighbour struct{ *stage }

func (n neighbour) fail()    { n.must(n.client.RemoveAddress("eth0", "192.0.2.254/24")) }
func (n neighbour) recover() { n.must(n.client.AddAddress("eth0", "192.0.2.254/24")) }

// names is a name server that knows one name, or has forgotten it.
type names struct{ ill atomic.Bool }

func (s *stage) names(h *lab.Host) *names {
	s.Helper()
	n := &names{}
	var conn net.PacketConn
	s.must(h.Do(func() (err error) {
		conn, err = net.ListenPacket("udp", "127.0.0.1:53")
		return err
	}))
	s.Cleanup(func() { conn.Close() })
	go func() {
		buffer := make([]byte, 1500)
		for {
			size, from, err := conn.ReadFrom(buffer)
			if err != nil {
				return
			}
			conn.WriteTo(n.answer(buffer[:size]), from)
		}
	}()
	return n
}

func (n *names) fail()    { n.ill.Store(true) }
func (n *names) recover() { n.ill.Store(false) }

func (n *names) answer(question []byte) []byte {
	var m dnsmessage.Message
	if m.Unpack(question) != nil {
		return nil
	}
	m.Response = true
	if n.ill.Load() {
		m.RCode = dnsmessage.RCodeServerFailure
	} else {
		m.Answers = []dnsmessage.Resource{{
			Header: dnsmessage.ResourceHeader{Name: m.Questions[0].Name, Class: dnsmessage.ClassINET},
			Body:   &dnsmessage.AResource{A: [4]byte{192, 0, 2, 80}},
		}}
	}
	answer, _ := m.Pack()
	return answer
}

// unit is one of systemd's, on a real message bus: busAddress.
type unit struct{ state atomic.Value }

func (s *stage) unit() *unit {
	s.Helper()
	bus := exec.Command("dbus-daemon", "--session", "--nofork", "--address="+busAddress)
	s.must(bus.Start())
	s.Cleanup(func() { bus.Process.Kill(); bus.Wait() })
	var conn *dbus.Conn
	s.until("there is a bus", func() (ok bool) {
		var err error
		conn, err = dbus.Connect(busAddress)
		return err == nil
	})
	s.Cleanup(func() { conn.Close() })
	u := &unit{}
	u.recover()
	s.must(conn.Export(u, "/org/freedesktop/systemd1/unit/haproxy_2eservice", "org.freedesktop.DBus.Properties"))
	_, err := conn.RequestName("org.freedesktop.systemd1", 0)
	s.must(err)
	return u
}

// Get answers as systemd does.
func (u *unit) Get(string, string) (dbus.Variant, *dbus.Error) {
	return dbus.MakeVariant(u.state.Load()), nil
}

func (u *unit) fail()    { u.state.Store("failed") }
func (u *unit) recover() { u.state.Store("active") }

// file is one whose last line says how things are.
type file struct {
	*stage
	path      string
	ill, fine string
}

func (f file) well() file {
	f.recover()
	return f
}

func (f file) fail()    { f.write(f.ill) }
func (f file) recover() { f.write(f.fine) }

func (f file) write(line string) {
	f.Helper()
	f.must(os.WriteFile(f.path, fmt.Appendln(nil, line), 0o644))
}

// open returns the path of a file that everybody may read, in a directory of the
// test's own.
func (s *stage) open(name string) string {
	s.Helper()
	dir := filepath.Join(s.Dir, "open")
	s.must(os.Chmod(s.Dir, 0o711))
	s.must(os.MkdirAll(dir, 0o755))
	return filepath.Join(dir, "regent-") + name
}

// cable is that of another interface.
type cable struct {
	*stage
	host *lab.Host
}

func (c cable) fail()    { c.must(c.host.Unplug("eth1")) }
func (c cable) recover() { c.must(c.host.Plug("eth1")) }

// session is a neighbour that speaks BFD.
type session struct {
	*stage
	run *lab.Proc
}

func (s *stage) session() *session {
	p := &session{stage: s}
	p.recover()
	return p
}

func (p *session) fail() { p.run.Kill() }

func (p *session) recover() {
	p.run = p.start(regentd, p.client, fmt.Sprintf(bystander, "192.0.2.254", "192.0.2.1", ""))
}
