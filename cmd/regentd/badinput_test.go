package main_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"regent/cmd/internal/lab"
)

// mistakes are configurations that are wrong in one way each. %FILE% in what is
// said stands for the path of the file.
var mistakes = []struct {
	name, conf string
	level      string // of the log
	says       string
	runs       bool
}{
	{"unknown keyword", instance("eth0", 200, "0.1", "prioritty 150"), "WARN", `%FILE%:11:5: unknown keyword "prioritty" in vrrp_instance (did you mean "priority"?) effect="the line is ignored"`, true},
	{"unusable check", "vrrp_script chk {\n script /nonexistent/check\n}\n" + instance("eth0", 200, "0.1", "track_script {", "chk", "}"),
		"ERROR", `%FILE%:2:9: vrrp_script chk: run /nonexistent/check: /nonexistent: no such file or directory effect="it does not run, and who tracks it goes without"`, true},
	{"VRID 0", strings.Replace(instance("eth0", 200, "0.1"), "router_id 51", "router_id 0", 1), "ERROR", `%FILE%:5:23: virtual_router_id "0" is not valid`, false},
	{"VRID 256", strings.Replace(instance("eth0", 200, "0.1"), "router_id 51", "router_id 256", 1), "ERROR", `%FILE%:5:23: virtual_router_id "256" is not valid`, false},
	{"no interface", strings.Replace(instance("eth0", 200, "0.1"), "interface eth0", "", 1), "ERROR", `%FILE%:2:1: vrrp_instance "VI_1" has no interface`, false},
	{"broken syntax", "\nvrrp_instance VI_1 {\n", "ERROR", `%FILE%:2:1: `, false},
}

// A mistake is named with its position. Either the daemon runs without the
// line, or it ends with keepalived's exit code and has touched nothing.
func TestMistakesAreNamed(t *testing.T) {
	for _, m := range mistakes {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			s := setStage(t)
			h := s.host("router", "192.0.2.1/24")
			p := s.start(regentd, h, m.conf)
			if m.runs {
				s.until("the router has its address", func() bool { return h.Has(vip) })
			} else if code := s.ended(p); code != 2 {
				t.Errorf("exit code %d, want 2", code)
			}
			says := strings.ReplaceAll(m.says, "%FILE%", filepath.Join(s.Dir, "router", "regentd-1.conf"))
			s.until("it says "+says, func() bool { return p.Said(fmt.Sprintf("%-5s %s", m.level, says)) })
			if !m.runs && (h.Has(vip) || len(s.wire.Adverts()) > 0) {
				t.Error("it touched the network")
			}
		})
	}
}

// A configuration that cannot be read at all ends the daemon with another code
// than one that is wrong, as it ends keepalived.
func TestUnreadableConfiguration(t *testing.T) {
	s := setStage(t)
	h := s.host("router", "192.0.2.1/24")
	executable := filepath.Join(t.TempDir(), "executable.conf")
	if err := os.WriteFile(executable, []byte(instance("eth0", 200, "0.1")), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"/none.conf", "/", executable} {
		for _, d := range []lab.Daemon{regentd, lab.Keepalived()} {
			p, err := h.StartDaemon(d, "", nil, "-f", file) // of two files the last one counts
			s.must(err)
			if code := s.ended(p); code != 6 {
				t.Errorf("%s with %s: exit code %d, want 6", d.Name, file, code)
			}
		}
	}
}

// -t says the same, as keepalived's exit codes do, and needs no privilege.
func TestConfigTest(t *testing.T) {
	dir := t.TempDir()
	check := func(name, conf string) (string, int) {
		t.Helper()
		file := filepath.Join(dir, name+".conf")
		if err := os.WriteFile(file, []byte(conf), 0o644); err != nil {
			t.Fatal(err)
		}
		return configTest(t, file)
	}
	if out, code := check("good", instance("lo", 100, "1")); code != 0 && code != 5 { // lo is no place for VRRP, but it is there
		t.Errorf("a good configuration ends with %d:\n%s", code, out)
	}
	for _, m := range mistakes {
		out, code := check("bad", m.conf)
		says := strings.ReplaceAll(m.says, "%FILE%", filepath.Join(dir, "bad.conf"))
		place, what, _ := strings.Cut(says, ": ")
		what, effect, _ := strings.Cut(what, " effect=") // a line of its own here
		if code == 0 || !strings.Contains(out, place) || !strings.Contains(out, what) || !strings.Contains(out, strings.Trim(effect, `"`)) {
			t.Errorf("%s: exit code %d, output\n%s", m.name, code, out)
		}
	}
	if out, code := configTest(t, filepath.Join(dir, "missing.conf")); code != 6 {
		t.Errorf("a missing file ends with %d:\n%s", code, out)
	}
}

// A command line for keepalived starts regentd, too: what means nothing there is
// passed over. Only with -e must every included file be there.
func TestOptionsOfKeepalived(t *testing.T) {
	file := filepath.Join(t.TempDir(), "keepalived.conf")
	conf := "include missing.conf\n" + instance("lo", 100, "1")
	if err := os.WriteFile(file, []byte(conf), 0o644); err != nil {
		t.Fatal(err)
	}
	_, want := configTest(t, file)
	out, code := configTest(t, file, "-PBRXVdaxmI", "-DD", "-A", "/socket", "-r", "/v.pid", "-c", "/c.pid", "-b", "/b.pid", "--all", "--ignore-sigint")
	if code != want || code == 1 {
		t.Errorf("with options that mean nothing: exit code %d, want %d:\n%s", code, want, out)
	}
	if out, code := configTest(t, file, "-e"); code != 6 {
		t.Errorf("with -e: exit code %d, want 6:\n%s", code, out)
	}
}

func configTest(t *testing.T, file string, options ...string) (string, int) {
	t.Helper()
	if err := lookAtSources(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), generous)
	defer cancel()
	out, err := exec.CommandContext(ctx, regentd.Path, append(options, "-t", "-f", file)...).CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if exit != nil {
		return string(out), exit.ExitCode()
	}
	return string(out), 0
}

// Without privilege, one sentence names the capability; exit code 4.
func TestMissingPrivilegeIsNamed(t *testing.T) {
	t.Parallel()
	s := setStage(t)
	h := s.host("router", "192.0.2.1/24")
	file, err := s.File("router.conf", instance("eth0", 200, "0.1"))
	s.must(err)
	s.must(os.Chmod(s.Dir, 0o777))
	s.must(os.Chmod(filepath.Dir(regentd.Path), 0o755))
	for _, capability := range []string{"net_raw", "net_admin"} {
		p, err := h.Start(lab.Command{Path: "setpriv", Args: []string{
			"--bounding-set=-" + capability, "--inh-caps=-" + capability,
			regentd.Path, "-n", "-l", "-G", "-f", file, "-p", filepath.Join(s.Dir, "pid")}})
		s.must(err)
		if code := s.ended(p); code != 4 {
			t.Errorf("without %s it ends with %d", capability, code)
		}
		if !p.Said("needs the capability", "CAP_"+strings.ToUpper(capability)) {
			t.Errorf("without %s it says\n%s", capability, p.Log())
		}
	}
	if h.Has(vip) || len(s.wire.Adverts()) > 0 {
		t.Error("it touched the network")
	}
}

// garbage delays nothing, in either role, and does not fill the log.
func TestGarbageDelaysNothing(t *testing.T) {
	for _, role := range []struct {
		name     string
		priority int
	}{{"as master", 200}, {"as backup", 50}} {
		t.Run(role.name, func(t *testing.T) {
			t.Parallel()
			s := setStage(t)
			h, other, villain := s.host("router", "192.0.2.1/24"), s.host("rival", "192.0.2.2/24"), s.host("villain", "192.0.2.3/24")
			better, worse, waits := h, other, patience
			if role.priority < 100 {
				better, worse, waits = other, h, ""
			}
			p := s.start(regentd, h, instance("eth0", role.priority, "1"))
			s.start(lab.Keepalived(), other, instance("eth0", 100, "1", waits))
			s.until("the better router has the address", func() bool { return better.Has(vip) && !worse.Has(vip) })
			s.advertised("it advertises", vrid, func(a lab.Advert) bool { return a.MAC.String() == better.MAC("eth0").String() })

			begun := time.Now()
			s.must(villain.Flood(10_000, garbage))
			s.until("four more adverts were sent", func() bool {
				n := 0
				for _, a := range s.wire.Adverts() {
					if a.At.After(begun) && a.MAC.String() == better.MAC("eth0").String() {
						n++
					}
				}
				return n >= 4
			})
			heard := begun
			for _, a := range s.wire.Adverts() {
				switch {
				case a.MAC.String() == better.MAC("eth0").String():
					heard = a.At
				case a.At.After(begun) && a.MAC.String() == worse.MAC("eth0").String() && a.At.Sub(heard) < 3*time.Second:
					// Else it was right: garbage keeps keepalived from advertising.
					t.Errorf("the other router advertised %v after the flood began: it had not heard the master", a.At.Sub(begun))
				}
			}
			if n := len(p.Lines()); n > 200 {
				t.Errorf("the log has %d lines", n)
			}
			if role.priority > 100 {
				s.until("it mentions the garbage", func() bool { return p.Said("dropped") })
			}
		})
	}
}

// garbage is the payload of the nth packet of a flood: noise, adverts cut
// short, and ones that are wrong in one field only.
func garbage(n int) (to netip.Addr, payload []byte) {
	good := []byte{0x31, vrid, 100, 1, 0, 100, 0, 0, 192, 0, 2, 100} // but for its checksum
	switch n % 5 {
	case 0:
		payload = []byte(strings.Repeat(string(rune(n)), n%64))
	case 1:
		payload = good[:n%len(good)]
	case 2:
		payload = good
	case 3:
		payload = append([]byte{0x71}, good[1:]...)
	case 4:
		payload = append(good, make([]byte, n%1400)...)
	}
	return netip.MustParseAddr("224.0.0.18"), payload
}
