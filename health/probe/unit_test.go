package probe

import (
	"bufio"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/godbus/dbus/v5"
)

// properties are those of one unit, as systemd would tell them.
type properties struct{ state *atomic.Value }

func (p properties) Get(iface, name string) (dbus.Variant, *dbus.Error) {
	if name != "ActiveState" {
		return dbus.Variant{}, dbus.MakeFailedError(dbus.ErrMsgUnknownMethod)
	}
	return dbus.MakeVariant(p.state.Load()), nil
}

func TestUnitIsActive(t *testing.T) {
	var state atomic.Value
	state.Store("active")
	address := bus(t)
	conn, err := dbus.Connect(address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.Export(properties{&state}, "/org/freedesktop/systemd1/unit/haproxy_2eservice", "org.freedesktop.DBus.Properties")
	if reply, err := conn.RequestName("org.freedesktop.systemd1", 0); err != nil || reply != dbus.RequestNameReplyPrimaryOwner {
		t.Fatal(reply, err)
	}
	t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", address)
	good(t, Probe{Kind: Unit, Target: "haproxy.service"})
	state.Store("reloading")
	good(t, Probe{Kind: Unit, Target: "haproxy.service"})
	for _, other := range []string{"inactive", "failed", "activating", "deactivating"} {
		state.Store(other)
		bad(t, Probe{Kind: Unit, Target: "haproxy.service"}, "unit haproxy.service is "+other)
	}
	if err := look(t, Probe{Kind: Unit, Target: "other.service"}); err == nil || !strings.HasPrefix(err.Error(), "ask systemd for other.service: ") {
		t.Error(err)
	}
}

// A bus that restarts costs one look.
func TestUnitIsAskedAgainAfterItsBusWasGone(t *testing.T) {
	var state atomic.Value
	state.Store("active")
	t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path="+t.TempDir()+"/none")
	prober := New(Probe{Kind: Unit, Target: "haproxy.service"})
	defer prober.Close()
	if err := prober.Look(t.Context()); err == nil {
		t.Fatal("a bus that is not there has answered")
	}
	address := bus(t)
	conn, err := dbus.Connect(address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.Export(properties{&state}, "/org/freedesktop/systemd1/unit/haproxy_2eservice", "org.freedesktop.DBus.Properties")
	conn.RequestName("org.freedesktop.systemd1", 0)
	t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", address)
	if err := prober.Look(t.Context()); err != nil {
		t.Error(err)
	}
}

// bus starts a message bus and returns its address.
func bus(t *testing.T) string {
	t.Helper()
	cmd := exec.Command("dbus-daemon", "--session", "--nofork", "--print-address", "--address=unix:abstract="+socket(t))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(line)
}
