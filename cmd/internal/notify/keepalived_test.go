package notify

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"

	"regent/cfgparse"
	"regent/cmd/internal/lab"
)

// One configuration, and what happens to its routers in keepalived's life: it
// says the same, and to the same scripts, as a notifier that is told of it.
func TestSaysWhatKeepalivedSays(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("keepalived"); err != nil {
		t.Skip(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*soon)
	defer cancel()
	l, err := lab.New(ctx)
	if errors.Is(err, lab.ErrPrivilege) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	host, err := l.Host("router", lab.Port{Name: "eth0", Segment: "lan", Addrs: []string{"192.0.2.1/24"}})
	if err != nil {
		t.Fatal(err)
	}

	s := newStage(t)
	record := s.script("record", `trap '' TERM # keepalived does not wait for the last ones
line=$(printf '%s|' "$@")
echo "$line" >>"$(cat which)"`).Args[0]
	conf := strings.NewReplacer("RECORD", record, "DIR", s.dir).Replace(`
global_defs {
	script_user root
	notify_fifo DIR/all
	vrrp_notify_fifo DIR/fifo
	vrrp_notify_priority_changes on
	vrrp_version 3
}
track_file load {
	file DIR/load
	weight 1
}
vrrp_sync_group G1 {
	group {
		"VI one"
	}
	sync_group_tracking_weight
	notify_master "RECORD group master"
	notify_stop "RECORD group stop"
	notify "RECORD group"
}
vrrp_instance "VI one" {
	interface eth0
	virtual_router_id 7
	priority 100
	advert_int 0.1
	virtual_ipaddress {
		192.0.2.7
	}
	track_file {
		load
	}
	notify_master "RECORD master 'a b'"
	notify_backup "RECORD backup"
	notify_fault "RECORD fault"
	notify_stop "RECORD stop"
	notify "RECORD any"
}
`)
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(s.path(name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("load", "0")
	write("which", s.path("theirs"))
	p, err := host.StartDaemon(lab.Keepalived(), conf, nil)
	if err != nil {
		t.Fatal(err)
	}
	s.eventually("keepalived has made its FIFOs", func() bool {
		_, one := os.Lstat(s.path("fifo"))
		_, two := os.Lstat(s.path("all"))
		return one == nil && two == nil
	})
	fifo, all := listen(t, s.path("fifo")), listen(t, s.path("all"))
	seen := func(line string, times int) {
		t.Helper()
		s.eventually(line, func() bool {
			n := 0
			for _, l := range fifo.lines() {
				if l == line {
					n++
				}
			}
			return n >= times
		})
	}
	seen(`GROUP "G1" MASTER 0`, 1)
	write("load", "5")
	seen(`INSTANCE "VI one" MASTER_PRIORITY 105`, 1)
	if err := host.LinkDown("eth0"); err != nil {
		t.Fatal(err)
	}
	seen(`GROUP "G1" FAULT 0`, 1)
	if err := host.LinkUp("eth0"); err != nil {
		t.Fatal(err)
	}
	seen(`GROUP "G1" MASTER 0`, 2)
	if err := p.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Wait(ctx); err != nil {
		t.Fatal(err)
	}
	seen(`GROUP "G1" STOP 0`, 1)
	theirs, theirScripts := fifo.lines(), s.wait("theirs", 21)
	if !slices.Equal(theirs, all.lines()) {
		t.Errorf("its FIFOs differ:\n%q\n%q", theirs, all.lines())
	}

	// The same life, told to a notifier with the same configuration.
	path, err := l.File("regent.conf", conf)
	if err != nil {
		t.Fatal(err)
	}
	cfg, ds := cfgparse.Load(path, cfgparse.Env{})
	if cfg == nil {
		t.Fatal(ds)
	}
	write("which", s.path("ours"))
	s.global = cfg.Global
	s.start()
	ourFIFO, ourAll := listen(t, s.path("fifo")), listen(t, s.path("all"))
	instance := func(state State, priority int) {
		s.Tell(Event{Instance, "VI one", state, priority, &cfg.Instances[0].Notify, "", false})
	}
	group := func(state State) { s.Tell(Event{Group, "G1", state, 0, &cfg.Groups[0].Notify, "", false}) }
	group(Backup)
	instance(Backup, 100)
	instance(Master, 100)
	group(Master)
	instance(MasterPriority, 105)
	instance(Fault, 105)
	group(Fault)
	instance(Backup, 105)
	group(Backup)
	instance(Master, 105)
	group(Master)
	instance(Stop, 105)
	group(Stop)
	ours := s.wait("ours", len(theirScripts))
	s.eventually("all lines", func() bool { return len(ourFIFO.lines()) >= len(theirs) && len(ourAll.lines()) >= len(theirs) })
	if got := ourFIFO.lines(); !slices.Equal(got, theirs) || !slices.Equal(got, ourAll.lines()) {
		t.Errorf("the FIFO said\n%s\nbut keepalived's\n%s", strings.Join(got, "\n"), strings.Join(theirs, "\n"))
	}
	slices.Sort(ours) // keepalived's overlap
	slices.Sort(theirScripts)
	if !slices.Equal(ours, theirScripts) {
		t.Errorf("scripts were run with\n%s\nbut keepalived's with\n%s", strings.Join(ours, "\n"), strings.Join(theirScripts, "\n"))
	}
}
