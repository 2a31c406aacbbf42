package netif

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// died makes changes as a daemon does that notes them in a journal, and is killed
// then: its sockets are closed, and nothing else happens.
func (s *space) died(journal string, change func(h *Host)) {
	s.t.Helper()
	var h *Host
	s.do(func() (err error) { h, err = Open(nil); return err })
	s.must(h.KeepJournal(journal))
	change(h)
	s.must(h.Close())
}

// addressesOf returns the IPv4 addresses of a link.
func (s *space) addressesOf(link string) string {
	return s.ip("-br -4 addr show dev " + link)
}

func at(link int, prefixes ...string) (cs []Change) {
	for _, p := range prefixes {
		cs = append(cs, Change{Link: link, Address: Address{Prefix: netip.MustParsePrefix(p)}})
	}
	return cs
}

func removed(cs []Change) []Change {
	for i := range cs {
		cs[i].Remove = true
	}
	return cs
}

// B-29: what a predecessor has added and not removed is known, whoever added the
// like of it before or afterwards. What is to be kept is known to the next one, too.
func TestLeftoverAddresses(t *testing.T) {
	a, b := newSpace(t), newSpace(t)
	veth(a, "eth0", b, "eth0")
	journal, eth0 := filepath.Join(t.TempDir(), "journal"), a.index("eth0")
	a.add("eth0", "192.0.2.1/24") // theirs
	peer := Change{Link: eth0, Address: Address{Prefix: prefix("192.0.2.50/32"), Peer: prefix("192.0.2.51/32")}}
	a.died(journal, func(h *Host) {
		h.Change(at(eth0, "192.0.2.1/24", "198.51.100.1/24", "198.51.100.2/24", "198.51.100.3/24", "198.51.100.4/24", "2001:db8::7/64"))
		a.good(h.Change([]Change{peer}))
		a.good(h.Change(removed(at(eth0, "198.51.100.2/24"))))
		if errs := h.Change(at(eth0+1000, "203.0.113.1/24")); errs == nil {
			t.Error("an address on no link")
		}
		gone := at(eth0, "198.51.100.5/24")
		a.good(h.Change(append(append(append(gone, removed(at(eth0, "198.51.100.5/24"))...), gone...), removed(at(eth0, "198.51.100.5/24"))...)))
	})
	text, err := os.ReadFile(journal) // the only witness where the kernel keeps no marks
	a.must(err)
	lines := strings.Split(string(text), "\n")
	if refused := " address " + strconv.Itoa(eth0) + " 192.0.2.1/24"; !slices.Contains(lines, "+"+refused) || !slices.Contains(lines, "-"+refused) {
		t.Errorf("what was there before is not taken back:\n%s", text)
	}
	a.add("eth0", "198.51.100.2/24") // theirs, after it was given up
	a.ip("addr del 198.51.100.4/24 dev eth0")
	a.add("eth0", "198.51.100.4/24") // theirs, instead of regent's
	a.died(journal, func(h *Host) {
		n, err := h.RemoveLeftovers(Kept{Addresses: at(eth0, "198.51.100.3/24")})
		if n != 3 || err != nil {
			t.Errorf("removed %d: %v", n, err)
		}
		if got, want := a.addressesOf("eth0"), "192.0.2.1/24 198.51.100.3/24 198.51.100.2/24 198.51.100.4/24"; !strings.HasSuffix(got, want) { // as the kernel has them
			t.Errorf("there is %s, want %s", got, want)
		}
		h.Change(at(eth0, "198.51.100.3/24")) // it is there
	})
	a.died(journal, func(h *Host) {
		if n, err := h.RemoveLeftovers(Kept{}); n != 1 || err != nil {
			t.Errorf("removed %d: %v", n, err)
		}
	})
	if _, err := os.Stat(journal); !os.IsNotExist(err) {
		t.Errorf("there is a journal of nothing: %v", err)
	}
}

// Devices that nobody asks for any more go, those that somebody does stay, as do
// those of others, and the tables of the firewall go whatever they are called.
func TestLeftoverDevicesAndTables(t *testing.T) {
	_, hosts := lan(t, 1)
	a, journal := hosts[0], filepath.Join(t.TempDir(), "journal")
	eth0 := a.index("eth0")
	device := func(vrid uint8) Device {
		return Device{VMAC: VMAC{Kind: MACVLAN}, Parent: eth0, Family: IPv4, VRID: vrid}
	}
	a.ip("link add theirs link eth0 address 00:00:5e:00:01:0a type macvlan mode private")
	a.died(journal, func(h *Host) {
		made := a.make(h, device(10), device(11), device(12), device(13))
		a.good(h.RaiseDevices([]int{made[1].Link.Index, made[2].Link.Index}))
		a.good(h.Change(at(made[2].Link.Index, "198.51.100.1/24")))
		a.good(h.RemoveDevices([]int{made[3].Link.Index}))
		one, err := h.OpenFirewall(FirewallSettings{Table: "one"})
		a.must(err)
		two, err := h.OpenSeats(FirewallSettings{Table: "two"})
		a.must(err)
		a.must(errors.Join(one.abandon(), two.abandon())) // as a kill does
	})
	a.died(journal, func(h *Host) {
		if tables := a.nft("list", "tables"); tables != "" {
			t.Errorf("left behind: %s", tables)
		}
		if n, err := h.RemoveLeftovers(Kept{Devices: []Device{device(12)}}); n != 2 || err != nil {
			t.Errorf("removed %d: %v", n, err)
		}
		links := a.ip("-br link")
		if !strings.Contains(links, "theirs@eth0") || strings.Contains(links, "vrrp.11") || !strings.Contains(links, "vrrp.12@eth0 DOWN") {
			t.Errorf("there is %s", links)
		}
		if got := a.addressesOf("vrrp.12"); strings.Contains(got, "198.51.100.1") {
			t.Errorf("an address is left: %s", got)
		}
		a.make(h, device(12))
	})
	a.died(journal, func(h *Host) {
		if n, err := h.RemoveLeftovers(Kept{}); n != 1 || err != nil {
			t.Errorf("removed %d: %v", n, err)
		}
	})
}

// A journal of another namespace, of another boot, or that somebody else may have
// written, says nothing; one that was cut short says what was complete.
func TestJournalsThatAreNotBelieved(t *testing.T) {
	for _, c := range []struct {
		name    string
		change  func(text string) string
		mode    os.FileMode
		removed int
	}{
		{"as it was", func(s string) string { return s }, 0o600, 2},
		{"cut short", func(s string) string { return s[:len(s)-1] }, 0o600, 1},
		{"of another namespace", func(s string) string { return strings.Replace(s, "namespace ", "namespace 1", 1) }, 0o600, 0},
		{"of another boot", func(s string) string { return strings.Replace(s, "boot ", "boot 1", 1) }, 0o600, 0},
		{"empty", func(string) string { return "" }, 0o600, 0},
		{"nonsense", func(s string) string { return s + "+\n-\n\n+ address\n+ device x\n+ rule zz\n" }, 0o600, 2},
		{"writable by others", func(s string) string { return s }, 0o622, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, b := newSpace(t), newSpace(t)
			veth(a, "eth0", b, "eth0")
			journal, eth0 := filepath.Join(t.TempDir(), "journal"), a.index("eth0")
			a.died(journal, func(h *Host) {
				a.good(h.Change(at(eth0, "198.51.100.1/24")))
				a.good(h.Change(at(eth0, "198.51.100.2/24")))
			})
			text, err := os.ReadFile(journal)
			a.must(err)
			a.must(errorsOf(os.WriteFile(journal, []byte(c.change(string(text))), 0o600), os.Chmod(journal, c.mode)))
			h := a.host()
			if err := h.KeepJournal(journal); (err != nil) != (c.mode != 0o600) {
				t.Error(err)
			}
			if n, _ := h.RemoveLeftovers(Kept{}); n != c.removed {
				t.Errorf("removed %d, want %d", n, c.removed)
			}
		})
	}
}

// A journal does not grow with the past.
func TestAJournalIsKeptShort(t *testing.T) {
	a, b := newSpace(t), newSpace(t)
	veth(a, "eth0", b, "eth0")
	journal, eth0 := filepath.Join(t.TempDir(), "journal"), a.index("eth0")
	h := a.host()
	a.must(h.KeepJournal(journal))
	a.good(h.Change(at(eth0, "198.51.100.1/24")))
	most := int64(0)
	for range slack {
		a.good(h.Change(at(eth0, "198.51.100.2/24")))
		a.good(h.Change(removed(at(eth0, "198.51.100.2/24"))))
		st, err := os.Stat(journal)
		a.must(err)
		most = max(most, st.Size())
	}
	if most > (slack+10)*40 {
		t.Errorf("it had %d octets", most)
	}
	a.good(h.Change(removed(at(eth0, "198.51.100.1/24"))))
}
