package notify

import (
	"io"
	"mime"
	"net"
	"net/mail"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"regent/cfgparse"
)

// here is an address of the host that nobody else uses, so that nobody takes a
// port that was free a moment ago.
const here = "127.0.0.25"

// A mailbox is a real mail server that keeps what it gets.
type mailbox struct {
	t    *testing.T
	dir  string
	port uint16
	stop func()
}

// newMailbox finds a port for a server that does not run yet.
func newMailbox(t *testing.T) *mailbox {
	t.Helper()
	l, err := net.Listen("tcp", here+":0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return &mailbox{t: t, dir: t.TempDir() + "/box", port: l.Addr().(*net.TCPAddr).AddrPort().Port(), stop: func() {}}
}

func (m *mailbox) start() {
	m.t.Helper()
	address := net.JoinHostPort(here, strconv.Itoa(int(m.port)))
	cmd := exec.Command("aiosmtpd", "-n", "-l", address, "-c", "aiosmtpd.handlers.Mailbox", m.dir)
	if err := cmd.Start(); err != nil {
		m.t.Fatal(err)
	}
	m.stop = func() { cmd.Process.Kill(); cmd.Wait() }
	m.t.Cleanup(m.stop)
	wait(m.t, "the mail server", func() bool {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
}

// wait waits until a condition holds.
func wait(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(soon); !holds(); {
		if time.Now().After(deadline) {
			t.Fatalf("%s: it does not happen", what)
		}
		<-time.After(5 * time.Millisecond)
	}
}

// letters are those that have come, in order.
func (m *mailbox) letters() (all []*mail.Message) {
	m.t.Helper()
	paths, _ := filepath.Glob(m.dir + "/new/*")
	slices.SortFunc(paths, func(a, b string) int { return turn(m.t, a) - turn(m.t, b) })
	for _, path := range paths {
		f, err := os.Open(path)
		if err != nil {
			m.t.Fatal(err)
		}
		defer f.Close()
		l, err := mail.ReadMessage(f)
		if err != nil {
			m.t.Fatal(err)
		}
		text, _ := io.ReadAll(l.Body)
		l.Body = strings.NewReader(string(text))
		all = append(all, l)
	}
	return all
}

// turn is the part of a file's name in a mailbox that says how many the server
// has put there before it: 1763748000.M52110P4711Q2.host is the second.
func turn(t *testing.T, path string) int {
	_, rest, _ := strings.Cut(filepath.Base(path), "Q")
	number, _, _ := strings.Cut(rest, ".")
	n, err := strconv.Atoi(number)
	if err != nil {
		t.Fatalf("%s does not say when it came: %v", path, err)
	}
	return n
}

func (m *mailbox) subjects() (all []string) {
	var d mime.WordDecoder
	for _, l := range m.letters() {
		subject, err := d.DecodeHeader(l.Header.Get("Subject"))
		if err != nil {
			m.t.Fatal(err)
		}
		all = append(all, subject)
	}
	return all
}

func (m *mailbox) settings() cfgparse.Global {
	yes := true
	return cfgparse.Global{RouterID: "gw1", Mail: cfgparse.Mail{
		To: []string{"ops@example.org", "Night shift <night@example.org>"}, From: "regent@example.org",
		Server: here, Port: m.port, Timeout: soon, VRRP: &yes,
	}}
}

func TestTransitionsAreToldByMail(t *testing.T) {
	box := newMailbox(t)
	box.start()
	s := newStage(t)
	s.global = box.settings()
	s.start()
	no := false
	quiet := &cfgparse.Notify{Mail: &no}
	for _, e := range []Event{
		{Kind: Instance, Name: "V", State: Backup, Priority: 100},
		{Kind: Instance, Name: "quiet", State: Master, Priority: 100, Notify: quiet},
		{Kind: Instance, Name: "V", State: MasterPriority, Priority: 90}, // no transition
		{Kind: Instance, Name: "V", State: Master, Priority: 90, Reason: "no advert from 192.0.2.2 (priority 80) for 3.609s"},
		{Kind: Instance, Name: "V", State: Master, Priority: 90}, // said already
		{Kind: Group, Name: "G ü", State: Fault},
		{Kind: Instance, Name: "V", State: Stop, Priority: 90},
	} {
		s.Tell(e)
	}
	want := []string{
		"[gw1] VRRP Instance V - Entering BACKUP state",
		"[gw1] VRRP Instance V - Entering MASTER state",
		"[gw1] VRRP Group G ü - Entering FAULT state",
		"[gw1] VRRP Instance V - Stopping",
	}
	wait(t, "mail", func() bool { return len(box.letters()) >= len(want) })
	if got := box.subjects(); !slices.Equal(got, want) {
		t.Fatalf("%q", got)
	}
	l := box.letters()[1]
	text, _ := io.ReadAll(l.Body)
	if !strings.Contains(string(text), "Reason:   no advert from 192.0.2.2 (priority 80) for 3.609s") ||
		!strings.Contains(string(text), "Priority: 90") {
		t.Errorf("%s", text)
	}
	if to, err := l.Header.AddressList("To"); err != nil || len(to) != 2 || to[1].Address != "night@example.org" {
		t.Errorf("%v %v", to, err)
	}
	if date, err := l.Header.Date(); err != nil || time.Since(date) > 10*soon {
		t.Errorf("%v %v", date, err)
	}
	if from := l.Header.Get("From"); from != "regent@example.org" {
		t.Error(from)
	}
}

func TestNoMailOfFaults(t *testing.T) {
	box := newMailbox(t)
	box.start()
	s := newStage(t)
	s.global = box.settings()
	s.global.Mail.NoFault = true
	s.start()
	s.Tell(Event{Kind: Instance, Name: "V", State: Fault})
	s.Tell(Event{Kind: Instance, Name: "V", State: Backup})
	wait(t, "mail", func() bool { return len(box.letters()) > 0 })
	if got := box.subjects(); !slices.Equal(got, []string{"[gw1] VRRP Instance V - Entering BACKUP state"}) {
		t.Errorf("%q", got)
	}
}

// The moment of a failover often is the moment when the mail server is away.
func TestMailIsTriedAgain(t *testing.T) {
	box := newMailbox(t)
	s := newStage(t)
	s.global = box.settings()
	s.limits.pauses = slices.Repeat([]time.Duration{20 * time.Millisecond}, 1000)
	s.start()
	s.Tell(Event{Kind: Instance, Name: "V", State: Backup})
	s.Tell(Event{Kind: Instance, Name: "V", State: Master})
	wait(t, "a failure", func() bool { return strings.Contains(s.log.String(), "smtp_alert: trying again") })
	box.start()
	wait(t, "mail", func() bool { return len(box.letters()) == 2 })
	if got := box.subjects(); !strings.Contains(got[0], "BACKUP") || !strings.Contains(got[1], "MASTER") {
		t.Errorf("%q", got)
	}
}

// A letter that some do not get is not tried again: the others have it.
func TestMailThatSomeDoNotGet(t *testing.T) {
	box := newMailbox(t)
	box.start()
	s := newStage(t)
	s.global = box.settings()
	s.global.Mail.To = []string{"ops@example.org", "nobody <"}
	s.start()
	s.Tell(Event{Kind: Instance, Name: "V", State: Backup})
	s.logged("WARN", "smtp_alert: sent, but not to everybody", "nobody <")
	if n := len(box.letters()); n != 1 {
		t.Errorf("%d letters have come", n)
	}
}

// A server that says nothing delays neither scripts nor FIFOs, nor the end.
func TestAMuteMailServerDelaysNothing(t *testing.T) {
	mute, err := net.Listen("tcp", here+":0")
	if err != nil {
		t.Fatal(err)
	}
	defer mute.Close()
	box := newMailbox(t)
	box.port = mute.Addr().(*net.TCPAddr).AddrPort().Port()
	s := newStage(t)
	s.global = box.settings()
	s.global.Mail.Timeout = time.Hour
	s.limits.grace = 50 * time.Millisecond
	script := s.script("master", "echo done > told")
	s.start()
	for i := range 2 * letters {
		s.Tell(Event{Kind: Instance, Name: strconv.Itoa(i), State: Backup})
	}
	s.Tell(Event{Kind: Instance, Name: "V", State: Master, Notify: &cfgparse.Notify{Master: script}})
	wait(t, "the script", func() bool { _, err := os.Stat(s.path("told")); return err == nil })
	s.Close(t.Context())
	if log := s.log.String(); !strings.Contains(log, "the daemon ends before all mail was sent") {
		t.Error("mail that was not sent is not said")
	}
}
