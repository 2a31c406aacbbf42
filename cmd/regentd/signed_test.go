package main_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"regent/cmd/internal/lab"
)

// The keys of the routers that sign their adverts, by number.
var signingKeys = map[byte][]byte{
	1: []byte("correct horse battery staple, and some more"),
	2: bytes.Repeat([]byte{0xa5}, 32),
	3: bytes.Repeat([]byte{0x5a}, 64),
}

// signing writes an auth_hmac: its mode, the key that signs, and all others. The
// first key is written as text, the second in hexadecimal, the third in a file.
func (s *stage) signing(mode string, active int, ids ...int) string {
	s.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "auth_hmac {\n        time_window 60\n        mode %s\n        active_key %d\n", mode, active)
	for _, id := range ids {
		value := fmt.Sprintf("%q", signingKeys[1])
		switch id {
		case 2:
			value = fmt.Sprintf("hex:%x", signingKeys[2])
		case 3:
			path, err := s.File("key", fmt.Sprintf("hex:%X\n", signingKeys[3]))
			s.must(err)
			s.must(os.Chmod(path, 0o600))
			value = "file:" + path
		}
		fmt.Fprintf(&b, "        key %d %s\n", id, value)
	}
	b.WriteString("    }")
	return b.String()
}

// A signer is a regent that is reloaded again and again.
type signer struct {
	*confRouter
	priority int
	tmp      string // where its dumps go
	steps    int    // reloads so far
}

func (s *stage) signer(name string, d dialect, number, priority int) *signer {
	s.Helper()
	x := &signer{priority: priority, tmp: s.TempDir()}
	x.confRouter = &confRouter{box: s.newBox(name, number, d), daemon: regentd, peer: 3 - number}
	x.daemon.Env = []string{"TMPDIR=" + x.tmp}
	x.confRouter.start(priority)
	return x
}

// reload gives the running router further settings.
func (x *signer) reload(settings string) {
	x.Helper()
	_, err := x.File(filepath.Join(x.host.Name, "regentd-1.conf"), x.speaks.with(settings).conf(x.priority, x.number, x.peer))
	x.must(err)
	x.must(x.running().Signal(syscall.SIGHUP))
	x.steps++
	x.until(x.name()+" has reloaded", func() bool { return strings.Count(x.log(), "reloaded ") == x.steps })
}

// counters returns what the router has counted: of itself, or of its links.
func (x *signer) counters() map[string]int {
	x.Helper()
	path := filepath.Join(x.tmp, "keepalived.stats")
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		x.Fatal(err)
	}
	x.must(x.running().Signal(syscall.SIGUSR2))
	var text []byte
	x.until(x.name()+" tells its counters", func() (ok bool) {
		var err error
		text, err = os.ReadFile(path)
		return err == nil
	})
	all := make(map[string]int)
	for line := range strings.Lines(string(text)) {
		key, value, ok := strings.Cut(strings.TrimSpace(line), ": ")
		if n, err := strconv.Atoi(value); ok && err == nil {
			all[key] = n
		}
	}
	return all
}

// drops are the counters of packets that were not taken.
func (x *signer) drops() (moved []string) {
	x.Helper()
	for name, n := range x.counters() {
		if n > 0 && (strings.HasSuffix(name, "_errors") || strings.HasPrefix(name, "auth_") || strings.Contains(name, "drop") ||
			strings.HasPrefix(name, "invalid_") || name == "short_packets") {
			moved = append(moved, fmt.Sprintf("%s is %d", name, n))
		}
	}
	return moved
}

// unheard returns how many adverts of one router another one has never taken:
// those before it came, and any that were lost. No advert may be on its way
// while they are asked.
func unheard(from, by *signer) int {
	from.Helper()
	n := 0
	from.until("nothing is on its way", func() bool {
		sent := from.counters()["adv_sent"]
		n = sent - by.counters()["adv_rcvd"]
		return sent > 0 && from.counters()["adv_sent"] == sent
	})
	return n
}

// proved verifies the trailer of a captured advert with nothing of regent's own
// (H-1 to H-7), and returns its key and its sequence.
func proved(a lab.Advert) (key byte, sequence uint64, ok bool) {
	b := a.Frame.Data[14:]
	family, size := byte(4), 4
	if a.Src.Is6() {
		family, size = 6, 16
		b = b[40:]
	} else {
		b = b[int(b[0]&15)*4 : binary.BigEndian.Uint16(b[2:])]
	}
	n := 8 + size*int(b[3])
	if a.Version == 2 {
		n += 8
	}
	if len(b) != n+28 {
		return 0, 0, false
	}
	message, trailer := bytes.Clone(b[:n]), b[n:]
	message[6], message[7] = 0, 0
	address := make([]byte, 16)
	copy(address, a.Src.AsSlice())
	h := hmac.New(sha256.New, signingKeys[trailer[1]])
	for _, part := range [][]byte{{family, a.Version, a.VRID, 0}, address, message, trailer[:12], make([]byte, 16)} {
		h.Write(part)
	}
	ok = bytes.Equal(h.Sum(nil)[:16], trailer[12:]) && trailer[0] == 1 && trailer[2] == 0 && trailer[3] == 0
	return trailer[1], binary.BigEndian.Uint64(trailer[4:]), ok
}

// A step is one of the configurations between no signatures and another key.
type step struct {
	mode   string // empty: no auth_hmac
	active int
	ids    []int
	signs  byte // the key of the adverts; 0: none
}

var signingSteps = []step{
	{"receive-only", 1, []int{1}, 0},
	{"permissive", 1, []int{1}, 1},
	{"enforce", 1, []int{1}, 1},
	{"enforce", 1, []int{1, 2}, 1},
	{"enforce", 2, []int{1, 2}, 2},
	{"enforce", 2, []int{2}, 2},
	{"enforce", 2, []int{2, 3}, 2},
	{"enforce", 3, []int{2, 3}, 3},
	{"enforce", 3, []int{3}, 3},
}

// H-41, H-47, H-48: two regents go by SIGHUP from no signatures to enforced
// ones, and from a key in the configuration to one in a file, one after the
// other, in turn the master and the backup first. In every mix one master
// reigns, not one advert is lost, and each bears the proof that it should.
// H-27, H-32: then the master dies, and somebody sends its last adverts again.
func TestSigningIsRolledOut(t *testing.T) {
	t.Parallel()
	for _, kind := range []struct {
		name   string
		speaks dialect
	}{{"v3-IPv4", v3IPv4}, {"v3-IPv6", v3IPv6}, {"v2-IPv4", v2IPv4}, {"v3-IPv4-unicast", v3IPv4.alone()},
		{"v3-IPv4-monotonic", v3IPv4}} {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			s := setStage(t)
			a := s.signer("a", kind.speaks, 1, 150)
			s.until("a has the addresses", func() bool { return a.owns(true) })
			patient := kind.speaks.with("down_timer_adverts 25") // which is five seconds
			if kind.speaks.version == 2 {
				patient = kind.speaks.with("down_timer_adverts 6")
			}
			b := s.signer("b", patient, 2, 100)
			s.until("b is backup", func() bool { return b.running().Said("Entering BACKUP STATE") })
			missed := unheard(a, b)
			for range 2 { // one that was on its way to b counts as missed
				s.speaks(a)
				missed = min(missed, unheard(a, b))
			}

			for i, st := range signingSteps {
				settings := s.signing(st.mode, st.active, st.ids...)
				if strings.HasSuffix(kind.name, "monotonic") {
					settings = strings.Replace(settings, "mode", "anti_replay monotonic\n        mode", 1)
				}
				pair := []*signer{a, b}
				if i%2 == 1 {
					pair = []*signer{b, a}
				}
				for _, x := range pair {
					x.reload(settings)
					s.speaks(a)
				}
				if last := s.speaks(a); last != st.signs {
					t.Errorf("after %+v adverts are signed with key %d", st, last)
				}
			}
			s.until("every advert has come", func() bool { return unheard(a, b) == missed })
			if moved := append(a.drops(), b.drops()...); moved != nil {
				t.Errorf("packets were dropped: %v", moved)
			}
			if n := adverts(s.wire, b.src(), s.begun); n != 0 || b.counters()["master_transitions"] != 0 {
				t.Errorf("b, a backup, has sent %d adverts", n)
			}
			s.replays(a, b)
		})
	}
}

// speaks waits for the next advert of a router and returns the key that has
// signed it, 0 if none has.
func (s *stage) speaks(x *signer) (key byte) {
	s.Helper()
	since := time.Now()
	last := s.advertised(x.name()+" advertises again", vrid, func(a lab.Advert) bool { return a.Src == x.src() && a.At.After(since) })
	key, sequence, ok := proved(last)
	if key != 0 && (!ok || last.At.Sub(time.Unix(int64(sequence>>32), 0)).Abs() > 3*time.Second) {
		s.Errorf("the proof of an advert is wrong: %x", last.Frame.Data)
	}
	return key
}

// replays kills the master and goes on sending its last adverts in its place:
// the backup takes over all the same.
func (s *stage) replays(master, backup *signer) {
	s.Helper()
	before := uint64(0)
	var said [][]byte
	for _, a := range s.wire.Adverts() {
		_, sequence, ok := proved(a)
		if ok && sequence <= before {
			s.Errorf("sequence %x follows %x", sequence, before)
		}
		if ok {
			before = sequence
		}
		if a.Src == master.src() {
			said = append(said, a.Frame.Data)
		}
	}
	record := said[len(said)-5:]
	master.crash()
	s.until("the backup takes over", func() bool {
		s.must(s.client.Inject("eth0", record...))
		return backup.owns(true)
	})
	c := backup.counters()
	if c["auth_ext_replay"] < len(record) {
		s.Errorf("of %d adverts that were sent again the backup has noticed %d: %v", len(record), c["auth_ext_replay"], c)
	}
}

// H-20, H-48: a router that does not know the trailer drops what bears one and
// takes over: it fails closed, which receive-only is there to avoid.
func TestOldRoutersDoNotHearSignedAdverts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		peer maker
		d    dialect
	}{
		{"keepalived/v3-IPv4", newKeepalived, v3IPv4},
		{"keepalived/v3-IPv6", newKeepalived, v3IPv6},
		{"keepalived/v2-IPv4", newKeepalived, v2IPv4},
		{"FRR/v3-IPv4", newFRR, v3IPv4},
		{"FRR/v3-IPv6", newFRR, v3IPv6.global()},
		{"FRR/v2-IPv4", newFRR, v2IPv4},
		{"regent/v3-IPv4", newRival, v3IPv4},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := setStage(t)
			// Regent is the slower one, because keepalived's own timer starts anew with
			// every advert that it hears, believed or not.
			regent := newRegent(s, c.d.every(2*c.d.interval).with(s.signing("permissive", 1, 1)), 1, 2)
			peer := c.peer(s, c.d, 2, 1)
			regent.start(150)
			s.until("regent has the addresses", func() bool { return regent.owns(true) })
			peer.start(100)
			s.until("the other one, which is worse, has them, too", func() bool { return peer.owns(true) })
			since := time.Now()
			s.until("both advertise", func() bool {
				return adverts(s.wire, regent.src(), since) > 1 && adverts(s.wire, peer.src(), since) > 1
			})
		})
	}
}

// H-14: with several peers each gets the same trailer, and takes it for right.
func TestOneSequenceForAllPeers(t *testing.T) {
	t.Parallel()
	s := setStage(t)
	d := v3IPv4.with(s.signing("enforce", 2, 2))
	hosts := make([]*lab.Host, 3)
	procs := make([]*lab.Proc, 3)
	for i := range hosts {
		hosts[i] = s.host(string(rune('a'+i)), own(i+1, false).String())
		var others []string
		for j := range hosts {
			if j != i {
				others = append(others, own(j+1, false).Addr().String())
			}
		}
		peers := fmt.Sprintf("unicast_peer {\n        %s\n    }", strings.Join(others, "\n        "))
		waits := patience
		if i == 0 {
			waits = ""
		}
		procs[i] = s.start(regentd, hosts[i], d.with(peers, waits).conf(150-30*i, 0, 0))
		if i == 0 {
			s.until("the first has the address", func() bool { return hosts[0].Has(vip) })
		} else {
			s.until("the others are backups", func() bool { return procs[i].Said("Entering BACKUP STATE") })
		}
	}
	since := time.Now()
	to := make(map[uint64][]netip.Addr)
	s.until("a few adverts went to both peers", func() bool {
		clear(to)
		for _, a := range s.wire.Adverts() {
			if a.At.Before(since) || a.Src != own(1, false).Addr() {
				continue
			}
			_, sequence, ok := proved(a)
			if !ok {
				s.Fatalf("an advert is not proved: %x", a.Frame.Data)
			}
			to[sequence] = append(to[sequence], a.Dst)
		}
		return len(to) > 10
	})
	all := slices.Sorted(maps.Keys(to))
	for _, sequence := range all[1 : len(all)-1] { // of the first and the last not all copies may be there
		dsts := to[sequence]
		if want := []netip.Addr{own(2, false).Addr(), own(3, false).Addr()}; !slices.Equal(dsts, want) {
			t.Errorf("sequence %x went to %v", sequence, dsts)
		}
	}
	for i, p := range procs[1:] {
		if p.Said("dropped") || hosts[i+1].Has(vip) {
			t.Errorf("peer %d does not hear it", i+2)
		}
	}
}
