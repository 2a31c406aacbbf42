package main_test

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"regent/cmd/internal/lab"
)

// frrDir is where Debian puts FRR's daemons.
const frrDir = "/usr/lib/frr"

// An frrRouter is FRR's vrrpd. It needs zebra for what it knows of the kernel,
// and a macvlan device that has the virtual MAC and, at all times, the virtual
// addresses: vrrpd only switches the device on and off (protodown).
type frrRouter struct {
	box
	run   string // where the daemons meet
	zebra *lab.Proc
}

func newFRR(s *stage, d dialect, number, _ int) router {
	s.Helper()
	r := &frrRouter{box: s.newBox("FRR", number, d)}
	var addrs []string
	for _, a := range d.addrs {
		addrs = append(addrs, a.String())
	}
	if d.is6() {
		addrs = append(addrs, r.src().String()+"/64")
	}
	r.hushARP()
	s.must(r.host.AddMacvlan("vrrp", "eth0", d.virtualMAC(), addrs...))
	r.settle()
	return r
}

// settle makes a place where the daemons meet, and starts zebra.
func (r *frrRouter) settle() {
	s := r.stage
	s.Helper()
	// The daemons drop their rights to a user who must find the way.
	r.run = filepath.Join(s.Dir, "frr")
	frr, err := user.Lookup("frr")
	s.must(err)
	uid, err := strconv.Atoi(frr.Uid)
	s.must(err)
	gid, err := strconv.Atoi(frr.Gid)
	s.must(err)
	s.must(os.Chmod(s.Dir, 0o755))
	s.must(os.Mkdir(r.run, 0o755))
	if err := os.Chown(r.run, uid, gid); errors.Is(err, syscall.EINVAL) {
		s.Skip("FRR runs as its own user, which this user namespace has not")
	} else {
		s.must(err)
	}
	r.zebra = r.daemon("zebra", "")
	s.until("zebra listens", func() bool { _, err := os.Stat(filepath.Join(r.run, "zserv")); return err == nil })
}

// daemon starts one of FRR's daemons.
func (r *frrRouter) daemon(name, conf string, more ...string) *lab.Proc {
	r.Helper()
	file, err := r.File(filepath.Join("frr", name+".conf"), conf)
	r.must(err)
	p, err := r.host.Start(lab.Command{
		Path: filepath.Join(frrDir, name),
		Args: append([]string{
			"-u", "frr", "-g", "frr", "--vty_socket", r.run, "-z", filepath.Join(r.run, "zserv"),
			"-i", filepath.Join(r.run, name+".pid"), "-f", file, "-P", "0", "--log", "stdout",
		}, more...),
	})
	r.must(err)
	return p
}

func (r *frrRouter) name() string { return "FRR on " + r.host.Name }
func (r *frrRouter) vmac() string { return r.speaks.virtualMAC().String() }

// lag is the time that zebra and the kernel (its link watch) may take until the
// device is up and the client has found it.
func (r *frrRouter) lag() time.Duration { return 3 * time.Second }

// src is, over IPv6, a link-local address of the device with the virtual MAC.
func (r *frrRouter) src() netip.Addr {
	if r.speaks.is6() {
		return netip.MustParseAddr(fmt.Sprintf("fe80::%d:51", r.number))
	}
	return own(r.number, false).Addr()
}

func (r *frrRouter) start(priority int) {
	r.Helper()
	r.revive()
	r.quench() // as after a boot: a dead vrrpd may have left it on, and a new Backup believes it to be off
	family := "ip"
	if r.speaks.is6() {
		family = "ipv6"
	}
	var addrs strings.Builder
	for _, a := range r.speaks.ips() {
		fmt.Fprintf(&addrs, " vrrp %d %s %s\n", vrid, family, a)
	}
	r.runs = append(r.runs, r.daemon("vrrpd", fmt.Sprintf(`
debug vrrp protocol
interface eth0
 vrrp %d version %d
 vrrp %[1]d priority %[3]d
 vrrp %[1]d advertisement-interval %[4]d
%[5]s`, vrid, r.speaks.version, priority, r.speaks.interval.Milliseconds(), addrs.String())))
}

// resign takes vrrpd out of service by its own command first, the way its
// user guide knows, and ends it then.
func (r *frrRouter) resign() {
	r.Helper()
	_, err := r.host.Run(r.Context(), "vtysh", "--vty_socket", r.run,
		"-c", "configure terminal", "-c", "interface eth0", "-c", fmt.Sprintf("vrrp %d shutdown", vrid))
	r.must(err)
	// It asks zebra to switch the device off, and forgets that if it ends now.
	r.until("FRR has given its address up", func() bool { return r.owns(false) })
	r.must(r.running().Signal(syscall.SIGTERM))
	r.ended(r.running())
}

// revive gives the host its cable back. With it, the kernel gives a carrier to
// every device on top, even one that is switched off: who switched it off must
// do so again.
func (r *frrRouter) revive() {
	r.Helper()
	r.box.revive()
	r.until("FRR's device has felt the cable", func() bool { up, err := r.host.Running("eth0"); return err == nil && up })
	state, err := r.host.Run(r.Context(), "ip", "-d", "link", "show", "vrrp")
	r.must(err)
	if strings.Contains(state, "protodown on") {
		r.quench()
	}
}

// quench switches the device off.
func (r *frrRouter) quench() {
	r.Helper()
	_, err := r.host.Run(r.Context(), "ip", "link", "set", "vrrp", "protodown", "on")
	r.must(err)
}

// owns asks the device: without carrier, the address on it is dead.
func (r *frrRouter) owns(v bool) bool {
	up, err := r.host.Running("vrrp")
	return err == nil && (up && !r.dead) == v
}
